"""Old values under a new key: all of them, whatever happens meanwhile; then the old key can go."""

import base64
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from tortoise import Tortoise
from tortoise.fields import BinaryField

from app_server import wiring
from app_server.authorization import devices
from app_server.identity.outside.models import OutsideCheck
from app_server.identity.phone_changes.models import PhoneChange
from app_server.identity.profiles import name_of
from app_server.identity.proofing.levels import Evidence, Method
from app_server.identity.proofing.models import IdentityProof
from app_server.kernel import resealing
from app_server.kernel.crypto import KeyRing
from app_server.kernel.ids import uuid7
from app_server.kernel.key_file import KeyFile, KeyFileError
from app_server.kernel.key_times import OVERLAP
from app_server.kernel.resealing import FIRST, Sealed, drop_sealing_key, reseal, reseal_page
from app_server.kernel.rotation import rotate
from app_server.kernel.unit_of_work import execute
from notifications.models import SIMULATED_TEXT, SIMULATED_TO
from tests.authenticator import Authenticator
from tests.city import City, open_city
from tests.factories import app_token, consent, publish, subject
from tests.identity.factors.people import set_password
from tests.identity.test_passkeys import added
from tests.manifests import PROMISE, manifest

MANIFEST = manifest(
    scopes=[{"scope": "notices:send", **PROMISE}, {"scope": "cards:issue", **PROMISE}],
    cards=[
        {
            "type": "reader-card",
            "title": {"en": "Card", "zh-CN": "卡"},
            "colour": "#1F6F8B",
            "offline": False,
            "fields": [
                {"name": "lane", "label": {"en": "Lane", "zh-CN": "泳道"}},
                {"name": "row", "label": {"en": "Row", "zh-CN": "排"}},
            ],
            "disclose": {"gate": ["lane"]},
        }
    ],
    notices=[
        {
            "id": "open",
            "title": {"en": "Open", "zh-CN": "开放"},
            "body": {"en": "Lane {lane} is yours.", "zh-CN": "{lane} 号泳道归您使用。"},
        }
    ],
)
UNSEALED = {  # hashes, and what every device or page is told
    ("core_passkey", "public_key"),
    ("core_passkey_challenge", "challenge"),
    ("core_idempotent_answer", "fingerprint"),
    ("card_wallet_enrolment", "secret_hash"),
    ("card_wallet_presentation", "fingerprint"),
    ("notifications_simulated_sms", "to_index"),
}


