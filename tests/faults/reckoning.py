"""The comparison afterwards: what was acknowledged, against what the city says by its API and in its tables."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.faults.journal import Journal
from tests.faults.outside import Outside
from tests.faults.town import Town

Entries = list[dict[str, Any]]


@dataclass
class Reckoning:
    """What is missing, and what is there too often."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def exactly(self, wanted: int, found: int, what: str) -> None:
        """So many are there, no fewer and no more."""
        if found < wanted:
            self.lost.append(f"{what}: {found} instead of {wanted}")
        elif found > wanted:
            self.doubled.append(f"{what}: {found} instead of {wanted}")

    def require(self, holds: bool, what: str) -> None:
        """Something acknowledged still holds."""
        if not holds:
            self.lost.append(what)


async def reckon(town: Town, journal: Journal) -> Reckoning:
    """Wait until the city is quiet, then compare everything. Fails with what is lost or doubled."""
    await town.until_quiet()
    found = Reckoning()
    await _sign_ins(town, journal, found)
    await _consents(town, journal, found)
    await _loans(town, journal, found)
    await _cards(town, journal, found)
    await _notices(town, journal, found)
    await _looks(town, journal, found)
    await _leftovers(town, found)
    await _as_residents_see_it(town, journal, found)
    assert not found.lost, f"{len(found.lost)} lost: {found.lost[:10]}"
    assert not found.doubled, f"{len(found.doubled)} doubled: {found.doubled[:10]}"
    return found


async def _sign_ins(town: Town, journal: Journal, found: Reckoning) -> None:
    entries = journal.entries("sign_in")
    sessions = Counter(
        str(row["id"])
        for row in await town.rows(
            "SELECT id FROM core_session WHERE ended_at IS NULL AND id = ANY($1)", _ids(entries, "session")
        )
    )
    for entry in entries:
        found.exactly(1, sessions[entry["session"]], f"session of {entry['phone']}")
    # One session for every challenge that was used, one refresh token for every session, one resident a number.
    for row in await town.rows(
        "SELECT r.id, (SELECT count(*) FROM core_session s WHERE s.resident_id = r.id) AS sessions,"
        " (SELECT count(*) FROM core_sign_in_challenge c WHERE c.phone_index = r.phone_index AND used_at IS NOT NULL)"
        " AS used, (SELECT count(*) FROM core_refresh_token t JOIN core_session s ON s.id = t.session_id"
        " WHERE s.resident_id = r.id) AS refresh FROM core_resident r WHERE r.id = ANY($1)",
        _ids(entries, "resident"),
    ):
        found.exactly(row["used"], row["sessions"], f"sessions of {row['id']} for its used challenges")
        found.exactly(row["sessions"], row["refresh"], f"refresh tokens of {row['id']}")
    for entry in journal.entries("code_awaited"):
        row = (
            await town.rows(
                "SELECT state, attempts FROM notifications_delivery WHERE unique_key = $1",
                f"challenge:{entry['challenge']}",
            )
        )[0]
        found.require(row["state"] != "accepted", f"text message of {entry['challenge']}")
        print(f"a code came too late for its reader: {row['state']} after {row['attempts']} attempts")
    texts = Counter(
        (town.keys.open("notifications_simulated_sms.to", row["to"]), _text(town, row))
        for row in await town.rows('SELECT "to", text FROM notifications_simulated_sms')
    )
    for (phone, _), times in texts.items():
        found.exactly(1, times, f"text message to {phone}")


async def _consents(town: Town, journal: Journal, found: Reckoning) -> None:
    withdrawn = {entry["consent"] for entry in journal.entries("withdrawal")}
    rows = await town.rows("SELECT id, resident_id, app_id, scope, withdrawn_at FROM core_consent")
    given = Counter((str(row["resident_id"]), row["app_id"], row["scope"]) for row in rows)
    for entry in journal.entries("consent"):
        what = f"consent of {entry['resident']} to {entry['app_id']} {entry['scope']}"
        found.exactly(1, given[entry["resident"], entry["app_id"], entry["scope"]], what)
    ended = {str(row["id"]) for row in rows if row["withdrawn_at"] is not None}
    for consent in withdrawn:
        found.require(consent in ended, f"withdrawal of {consent}")
    told = Counter(
        (row["payload_sub"], row["payload_scope"])
        for row in await town.rows(
            "SELECT payload->>'sub' AS payload_sub, payload->>'scope' AS payload_scope FROM core_outbox_event"
            " WHERE name = 'consent_withdrawn'"
        )
    )
    heard = Counter(row["sub"] for row in town.in_library("select sub from banyan_withdrawals"))
    for entry in journal.entries("withdrawal"):
        found.exactly(1, told[entry["sub"], entry["scope"]], f"fact of the withdrawal by {entry['sub']}")
        found.exactly(1, heard[entry["sub"]], f"the library's knowledge of the withdrawal by {entry['sub']}")


