"""What pages load is cached for as long as it is true, and the service worker keeps nothing that is somebody's."""

import gzip

from app_server.pages.assets import assets
from tests.city import City


async def test_a_file_of_this_build_is_kept_for_a_year_and_another_builds_is_asked_for_again(city: City) -> None:
    async with city.browser() as browser:
        now = await browser.get(assets().url("tokens.css"))
        old = await browser.get("/static/000000000000/tokens.css")
    assert now.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert old.headers["cache-control"] == "no-cache"
    assert now.content == old.content == assets().files["tokens.css"].body


async def test_a_browser_that_has_a_file_is_told_so(city: City) -> None:
    async with city.browser() as browser:
        first = await browser.get("/sw.js")
        again = await browser.get("/sw.js", headers={"if-none-match": first.headers["etag"]})
    assert first.headers["content-type"].startswith("text/javascript")
    assert (again.status_code, again.content) == (304, b"")


async def test_files_are_sent_compressed_to_who_takes_that(city: City) -> None:
    packed = assets().files["app.css"].packed
    assert packed is not None
    assert gzip.decompress(packed) == assets().files["app.css"].body
    async with city.browser(**{"accept-encoding": "identity"}) as browser:
        plain = await browser.get(assets().url("app.css"))
    assert "content-encoding" not in plain.headers


async def test_nothing_outside_the_folder_is_a_file(city: City) -> None:
    async with city.browser() as browser:
        for path in ("../main.py", "..%2fmain.py", "js/../../main.py", "nothing.css"):
            assert (await browser.get(f"/static/{assets().build}/{path}")).status_code == 404


async def test_the_shell_that_is_kept_offline_is_the_same_for_everybody(city: City) -> None:
    resident = await city.person()
    async with city.browser() as stranger:
        kept = (await stranger.get("/shell.json")).json()["files"]
        theirs, hers = await stranger.get("/shell"), await resident.get("/shell")
        assert {path: (await stranger.get(path)).status_code for path in kept} == dict.fromkeys(kept, 200)
    assert hers.text == theirs.text
    assert {path.split("/")[1] for path in kept} == {"static", "messages"}
    assert assets().url("js/views/show.js") in kept


async def test_a_home_screen_learns_the_citys_name(city: City) -> None:
    async with city.browser(**{"accept-language": "zh-CN"}) as browser:
        manifest = (await browser.get("/manifest.webmanifest")).json()
        assert manifest["name"] == "榕树 · 福州"
        for icon in manifest["icons"]:
            assert (await browser.get(icon["src"])).status_code == 200


async def test_a_refusal_is_a_page_for_people_and_a_document_for_programs(city: City) -> None:
    async with city.browser(**{"accept-language": "en"}) as browser:
        page = await browser.get("/nowhere", headers={"accept": "text/html"})
        document = await browser.get("/nowhere", headers={"accept": "application/json"})
        explained = await browser.get("/problems/card_code_already_used", headers={"accept": "text/html"})
        unknown = await browser.get("/problems/no_such_code", headers={"accept": "text/html"})
    assert (page.status_code, document.json()["code"]) == (404, "not_found")
    assert "There is nothing here" in page.text
    assert page.headers["x-request-id"] in page.text
    assert (explained.status_code, unknown.status_code) == (200, 404)
    assert "409" in explained.text