@pytest.fixture
async def own(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[City]:
    """A city with a key file of this test alone, and small pages."""
    monkeypatch.setattr(resealing, "PAGE", 3)
    monkeypatch.setattr(resealing, "COUNTED", 3)
    settings = city.settings.model_copy(update={"key_file": tmp_path / "keys.json"})
    KeyRing.create(settings.key_file, city.clock())
    async with open_city(settings) as opened:
        yield opened


async def new_key(city: City) -> str:
    """Rotate, wait until the new one seals and nothing is on its way under the old one; the old one's id."""
    old = KeyFile.read(city.settings.key_file).sealing[0].id.hex()
    await rotate(city.settings, city.clock(), by="test", sealing=True)
    city.clock.ahead += timedelta(seconds=city.settings.key_lead_seconds) + OVERLAP
    city.state["keys"].refresh()
    return old


async def lived_in(city: City) -> None:
    """A value in every column, and more than a page in most."""
    await publish(city, MANIFEST)
    lin = await city.person()
    await consent(city, lin, ["notices:send", "cards:issue"])
    card = {"sub": subject(city, lin), "type": "reader-card", "number": "17", "fields": {"lane": "3", "row": "4"}}
    notice = {"sub": subject(city, lin), "template": "open", "data": {"lane": "3"}}
    for path, scope, asked in (("/v1/cards", "cards:issue", card), ("/v1/notices", "notices:send", notice)):
        for person in range(4):
            headers = {"authorization": f"Bearer {app_token(city, scope)}", "idempotency-key": f"key-{person}{path}"}
            async with city.browser(**headers) as http:
                answer = await http.post(path, json=asked)
                assert answer.status_code in (201, 202), answer.text
    await lin.post("/oauth/token", data={"grant_type": "refresh_token", "refresh_token": lin.refresh_token})
    for phone in range(4):
        await city.person(f"+861380000001{phone}")
    await added(lin, Authenticator(), name="Phone")
    await set_password(lin)
    assert (await lin.post("/v1/me/authenticator-app")).status_code == 201
    session = (await lin.get("/v1/sessions")).json()["items"][0]
    await lin.patch(f"/v1/sessions/{session['id']}", json={"name": "Phone"})
    until = (city.clock() + timedelta(days=20)).date().isoformat()
    for phone in range(4):
        offered = {"kind": "caregiver", "you_are": "agent", "until": until, "phone": f"1380000002{phone}"}
        assert (await lin.post("/v1/mandates", json=offered)).status_code == 201
    keys = city.state["keys"]
    for number in range(4):
        await IdentityProof.create(
            resident_id=UUID(lin.id),
            method=Method.COUNTER,
            evidence=Evidence.ID_CARD,
            verified_by="operator",
            name_sealed=keys.seal("identity.name", "林依婷"),
            birthdate_sealed=keys.seal("identity.birthdate", "1990-03-07"),
            number_kind="id_card",
            number_index=f"{number}",
            verified_at=city.clock(),
        )
        await OutsideCheck.create(
            state_hash=f"{number}",
            resident_id=UUID(lin.id),
            session_id=UUID(lin.id),
            provider="province",
            nonce_hash="",
            verifier_sealed=keys.seal("outside.verifier", "v"),
            expires_at=city.clock() + timedelta(minutes=10),
        )
        await PhoneChange.create(
            resident_id=UUID(lin.id),
            session_id=UUID(session["id"]),
            old_phone_index=f"{number}",
            old_phone_sealed=keys.seal("resident.phone", "+8613800000009"),
            undo_hash=f"{number}",
            changed_at=city.clock(),
            undo_until=city.clock(),
        )
    born = keys.seal("resident.birth_date", "2015-06-01")
    await city.execute("UPDATE core_resident SET birth_date_sealed = $1", born)
    network = keys.seal("session.network", "8.8.4.0/24")
    await city.execute("UPDATE core_session SET network_sealed = $1", network)
    library = city.state["ports"].clients.find("library")
    assert library is not None
    kiosk = replace(library, device_flow=True)
    await devices.begin(kiosk, {"scope": "openid"}, address="8.8.4.4", state=city.state)
    await city.execute("UPDATE core_outbox_event SET delivered_at = now()")  # no notice of the passkey comes later
    row = (uuid7(), "SM1", b"index", "Banyan")
    await city.execute(
        'INSERT INTO notifications_simulated_sms (id, carrier_id, to_index, sender, "to", text, created_at)'
        " VALUES ($1, $2, $3, $4, $5, $6, now())",
        *row,
        keys.seal(SIMULATED_TO, "1"),
        keys.seal(SIMULATED_TEXT, "2"),
    )


async def opened(city: City) -> dict[Sealed, list[str]]:
    """What all sealed values say, and by which keys they are sealed."""
    keys, found = city.state["keys"], dict[Sealed, list[str]]()
    for column in wiring.sealed(city.settings):
        rows = await city.rows(f'SELECT "{column.column}" AS value FROM {column.table} ORDER BY id')
        values = [row["value"] for row in rows if row["value"]]
        if column.by_name:
            named = [(f"{column.field}.{n}", v) for value in values for n, v in sorted(orjson.loads(value).items())]
            found[column] = [keys.open(field, base64.b64decode(value)) for field, value in named]
        else:
            found[column] = [keys.open(column.field, value) for value in values]
    return found


async def test_every_column_of_bytes_is_declared_as_sealed_or_known_to_need_none(city: City) -> None:
    columns = {
        (str(model._meta.db_table), name)
        for models in Tortoise.apps.values()
        for model in models.values()
        for name, field in model._meta.fields_map.items()
        if isinstance(field, BinaryField)
    }
    declared = {(column.table, column.column) for column in wiring.sealed(city.settings) if not column.by_name}
    assert columns == declared | UNSEALED


async def test_every_value_is_sealed_anew_and_says_the_same(own: City) -> None:
    await lived_in(own)
    before, old = await opened(own), await new_key(own)
    assert all(before.values()), "every column is tried"
    columns = wiring.sealed(own.settings)
    with pytest.raises(KeyFileError, match=r"in core_resident\.phone_sealed, .*banyan keys reseal"):
        await drop_sealing_key(own.settings, columns, old, own.clock())
    assert old in {key.id.hex() for key in KeyFile.read(own.settings.key_file).sealing}
    await own.execute("UPDATE core_job SET state = 'done'")  # no text message is sent, and then forgotten
    for _ in range(2):  # a repeat does no harm
        await reseal(columns)
        await own.work()
    assert await opened(own) == before
    await drop_sealing_key(own.settings, columns, old, own.clock())
    assert own.state["keys"].refresh()
    assert await opened(own) == before
    actions = [row["action"] for row in await own.rows("SELECT action FROM core_audit_entry ORDER BY id")]
    assert actions[-2:] == ["keys.rotated", "keys.dropped"]
    with pytest.raises(KeyFileError, match="no older sealing key"):
        await drop_sealing_key(own.settings, columns, old, own.clock())


async def test_a_value_that_changes_meanwhile_stays_as_it_was_changed(
    own: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    lin = await own.person()
    await new_key(own)
    keys = own.state["keys"]

    async def after_somebody_else(sql: str, *values: object) -> int:
        await own.execute("UPDATE core_resident SET name_sealed = $1", keys.seal("resident.name", "林一一"))
        return await execute(sql, *values)

    monkeypatch.setattr(resealing, "execute", after_somebody_else)
    column = Sealed(table="core_resident", column="name_sealed", field="resident.name")
    await reseal_page({"column": asdict(column), "run": "1", "after": str(FIRST)}, state=own.state)
    assert await name_of(UUID(lin.id), keys=keys) == "林一一"


async def test_a_key_is_not_dropped_before_the_last_that_it_sealed_has_ended(own: City) -> None:
    old = KeyFile.read(own.settings.key_file).sealing[0].id.hex()
    await rotate(own.settings, own.clock(), by="test", sealing=True)
    with pytest.raises(KeyFileError, match="no older"):
        await drop_sealing_key(own.settings, [], old, own.clock())
    own.clock.ahead += timedelta(seconds=own.settings.key_lead_seconds)
    with pytest.raises(KeyFileError, match="on their way"):
        await drop_sealing_key(own.settings, [], old, own.clock())
    own.clock.ahead += OVERLAP
    await drop_sealing_key(own.settings, [], old, own.clock())
    assert len(KeyFile.read(own.settings.key_file).sealing) == 1


async def test_a_value_that_does_not_open_is_told_and_stops_nothing(
    own: City, caplog: pytest.LogCaptureFixture
) -> None:
    for phone in range(2):
        await own.person(f"+861380000002{phone}")
    old = await new_key(own)
    await own.execute("UPDATE core_resident SET name_sealed = $1", bytes.fromhex(old) + bytes(40))
    await reseal(wiring.sealed(own.settings))
    await own.work()
    assert [record.getMessage() for record in caplog.records].count("value_not_resealed") == 2
    with pytest.raises(KeyFileError, match=r"\(2 in core_resident.name_sealed\)"):
        await drop_sealing_key(own.settings, wiring.sealed(own.settings), old, own.clock())
