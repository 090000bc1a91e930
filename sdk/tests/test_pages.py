"""Page files go out as they are, and nothing else does."""

from pathlib import Path

import pytest
from conftest import MANIFEST

from banyan_sdk import MiniApp
from banyan_sdk.manifest import parse
from banyan_sdk.pages import lint
from banyan_sdk.testing import City


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>茶</title>")
    (folder / "js" / "tea.js").write_text("export {}")
    (folder / ".env").write_text("secret")
    (folder / "notes.md").write_text("secret")
    (tmp_path / "key.js").write_text("secret")
    (folder / "out.js").symlink_to(tmp_path / "key.js")
    return folder


async def test_pages_come_with_their_type_and_are_not_sent_twice(pages: Path) -> None:
    async with City(MiniApp(parse(MANIFEST), pages=pages)) as city:
        page = await city.send("GET", "/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        script = await city.send("GET", "/js/tea.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert script.headers["x-content-type-options"] == "nosniff"
        again = await city.send("GET", "/js/tea.js", headers={"if-none-match": script.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        (pages / "js" / "tea.js").write_text("export default 1")
        assert (await city.send("GET", "/js/tea.js")).text == "export default 1"


@pytest.mark.parametrize(
    "path",
    ["/.env", "/notes.md", "/out.js", "/../key.js", "/js/../../key.js", "/%2e%2e/key.js", "/js", "/js/", "/.banyan/x"],
)
async def test_nothing_else_goes_out(pages: Path, path: str) -> None:
    async with City(MiniApp(parse(MANIFEST), pages=pages)) as city:
        reply = await city.http.request(
            "GET", path, headers=city.platform.signed("GET", city.http.build_request("GET", path).url.raw_path.decode())
        )
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


async def test_the_bridge_talks_to_this_platform_only(city: City) -> None:
    bridge = (await city.send("GET", "/.banyan/bridge.js")).text
    assert 'const SHELL = "http://city.test";' in bridge
    assert "banyan:shell-origin" not in bridge


async def test_a_page_without_a_file_is_shown_plainly(city: City) -> None:
    assert "/.banyan/plain.js" in (await city.send("GET", "/menu")).text
    assert (await city.send("GET", "/")).status_code == 404, "a page needs a file or a handler"


def test_what_the_content_policy_would_stop_is_found(tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(
        "<p style='color:red' onclick='x()'>\n<script>1</script>\n<style>p{}</style>\n<img src='https://elsewhere.example/a.png'>"
    )
    assert [(finding.pointer, finding.rule) for finding in lint(tmp_path)] == [
        ("bad.html:1", "inline-style"),
        ("bad.html:1", "inline-handler"),
        ("bad.html:2", "inline-script"),
        ("bad.html:3", "inline-style"),
        ("bad.html:4", "foreign-source"),
    ]
    bridge = Path(__file__).parents[1] / "src" / "banyan_sdk"
    assert lint(bridge / "bridge") == lint(bridge / "dev") == []
