"""Text messages reach the phone once, and what became of them is told as it is."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from app_server.kernel.settings import Mode
from app_server.worker import fire
from notifications import carrier
from notifications.carrier import callback_signature
from notifications.sms import CarrierOutbox
from tests.city import City, open_city

PHONE = "+8613800000009"


# take it, lose the answer in some way, or refuse: status, code, headers
Act = str | tuple[int, int, dict[str, str]]


class ScriptedCarrier:
    """A carrier on a real socket that answers as the test says; then it takes messages."""

    def __init__(self) -> None:
        self.script: deque[Act] = deque()
        self.took: list[dict[str, str]] = []
        self.asked: list[tuple[Mapping[str, str], dict[str, str]]] = []

    async def post(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append((request.headers, form))
        act: Act = self.script.popleft() if self.script else "take"
        if act in ("take", "take, then break off", "take, then hang"):
            message = {"sid": f"SM{len(self.took):032}", "to": form["To"], "body": form["Body"]}
            self.took.append(message)
            if act == "take":
                return web.json_response(message | {"status": "queued"}, status=201)
        if isinstance(act, str) and act.endswith("break off"):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(act, str):
            await asyncio.sleep(60)
            return web.Response()
        status, code, headers = act
        return web.json_response({"code": code, "message": "no"}, status=status, headers=headers)

    async def list(self, request: web.Request) -> web.Response:
        return web.json_response({"messages": [m for m in self.took if m["to"] == request.query["To"]]})


CarrierSite = tuple[City, ScriptedCarrier]


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[int]:
    """Serve on a free port of loopback."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture
async def carrier_site(city: City) -> AsyncIterator[CarrierSite]:
    """The scripted carrier, and a city that sends its messages there."""
    scripted = ScriptedCarrier()
    app = web.Application()
    app.router.add_post("/Messages.json", scripted.post)
    app.router.add_get("/Messages.json", scripted.list)
    async with listening(app) as port:
        url = f"http://127.0.0.1:{port}/Messages.json"
        async with open_city(city.settings.model_copy(update={"sms_url": url, "sms_secret": "s3cret"})) as with_carrier:
            yield with_carrier, scripted


async def queue(
    city: City, key: str = "k", text: str = "Your code is 123456", expires_in: timedelta | None = None
) -> None:
    outbox = CarrierOutbox(keys=city.state["keys"], clock=city.clock)
    expires_at = city.clock() + expires_in if expires_in else None
    await outbox.queue_sms(to=PHONE, text=text, unique_key=key, expires_at=expires_at)


async def later(city: City) -> None:
    """Let every planned attempt fall due."""
    await city.execute("UPDATE core_job SET run_at = now() WHERE state = 'waiting'")
    await city.work()


async def delivery(city: City) -> Any:
    (row,) = await city.rows("SELECT * FROM notifications_delivery")
    return row


async def report(city: City, delivery_id: UUID, status: str, *, secret: str = "s3cret", **more: str) -> int:
    url = f"{city.settings.base_url}/v1/sms/callbacks/{delivery_id}"
    form = {"MessageSid": "SM1", "MessageStatus": status} | more
    async with city.browser() as http:
        signed = {"x-twilio-signature": callback_signature(url, form, secret)}
        return (await http.post(url, data=form, headers=signed)).status_code


async def test_a_message_is_handed_over_in_the_carriers_form(carrier_site: CarrierSite) -> None:
    city, site = carrier_site
    await queue(city, expires_in=timedelta(minutes=5))
    await city.work()
    ((headers, form),) = site.asked
    assert headers["authorization"].startswith("Basic ")
    assert (form["To"], form["Body"], form["From"]) == (PHONE, "Your code is 123456", "Banyan")
    assert 290 <= int(form["ValidityPeriod"]) <= 300
    row = await delivery(city)
    assert form["StatusCallback"] == f"{city.settings.base_url}/v1/sms/callbacks/{row['id']}"
    assert (row["state"], row["carrier_id"], row["attempts"], row["text"]) == ("sent", site.took[0]["sid"], 1, None)


async def test_the_same_key_is_one_message_also_when_its_job_runs_twice(carrier_site: CarrierSite) -> None:
    city, site = carrier_site
    await asyncio.gather(*(queue(city) for _ in range(5)))
    await city.work()
    await city.execute("UPDATE core_job SET state = 'waiting'")
    await city.work()
    assert len(site.took) == 1


async def test_number_and_text_lie_sealed_in_the_table(city: City) -> None:
    await queue(city)
    row = await delivery(city)
    assert PHONE.encode() not in bytes(row["to"])
    assert b"123456" not in bytes(row["text"])


