"""A card code drawn by the page is read back by the library that reads it at the desk."""

import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Error, Page

from app_server.kernel.drawing import svg
from tests.browser.screens import photograph

JS = Path(__file__).parents[2] / "app_server" / "static" / "js"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

# The most characters that each version holds in alphanumeric mode at level M (ISO/IEC 18004, table 7).
MOST = {1: 20, 2: 38, 3: 61, 4: 90, 5: 122, 6: 154, 7: 178, 8: 221, 9: 262, 10: 311, 11: 366, 12: 419}

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>QR</title>
<body bgcolor="#000000"><div id="svg"></div><canvas id="canvas"></canvas>
<script type="module">import * as qr from "/js/qr.js"; globalThis.qr = qr;</script>"""


def code(length: int) -> str:
    """A text of this length as a card code has them, the same in every run."""
    return ("BC1:" + "".join(random.Random(length).choices(ALPHABET, k=length)))[:length]


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 700, "height": 700})
    page = context.new_page()
    page.route(
        "http://qr.test/**",
        lambda route: (
            route.fulfill(body=(JS / "qr.js").read_bytes(), content_type="text/javascript")
            if route.request.url.endswith(".js")
            else route.fulfill(body=PAGE, content_type="text/html")
        ),
    )
    page.goto("http://qr.test/")
    page.wait_for_function("globalThis.qr")
    yield page
    context.close()


def seen_by_a_reader(picture: bytes) -> list[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(Image.open(BytesIO(picture)), zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))


@pytest.mark.parametrize(("version", "length"), [(v, n) for v, most in MOST.items() for n in (most - 1, most)])
def test_a_reader_reads_the_code_on_the_screen_in_every_version(page: Page, version: int, length: int) -> None:
    text = code(length)
    drawn = page.evaluate("text => qr.draw(document.querySelector('#svg'), text, {size: 320}).version", text)
    [read] = seen_by_a_reader(photograph(page.locator("#svg svg")))
    assert (read.text, read.ec_level, drawn) == (text, "M", version)


@pytest.mark.parametrize("length", [4, 38, 154, 419])
def test_a_reader_reads_the_code_painted_on_a_canvas(page: Page, length: int) -> None:
    text = code(length)
    page.evaluate("text => qr.draw(document.querySelector('#canvas'), text, {size: 320}).version", text)
    [read] = seen_by_a_reader(photograph(page.locator("#canvas")))
    assert read.text == text


@pytest.mark.parametrize("mask", range(8))
def test_every_mask_can_be_read(page: Page, mask: int) -> None:
    text = code(27 + mask)
    rows = page.evaluate(
        """([text, mask]) => {
            const symbol = qr.encode(text, {mask});
            const along = [...Array(symbol.size).keys()];
            return along.map((row) => along.map((column) => symbol.dark(row, column)));
        }""",
        [text, mask],
    )
    edge = len(rows) + 8
    picture = Image.new("L", (edge, edge), 255)
    for row, modules in enumerate(rows):
        for column, dark in enumerate(modules):
            picture.putpixel((column + 4, row + 4), 0 if dark else 255)
    png = BytesIO()
    picture.resize((edge * 4, edge * 4), Image.Resampling.NEAREST).save(png, "PNG")
    [read] = seen_by_a_reader(png.getvalue())
    extra = read.extra
    assert isinstance(extra, dict)
    assert (read.text, extra["DataMask"]) == (text, mask)


def test_the_code_stays_black_on_white_with_four_modules_of_quiet_on_a_black_page(page: Page) -> None:
    size = page.evaluate("text => qr.draw(document.querySelector('#svg'), text, {size: 330}).size", code(27))
    assert size + 8 == 33
    picture = Image.open(BytesIO(photograph(page.locator("#svg svg")))).convert("L")
    module = picture.width // 33
    inside = picture.crop((4 * module, 4 * module, picture.width - 4 * module, picture.height - 4 * module))
    dark = picture.point(lambda level: 255 if level < 128 else 0).getbbox()
    assert dark == (4 * module, 4 * module, picture.width - 4 * module, picture.height - 4 * module)
    assert set(inside.tobytes()) == {0, 255}


def test_a_screen_reader_hears_the_label(page: Page) -> None:
    page.evaluate("text => qr.draw(document.querySelector('#svg'), text, {label: 'Library card code'})", code(27))
    assert page.get_by_role("img", name="Library card code").count() == 1


@pytest.mark.parametrize("text", ["BC1:lower case", "BC1:" + "A" * 416, "BC1:榕"])
def test_a_text_that_no_reader_could_take_is_refused_rather_than_drawn_wrong(page: Page, text: str) -> None:
    with pytest.raises(Error, match="RangeError"):
        page.evaluate("text => qr.encode(text).version", text)


def test_a_reader_reads_the_picture_that_the_server_draws(page: Page) -> None:
    text = code(36)
    page.evaluate("svg => { document.querySelector('#svg').innerHTML = svg }", svg(text).decode())
    page.locator("#svg svg").evaluate("svg => { svg.setAttribute('width', 300); svg.setAttribute('height', 300) }")
    [read] = seen_by_a_reader(photograph(page.locator("#svg svg")))
    assert (read.text, read.ec_level) == (text, "M")
