"""Reading a code from a picture: off the event loop, and within bounds that no picture can leave."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO

import zxingcpp
from PIL import Image, UnidentifiedImageError

from app_server.kernel.limits import Rate
from card_wallet.problems import CardCodeUnreadable, PictureNotRead

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
MAX_BYTES = 4 * 1024 * 1024
MAX_PIXELS = 24_000_000
WORKING_SIDE = 2000  # pixels; a code that is lost by scaling down to this would not be found in a larger picture either
THREADS = 2
PER_READER = Rate(most=300, per=timedelta(minutes=1))  # a page that reads its camera here sends a few a second

_UNREADABLE = (
    *(UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),  # the latter where warnings are errors
)


@contextmanager
def reading_threads() -> Iterator[ThreadPoolExecutor]:
    """The threads of a process that read pictures: few, so that pictures wait for one another and nothing else does."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pictures")
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


async def read_code(picture: bytes, media_type: str, threads: ThreadPoolExecutor) -> str:
    """The text of the QR code in the picture. Raises `picture_not_read`, or refusal 10 when there is none in it."""
    return await asyncio.get_running_loop().run_in_executor(threads, _read, picture, FORMATS[media_type])


def _read(picture: bytes, picture_format: str) -> str:
    try:
        with Image.open(BytesIO(picture), formats=(picture_format,)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PictureNotRead()
            image.draft("L", (WORKING_SIDE, WORKING_SIDE))  # JPEG only: decoded at a fraction of its size
            grey = _grey_on_white(image)
    except _UNREADABLE:
        raise PictureNotRead() from None
    grey.thumbnail((WORKING_SIDE, WORKING_SIDE))
    found = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    if not found:
        raise CardCodeUnreadable()
    return str(found[0].text)


def _grey_on_white(image: Image.Image) -> Image.Image:
    """Brightness only; what is transparent is white, as on a page."""
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        image = Image.new("RGBA", coloured.size, "white")
        image.alpha_composite(coloured)
    return image.convert("L")
