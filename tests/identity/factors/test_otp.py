"""One-time passwords by time, against the vectors of the standard."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.identity.factors import otp

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(  # RFC 6238, appendix B, SHA-1; the last six of its eight digits
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    assert otp.code_at(SECRET, seconds // otp.STEP) == code


@given(st.integers(1_000, 4_000_000_000), st.integers(-5, 5))
def test_a_code_is_good_one_step_before_and_after(seconds: int, away: int) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    step = otp.step_at(now) + away
    found = otp.step_of(SECRET, otp.code_at(SECRET, step), now)
    if abs(away) <= 1:
        assert found is not None
    elif found is not None:  # a code may come again by chance
        assert otp.code_at(SECRET, found) == otp.code_at(SECRET, step)


def test_the_address_names_city_and_account() -> None:
    address = otp.address(SECRET, issuer="福州", account="138****0001")
    assert address.startswith("otpauth://totp/%E7%A6%8F%E5%B7%9E:138%2A%2A%2A%2A0001?")
    assert f"secret={SECRET}" in address
    assert "issuer=%E7%A6%8F%E5%B7%9E" in address
