"""A code as a picture, for pages without JavaScript; phones draw a card's code themselves from its text."""

from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathFillImage
from qrcode.main import QRCode
from qrcode.util import QRData

QUIET_ZONE = 4  # modules (ISO/IEC 18004 §6.3.8)


def svg(text: str) -> bytes:
    """The QR code of a text, in the mode that is shortest for all of it: level M, black on white in every theme."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE, image_factory=SvgPathFillImage)
    code.add_data(QRData(text))
    return bytes(code.make_image().to_string())
