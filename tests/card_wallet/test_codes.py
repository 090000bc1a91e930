"""The codec of the card code: what one side writes the other reads, and nothing else gets through."""

from collections.abc import Callable
from typing import Any, TypeVar

import base45
import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

from card_wallet import codes
from card_wallet.problems import REFUSALS, Refusal

HANDLE = codes.Handle(bytes(range(16)))
handles = st.binary(min_size=16, max_size=16).map(codes.Handle)
keys = st.one_of(st.integers(-(2**63), 2**63), st.text(max_size=5), st.binary(max_size=5))
plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**64), 2**64 - 1), st.text(max_size=9), st.binary(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=8,
)


def text_of(value: object) -> str:
    return wrapped(cbor2.dumps(value))


def wrapped(raw: bytes) -> str:
    return "BC1:" + base45.b45encode(raw).decode()


T = TypeVar("T")


def outcome(reader: Callable[[Any], T], given: object) -> T | int:
    """What the reader makes of it: its answer, or the number of its refusal. Anything else it raises is a fault."""
    try:
        return reader(given)
    except Refusal as refusal:
        return refusal.number


def refusal_of(text: str) -> int:
    with pytest.raises(Refusal) as refused:
        codes.read(text)
    return refused.value.number


def in_order(value: object) -> object:
    """The same value with map keys in the order of their encodings."""
    if isinstance(value, list):
        return [in_order(item) for item in value]
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value, key=cbor2.dumps)}
    return value


def depth_of(value: object) -> int:
    items = value if isinstance(value, list) else value.values() if isinstance(value, dict) else None
    return 0 if items is None else 1 + max(map(depth_of, items), default=0)


@given(handles)
def test_what_a_phone_shows_a_reader_reads(handle: codes.Handle) -> None:
    assert codes.read(codes.write(handle)) == handle


@given(st.integers(0, codes.SPOKEN_NUMBERS - 1))
def test_what_a_person_reads_aloud_is_understood_with_pauses_and_full_width_digits(number: int) -> None:
    spoken = codes.spoken(number)
    grouped = " ".join(spoken[at : at + 3] for at in range(0, 12, 3))
    full_width = spoken.translate({ord("0") + digit: ord("０") + digit for digit in range(10)})
    assert codes.read(spoken) == codes.read(grouped) == codes.read(grouped.replace(" ", "-")) == spoken
    assert codes.read(full_width) == spoken


def test_the_check_digit_is_luhns() -> None:
    assert codes.spoken(7992739871) == "079927398713"


@given(st.integers(0, codes.SPOKEN_NUMBERS - 1), st.integers(0, 11), st.integers(1, 9))
def test_one_mistyped_digit_is_noticed(number: int, place: int, off_by: int) -> None:
    spoken = codes.spoken(number)
    wrong = spoken[:place] + str((int(spoken[place]) + off_by) % 10) + spoken[place + 1 :]
    assert refusal_of(wrong) == 10


@given(st.integers(0, codes.SPOKEN_NUMBERS - 1), st.integers(0, 10))
def test_two_digits_in_the_wrong_order_are_noticed_unless_they_are_0_and_9(number: int, place: int) -> None:
    spoken = codes.spoken(number)
    left, right = spoken[place], spoken[place + 1]
    if left != right and {left, right} != {"0", "9"}:
        assert refusal_of(spoken[:place] + right + left + spoken[place + 2 :]) == 10


