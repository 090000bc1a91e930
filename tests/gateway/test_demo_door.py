"""Who may talk to a demo that stands on somebody's own machine."""

import httpx2
import pytest
from starlette.responses import PlainTextResponse

from app_server.gateway.dispatch import HostDispatch
from app_server.kernel.settings import Mode, Settings
from tests.gateway.neighbours import settings


def visitor(mode: Mode) -> httpx2.AsyncClient:
    configured: Settings = settings().model_copy(update={"mode": mode})
    transport = httpx2.ASGITransport(app=HostDispatch(PlainTextResponse("the core"), configured))
    return httpx2.AsyncClient(transport=transport, base_url=configured.base_url)


@pytest.mark.parametrize("host", ["localhost:8000", "LOCALHOST", "127.0.0.1:8000", "[::1]:8000", "192.168.1.5"])
async def test_programs_reach_the_demo_by_name_and_by_number(host: str) -> None:
    async with visitor(Mode.DEMO) as http:
        assert (await http.get("/v1/demo/outbox", headers={"host": host})).text == "the core"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "a[", "127.0.0.1.evil.example"]
)
async def test_a_name_of_another_site_that_points_here_reads_nothing(host: str) -> None:
    async with visitor(Mode.DEMO) as http:
        refused = await http.get("/v1/demo/outbox", headers={"host": host})
        assert (refused.status_code, refused.json()["code"]) == (403, "cross_site_request")


async def test_a_browser_that_comes_by_number_goes_on_to_where_sign_in_works() -> None:
    async with visitor(Mode.DEMO) as http:
        led = await http.get("/sign-in?next=%2F", headers={"host": "127.0.0.1:8000", "sec-fetch-mode": "navigate"})
        assert (led.status_code, led.headers["location"]) == (307, "http://localhost:8000/sign-in?next=%2F")


async def test_in_production_the_proxy_in_front_decides_about_names() -> None:
    async with visitor(Mode.TEST) as http:
        assert (await http.get("/", headers={"host": "evil.example"})).text == "the core"