async def _loans(town: Town, journal: Journal, found: Reckoning) -> None:
    rows = town.in_library("select id, sub, key, returned_on from loans")
    by_key = Counter((row["sub"], row["key"]) for row in rows)
    returned = {row["id"] for row in rows if row["returned_on"] is not None}
    messages = Counter(
        row["unique_key"]
        for row in await town.rows("SELECT unique_key FROM notifications_message WHERE app_id = 'library'")
    )
    for entry in journal.entries("borrow"):
        found.exactly(1, by_key[entry["sub"], entry["key"]], f"loan {entry['loan']}")
        found.exactly(1, messages[f"app:library:borrowed:{entry['loan']}"], f"notice of the loan {entry['loan']}")
    for entry in journal.entries("return"):
        found.require(entry["loan"] in returned, f"return of {entry['loan']}")
        found.exactly(1, messages[f"app:library:returned:{entry['loan']}"], f"notice of the return of {entry['loan']}")


async def _cards(town: Town, journal: Journal, found: Reckoning) -> None:
    rows = await town.rows("SELECT resident_id, app_id, id, version FROM card_wallet_card")
    held = Counter((str(row["resident_id"]), row["app_id"]) for row in rows)
    versions = {str(row["id"]): row["version"] for row in rows}
    issued = Counter(
        row["card_id"]
        for row in await town.rows(
            "SELECT payload->>'card_id' AS card_id FROM core_outbox_event WHERE name = 'card_issued'"
        )
    )
    wishes = Counter(entry["id"] for entry in journal.entries("card"))
    for entry in journal.entries("card"):
        found.exactly(1, held[entry["resident"], "pool"], f"pool card of {entry['resident']}")
        found.exactly(wishes[entry["id"]], versions.get(entry["id"], 0), f"versions of the pool card {entry['id']}")
        found.exactly(1, issued[entry["id"]], f"fact of the pool card {entry['id']}")
    for resident in {entry["resident"] for entry in journal.entries("borrow")}:
        found.exactly(1, held[resident, "library"], f"library card of {resident}")


async def _notices(town: Town, journal: Journal, found: Reckoning) -> None:
    rows = await town.rows("SELECT id, unique_key, resident_id, position, read_at FROM notifications_message")
    by_key = Counter(row["unique_key"] for row in rows)
    for entry in journal.entries("notice"):
        found.exactly(1, by_key[f"app:pool:{entry['key']}"], f"notice {entry['id']}")
    read = {str(row["id"]) for row in rows if row["read_at"] is not None}
    for entry in journal.entries("read"):
        found.require(entry["id"] in read, f"mark on the notice {entry['id']}")
    positions: dict[UUID, list[int]] = defaultdict(list)
    unread: Counter[UUID] = Counter()
    for row in rows:
        positions[row["resident_id"]].append(row["position"])
        unread[row["resident_id"]] += row["read_at"] is None
    for row in await town.rows("SELECT resident_id, last_position, unread FROM notifications_inbox"):
        resident = row["resident_id"]
        gapless = sorted(positions[resident]) == list(range(1, row["last_position"] + 1))
        found.require(gapless, f"positions in the inbox of {resident}")
        found.require(row["unread"] == unread[resident], f"count of unread notices of {resident}")


async def _looks(town: Town, journal: Journal, found: Reckoning) -> None:
    kept = Counter(
        row["idempotency_key"] for row in await town.rows("SELECT idempotency_key FROM card_wallet_presentation")
    )
    rows = await town.rows("SELECT resident_id, reference FROM personal_space_ledger_entry")
    looks = Counter((str(row["resident_id"]), row["reference"]) for row in rows)
    for entry in journal.entries("scan"):
        found.exactly(1, kept[entry["key"]], f"presentation {entry['id']}")
        found.exactly(1, looks[entry["resident"], f"presentation:{entry['id']}"], f"ledger entry of {entry['id']}")
    for entry in journal.entries("launch"):
        found.exactly(1, looks[entry["resident"], f"launch:{entry['launch_id']}"], f"look at {entry['launch_id']}")