@given(handles)
def test_the_code_is_drawn_as_qr_version_2_and_can_be_read_from_afar(handle: codes.Handle) -> None:
    text = codes.write(handle)
    drawn: Any = QRCode(error_correction=ERROR_CORRECT_M)
    drawn.add_data(text)
    drawn.make(fit=True)
    assert (len(text), drawn.version) == (36, 2)
    assert set(text) <= set(base45.BASE45_CHARSET)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 10),
        (" \r\n", 10),
        ("48291377012", 10),  # a digit is missing
        ("9787020002207", 11),  # a book, not a card
        ("https://example.org/", 11),
        ("bc1:00", 11),
        ("BC2:00", 11),
        ("x" * 5000, 10),
        ("BC1:", 13),
        ("BC1:a", 12),
        ("BC1:0", 12),  # one character encodes nothing
        ("BC1::::", 12),  # 65535 is the most that three characters stand for
        ("BC1:00\n", 12),
        (codes.write(HANDLE) + "\n", 12),
        (codes.write(HANDLE) + " ", 12),
        (codes.write(HANDLE).lower(), 11),
        (codes.write(HANDLE)[:-2], 13),
        ("BC1:" + "0" * 1020, 13),
        (wrapped(b"\x59\x01\xfe" + bytes(510)), 13),  # 513 bytes
        (wrapped(bytes.fromhex("9f016148" + "50" + "00" * 16 + "ff")), 13),  # indefinite length
        (wrapped(bytes.fromhex("8318016148" + "50" + "00" * 16)), 13),  # 1 in two bytes
        (wrapped(bytes.fromhex("83016148" + "5810" + "00" * 16)), 13),  # 16 in two bytes
        (wrapped(bytes.fromhex("83016148" + "50" + "00" * 16 + "00")), 13),  # something after the end
        (wrapped(bytes.fromhex("a2010101f6")), 13),  # a key twice
        (text_of([1, "H", [[[[0]]]]]), 13),  # five levels
        (text_of([1, "H", bytes(15)]), 13),
        (text_of([1, "H", bytes(17)]), 13),
        (text_of([1, "H", "0" * 16]), 13),
        (text_of([True, "H", bytes(16)]), 13),
        (text_of([2, "H", bytes(16)]), 13),
        (text_of([1, "Z", bytes(16)]), 13),
        (text_of({1: "H", 2: bytes(16)}), 13),
        (wrapped(bytes.fromhex("d81c81d81d00")), 13),  # a list that contains itself
        (wrapped(bytes.fromhex("83016148c1" + "50" + "00" * 16)), 13),  # a tag
        (text_of([1, "S", bytes(8), 1767225600, bytes(64)]), 43),
        (text_of([1, "S", bytes(8), -1, bytes(64)]), 13),
        (text_of([1, "S", bytes(8), True, bytes(64)]), 13),
        (text_of([1, "S", bytes(8), 1767225600, bytes(63)]), 13),
        (text_of([True, "S", bytes(8), 1767225600, bytes(64)]), 13),
        (text_of([1, "F", bytes(150), bytes(90)]), 43),
        (text_of([True, "F", bytes(150), bytes(90)]), 13),
    ],
)
def test_a_reader_is_told_what_is_wrong(text: str, number: int) -> None:
    assert refusal_of(text) == number


@given(st.text(max_size=80))
@example("BC1:" + "9" * 80)
def test_whatever_is_typed_gets_a_refusal_or_is_a_code(text: str) -> None:
    found = outcome(codes.read, text)
    assert found in (10, 11, 12, 13) or (isinstance(found, str) and len(found) == 12)


@given(st.text(base45.BASE45_CHARSET, max_size=60).map("BC1:".__add__))
def test_whatever_a_camera_misreads_gets_a_refusal_or_is_the_one_spelling_of_a_code(text: str) -> None:
    found = outcome(codes.read, text)
    assert found in (12, 13) or (isinstance(found, bytes) and codes.write(codes.Handle(found)) == text)


@given(st.binary(max_size=600))
def test_whatever_bytes_come_are_refused_or_have_one_spelling(raw: bytes) -> None:
    try:
        value = codes.decode(raw)
    except Refusal:
        return
    assert cbor2.dumps(value) == raw
    assert depth_of(value) <= codes.MAX_DEPTH


@given(plain)
def test_deterministic_cbor_is_decoded_and_reordered_cbor_is_not(value: object) -> None:
    ordered = in_order(value)
    raw = cbor2.dumps(ordered)
    if depth_of(value) > codes.MAX_DEPTH or len(raw) > codes.MAX_BYTES:
        with pytest.raises(Refusal):
            codes.decode(raw)
    else:
        assert codes.decode(raw) == ordered
        if (given_order := cbor2.dumps(value)) != raw:
            with pytest.raises(Refusal):
                codes.decode(given_order)


@given(st.integers(0, 20), st.integers(0, 255))
def test_a_flipped_byte_never_turns_into_anything_but_another_handle(place: int, flipped: int) -> None:
    raw = bytearray(cbor2.dumps([1, "H", HANDLE]))
    raw[place] ^= flipped
    if place < 5 and flipped:
        assert refusal_of(wrapped(bytes(raw))) == 13
    else:
        assert codes.read(wrapped(bytes(raw))) == bytes(raw[5:])


def test_a_used_code_is_remembered_for_longer_than_it_was_good() -> None:
    assert codes.REMEMBERED > codes.LIFE > codes.REFRESH


def test_every_refusal_has_a_number_a_code_and_a_sentence_of_its_own() -> None:
    assert len({kind.code for kind in REFUSALS.values()}) == len({k.title() for k in REFUSALS.values()}) == 12
    assert all(kind.title().endswith(".") and kind.status in (409, 422) for kind in REFUSALS.values())
    assert REFUSALS[32]().document("https://city.example", None)["refusal"] == 32