@pytest.mark.parametrize("lost", ["take, then break off", "take, then hang"])
async def test_a_lost_answer_does_not_become_a_second_message(
    carrier_site: CarrierSite, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    monkeypatch.setattr(carrier, "ANSWER_WITHIN", 0.3)
    city, site = carrier_site
    site.script.append(lost)
    await queue(city)
    await city.work()
    assert (await delivery(city))["state"] == "accepted"
    assert (await delivery(city))["in_doubt"]
    await later(city)
    row = await delivery(city)
    assert (row["state"], row["carrier_id"], len(site.took)) == ("sent", site.took[0]["sid"], 1)


async def test_a_request_that_never_arrived_is_sent_again(carrier_site: CarrierSite) -> None:
    city, site = carrier_site
    site.script.append("break off")
    await queue(city)
    await city.work()
    await later(city)
    assert ((await delivery(city))["state"], len(site.took), len(site.asked)) == ("sent", 1, 2)


async def test_an_earlier_equal_message_is_not_taken_for_a_lost_one(carrier_site: CarrierSite) -> None:
    city, site = carrier_site
    await queue(city, "monday", "Your book is due")
    await city.work()
    site.script.append("break off")
    await queue(city, "tuesday", "Your book is due")
    await city.work()
    await later(city)
    assert len(site.took) == 2


async def test_a_busy_carrier_is_given_the_time_it_asks_for(carrier_site: CarrierSite) -> None:
    city, site = carrier_site
    site.script.append((429, 20429, {"Retry-After": "40"}))
    await queue(city)
    await city.work()
    (job,) = await city.rows("SELECT run_at - now() AS pause FROM core_job WHERE state = 'waiting'")
    assert timedelta(seconds=35) < job["pause"] <= timedelta(seconds=40)
    row = await delivery(city)
    assert (row["state"], row["why"], row["in_doubt"]) == ("accepted", "carrier 429 code 20429", False)
    await later(city)
    assert (await delivery(city))["state"] == "sent"


async def test_a_number_that_does_not_exist_is_given_up_with_the_reason(carrier_site: CarrierSite) -> None:
    city, site = carrier_site
    site.script.append((400, 21211, {}))
    await queue(city)
    await city.work()
    row = await delivery(city)
    assert (row["state"], row["why"], row["text"]) == ("failed", "carrier 400 code 21211", None)
    (event,) = await city.rows("SELECT payload FROM core_outbox_event WHERE name = 'text_message_failed'")
    assert str(row["id"]) in event["payload"]


async def test_a_wrong_password_is_our_fault_and_the_message_waits(carrier_site: CarrierSite) -> None:
    city, site = carrier_site
    site.script.append((401, 20003, {}))
    await queue(city)
    await city.work()
    assert (await delivery(city))["state"] == "accepted"
    await later(city)
    assert (await delivery(city))["state"] == "sent"


async def test_a_carrier_that_stays_broken_is_given_up_after_the_last_attempt(carrier_site: CarrierSite) -> None:
    city, site = carrier_site
    site.script.extend([(503, 20503, {})] * 20)
    await queue(city)
    for _ in range(12):
        await later(city)
    row = await delivery(city)
    assert (row["state"], row["attempts"], row["why"]) == ("failed", 8, "given up: carrier 503 code 20503")


async def test_a_code_is_not_sent_after_it_has_expired(carrier_site: CarrierSite) -> None:
    city, site = carrier_site
    await queue(city, expires_in=timedelta(minutes=5))
    city.clock.ahead = timedelta(minutes=5)
    await city.work()
    row = await delivery(city)
    assert (row["state"], row["why"], site.asked) == ("failed", "expired", [])


async def test_without_a_carrier_the_reason_is_told(city: City) -> None:
    await queue(city)
    await city.work()
    row = await delivery(city)
    assert (row["state"], row["why"]) == ("failed", "no carrier is configured")


async def test_the_sweep_gives_up_what_its_job_left_behind(city: City) -> None:
    await queue(city, "old", expires_in=timedelta(seconds=1))
    await queue(city, "new", expires_in=timedelta(hours=1))
    await city.execute("DELETE FROM core_job")
    city.clock.ahead = timedelta(seconds=2)
    await fire("expire_sms", city.clock())
    await city.work()
    rows = await city.rows("SELECT unique_key, state, why FROM notifications_delivery ORDER BY unique_key")
    assert [(row["unique_key"], row["state"], row["why"]) for row in rows] == [
        ("new", "accepted", None),
        ("old", "failed", "expired"),
    ]


async def test_a_state_only_moves_forward_however_callbacks_come(carrier_site: CarrierSite) -> None:
    city, _ = carrier_site
    await queue(city)
    await city.work()
    delivery_id = (await delivery(city))["id"]
    for status in ("delivered", "delivered", "sent", "failed", "nonsense"):
        assert await report(city, delivery_id, status) == 204
        assert (await delivery(city))["state"] == "delivered"


async def test_an_undelivered_message_says_why(carrier_site: CarrierSite) -> None:
    city, _ = carrier_site
    await queue(city)
    await city.work()
    delivery_id = (await delivery(city))["id"]
    assert await report(city, delivery_id, "undelivered", ErrorCode="30003") == 204
    row = await delivery(city)
    assert (row["state"], row["why"]) == ("failed", "carrier undelivered code 30003")


async def test_a_callback_before_our_own_record_wins_over_it(carrier_site: CarrierSite) -> None:
    """The carrier's callback may overtake the answer to our request."""
    city, _ = carrier_site
    await queue(city)
    delivery_id = (await delivery(city))["id"]
    assert await report(city, delivery_id, "delivered") == 204
    await city.work()
    assert (await delivery(city))["state"] == "delivered"


async def test_only_the_carrier_reports(carrier_site: CarrierSite, city: City) -> None:
    with_carrier, _ = carrier_site
    await queue(with_carrier)
    delivery_id = (await delivery(with_carrier))["id"]
    assert await report(with_carrier, delivery_id, "delivered", secret="guess") == 403
    assert await report(with_carrier, uuid4(), "delivered") == 404
    assert await report(city, delivery_id, "delivered", secret="") == 403  # a city without a secret believes nobody
    async with with_carrier.browser() as http:
        unsigned = await http.post(f"/v1/sms/callbacks/{UUID(int=1)}", data={"MessageStatus": "sent"})
        assert unsigned.json()["code"] == "callback_not_signed"
    assert (await delivery(with_carrier))["state"] == "accepted"


def test_the_signature_is_the_one_that_the_carrier_documents() -> None:
    """The worked example of Twilio's security guide."""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    signature = callback_signature("https://mycompany.com/myapp.php?foo=1&bar=2", form, "12345")
    assert signature == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


Demo = Callable[..., AbstractAsyncContextManager[City]]


@pytest.fixture
async def demo(city: City) -> AsyncIterator[Demo]:
    """A demo city on a real port, with its simulated carrier."""
    opened: dict[str, City] = {}

    async def forward(request: web.Request) -> web.Response:
        async with opened["city"].browser() as http:
            answer = await http.request(
                request.method,
                request.path_qs,
                content=await request.read(),
                headers={k: v for k, v in request.headers.items() if k.lower() not in ("host", "content-length")},
            )
        return web.Response(status=answer.status_code, body=answer.content, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forward)
    async with listening(app) as port:
        base = f"http://localhost:{port}"
        changes = {
            "mode": Mode.DEMO,
            "base_url": base,
            "sms_url": f"{base}/demo/carrier/2010-04-01/Accounts/banyan/Messages.json",
            "sms_secret": "demo",
        }

        @asynccontextmanager
        async def start(**more: float) -> AsyncIterator[City]:
            async with open_city(city.settings.model_copy(update=changes | more)) as opened["city"]:
                yield opened["city"]

        yield start


async def test_the_demo_shows_on_a_page_what_a_phone_would_get(demo: Demo) -> None:
    async with demo() as city:
        async with city.browser() as http:
            first = await http.post("/v1/sign-in/challenges", json={"phone": "13800000001"})
            assert first.status_code == 202, first.text
            await city.work()
            await queue(city)
            await city.work()
            shown = (await http.get("/v1/demo/outbox")).json()["items"]
        assert [item["to"] for item in shown] == ["+8613800000001", PHONE]
        assert shown[-1]["text"] == "Your code is 123456"
        assert shown[0]["at"] <= shown[1]["at"]
        await later(city)
        states = await city.rows("SELECT state FROM notifications_delivery")
        assert [row["state"] for row in states] == ["delivered", "delivered"]


async def test_a_demo_carrier_that_misbehaves_still_brings_each_message_once(demo: Demo) -> None:
    async with demo(carrier_error_rate=0.5, carrier_duplicate_rate=1.0, carrier_delay=0.001) as city:
        for n in range(15):
            await queue(city, f"k{n}", f"message {n}")
        for _ in range(30):
            await later(city)
        rows = await city.rows("SELECT state, attempts FROM notifications_delivery")
        taken = await city.rows("SELECT carrier_id FROM notifications_simulated_sms")
        given_up = [row for row in rows if row["state"] == "failed"]
        assert {row["state"] for row in rows} <= {"delivered", "failed"}
        assert len(rows) - len(given_up) <= len(taken) <= len(rows)
        assert any(row["attempts"] > 1 for row in rows)


async def test_the_simulator_takes_messages_of_its_own_account_only(demo: Demo) -> None:
    async with demo() as city, city.browser() as http:
        path = "/demo/carrier/2010-04-01/Accounts/banyan/Messages.json"
        for answer in (await http.post(path, data={"To": PHONE, "Body": "x"}), await http.get(path)):
            assert (answer.status_code, answer.json()["code"]) == (401, 20003)
        http.headers["authorization"] = carrier.basic_authorization(city.settings)
        assert (await http.post(path, data={"To": "nobody", "Body": "x"})).json()["code"] == 21211
        assert (await http.post(path.replace("banyan", "other"), data={})).status_code == 401
        abroad = {"To": PHONE, "Body": "x", "StatusCallback": "http://elsewhere.example/"}
        assert (await http.post(path, data=abroad)).status_code == 400


async def test_outside_a_demo_there_is_no_simulator(city: City) -> None:
    async with city.browser() as http:
        assert (await http.get("/v1/demo/outbox")).status_code == 404
        assert (await http.post("/demo/carrier/2010-04-01/Accounts/banyan/Messages.json")).status_code == 404
