"""What is around every answer, seen from a caller who is no longer there."""

import logging
from typing import Any

import pytest

from tests.city import City


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/v1/sign-in/challenges", "application/json"), ("/sign-in", "application/x-www-form-urlencoded")],
)
async def test_a_caller_who_leaves_in_the_middle_of_sending_is_no_fault_of_ours(
    city: City, path: str, content_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b'{"phone', "more_body": True},
        {"type": "http.disconnect"},
    ]
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [
            (b"host", b"localhost:8000"),
            (b"origin", city.settings.base_url.encode()),
            (b"content-type", content_type.encode()),
        ],
        "client": ("127.0.0.1", 1),
        "state": city.state,
    }
    with caplog.at_level(logging.WARNING):
        await city.app(scope, receive, send)
    assert said == []
    assert caplog.records == []


async def test_the_api_answers_in_json_whoever_asks_and_a_page_answers_as_a_page(city: City) -> None:
    async with city.browser(accept="text/html,*/*") as http:
        api, page = await http.get("/v1/me"), await http.get("/nowhere")
    assert (api.status_code, api.headers["content-type"]) == (401, "application/problem+json")
    assert page.status_code == 404 and page.headers["content-type"].startswith("text/html")
    assert api.json()["request_id"] == api.headers["x-request-id"]
    for answer in (api, page):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
