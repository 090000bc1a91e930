"""A reader without a good camera sends a picture; whatever it sends, the server stays within its bounds."""

import time
from io import BytesIO
from typing import Any

import httpx2
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

from card_wallet import pictures
from tests.actors import Person
from tests.card_wallet.conftest import Json, Reader, code_of
from tests.city import City

TEXT = "BC1:CPGJDC55AX507H0QS00+0J61%H1CT1F0"


def drawn(text: str = TEXT, *, kind: str = "PNG", size: int = 400, rotate: int = 0, **options: Any) -> bytes:
    """The code as a picture of `size` pixels."""
    code: Any = QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(text)
    image = code.make_image().get_image().convert("RGB").resize((size, size))
    if rotate:
        image = image.rotate(rotate, expand=True, fillcolor="white")
    return saved(image, kind, **options)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


async def sends(reader: Reader, picture: bytes, media_type: str = "image/png") -> httpx2.Response:
    return await reader.http.post("/v1/code-readings", content=picture, headers={"content-type": media_type})


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_code_is_read_from_each_kind_of_picture(desk: Reader, kind: str) -> None:
    answer = await sends(desk, drawn(kind=kind), f"image/{kind.lower()}")
    assert (answer.status_code, answer.json()) == (200, {"text": TEXT})


@pytest.mark.parametrize("how", [{"size": 120}, {"size": 3000}, {"rotate": 17}, {"kind": "JPEG", "quality": 20}])
async def test_a_small_large_tilted_or_grainy_picture_is_read(desk: Reader, how: Json) -> None:
    kind = how.get("kind", "PNG").lower()
    assert (await sends(desk, drawn(**how), f"image/{kind}")).json() == {"text": TEXT}


async def test_a_transparent_picture_is_read_as_on_white_paper(desk: Reader) -> None:
    code = Image.open(BytesIO(drawn())).convert("L")
    see_through = Image.merge("LA", (Image.new("L", code.size, 0), code.point(lambda value: 255 - value)))
    assert (await sends(desk, saved(see_through, "PNG"))).json() == {"text": TEXT}


async def test_what_was_read_from_the_picture_of_a_phone_verifies(desk: Reader, lin: Person, card: Json) -> None:
    text = (await code_of(lin, card))["text"]
    read = (await sends(desk, drawn(text))).json()["text"]
    assert (await desk.scans(read)).status_code == 201


async def test_a_picture_without_a_code_is_unreadable(desk: Reader) -> None:
    answer = await sends(desk, saved(Image.new("RGB", (300, 300), "white"), "PNG"))
    assert (answer.status_code, answer.json()["code"], answer.json()["refusal"]) == (422, "card_code_unreadable", 10)


def bomb(width: int, height: int) -> bytes:
    """A small file that unpacks to a large picture."""
    return saved(Image.new("1", (width, height)), "PNG")


def wordy(characters: int) -> bytes:
    """A small file that unpacks to a long text beside a tiny picture."""
    info = PngInfo()
    info.add_text("x", "y" * characters, zip=True)
    return saved(Image.new("L", (9, 9)), "PNG", pnginfo=info)


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"hello",
        drawn()[:200],
        drawn(kind="JPEG"),  # not what the header says
        saved(Image.new("RGB", (5, 5)), "GIF"),
        bomb(5000, 5000),
        bomb(10_000, 10_000),
        bomb(30_000, 30_000),
        wordy(3_000_000),
    ],
)
async def test_what_is_no_picture_or_a_bomb_is_refused_quickly(desk: Reader, picture: bytes) -> None:
    started = time.perf_counter()
    answer = await sends(desk, picture)
    assert (answer.status_code, answer.json()["code"]) == (422, "picture_not_read")
    assert time.perf_counter() - started < 2


async def test_a_file_over_4_mb_or_of_another_kind_is_refused(desk: Reader) -> None:
    answer = await sends(desk, bytes(pictures.MAX_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    answer = await sends(desk, drawn(), "image/svg+xml")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_pictures_are_for_readers_only(city: City, lin: Person) -> None:
    assert (await lin.http.post("/v1/code-readings", content=drawn())).status_code == 403
    async with city.browser() as anybody:
        assert (await anybody.post("/v1/code-readings", content=drawn())).status_code == 401


async def test_one_reader_cannot_keep_the_server_busy_with_pictures(desk: Reader) -> None:
    answers = [(await sends(desk, b"")).status_code for _ in range(pictures.PER_READER.most + 1)]
    assert answers == [422] * pictures.PER_READER.most + [429]