async def _leftovers(town: Town, found: Reckoning) -> None:
    for row in await town.rows("SELECT name, last_error FROM core_job WHERE state = 'dead'"):
        found.lost.append(f"job {row['name']} went to the dead letters: {row['last_error']}")
    for row in town.in_library("select key, problem from banyan_calls where state = 'refused'"):
        found.lost.append(f"call {row['key']} of the library was refused: {row['problem']}")
    for row in town.in_library("select id from banyan_events where state = 'failed'"):
        found.lost.append(f"event {row['id']} failed in the library")


async def _as_residents_see_it(town: Town, journal: Journal, found: Reckoning) -> None:
    """The same once more through the front door, for everybody who signed in."""
    by_resident: dict[str, dict[str, Entries]] = defaultdict(lambda: defaultdict(list))
    kinds = ("profile", "consent", "withdrawal", "borrow", "return", "card", "notice", "scan", "launch")
    for kind in kinds:
        for entry in journal.entries(kind):
            by_resident[entry["resident"]][kind].append(entry)
    doors = asyncio.Semaphore(8)
    async with Outside(town) as outside:

        async def look(entry: dict[str, Any]) -> None:
            async with doors:
                await _one_resident(outside, entry, by_resident[entry["resident"]], found)

        await asyncio.gather(*(look(entry) for entry in journal.entries("sign_in")))


async def _one_resident(outside: Outside, signed_in: dict[str, Any], did: dict[str, Entries], found: Reckoning) -> None:
    who, me = signed_in["phone"], {"authorization": f"Bearer {signed_in['token']}"}

    async def items(path: str) -> Entries:
        """The whole list, page by page."""
        listed: Entries = []
        cursor = ""
        while True:
            answer = await outside.insist("GET", f"{path}?limit=100{cursor}", headers=me)
            assert answer.status == 200, (who, answer)
            listed += answer.body["items"]
            if answer.body["next"] is None:
                return listed
            cursor = f"&cursor={answer.body['next']}"

    profile = (await outside.insist("GET", "/v1/me", headers=me)).body
    if did["profile"]:
        last = did["profile"][-1]
        found.require(profile["name"] == last["name"], f"name of {who}")
        found.exactly(1 + last["changes"], profile["version"], f"changes of the profile of {who}")
    stand = {(each["app_id"], each["scope"]) for each in await items("/v1/consents")}
    allowed = {(each["app_id"], each["scope"]) for each in did["consent"]}
    allowed -= {(each["app_id"], each["scope"]) for each in did["withdrawal"]}
    found.require(allowed <= stand and len(stand) >= len(allowed), f"consents that {who} sees")
    cards = Counter(each["app_id"] for each in await items("/v1/cards"))
    found.exactly(1 if did["card"] else cards["pool"], cards["pool"], f"pool cards that {who} sees")
    if did["borrow"]:
        found.exactly(1, cards["library"], f"library cards that {who} sees")
        open_loans = str(len(did["borrow"]) - len(did["return"]))
        card = next(each for each in await items("/v1/cards") if each["app_id"] == "library")
        shown = {each["name"]: each["value"] for each in card["fields"]}
        found.require(shown["loans_open"] == open_loans, f"count of loans on the card of {who}")
    inbox = Counter(each["app_id"] for each in await items("/v1/inbox"))
    found.exactly(len(did["notice"]), inbox["pool"], f"pool notices that {who} sees")
    found.exactly(len(did["borrow"]) + len(did["return"]), inbox["library"], f"library notices that {who} sees")
    ledger = Counter(each["reference"] for each in await items("/v1/ledger"))
    for scan in did["scan"]:
        found.exactly(1, ledger[f"presentation:{scan['id']}"], f"looks by the desk that {who} sees")


def _ids(entries: Entries, member: str) -> list[UUID]:
    return [UUID(entry[member]) for entry in entries]


def _text(town: Town, row: Any) -> str:
    return town.keys.open("notifications_simulated_sms.text", row["text"])
