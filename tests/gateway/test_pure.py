"""Paths, headers, policy and refusal pages, as functions."""

import re
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app_server.gateway.headers import HeadersRefused, from_client, from_miniapp
from app_server.gateway.paths import OPEN_TO_PAGES, PathRefused, canonical
from app_server.gateway.policy import content_security_policy
from app_server.gateway.problems import MiniAppBusy, MiniAppSuspended, MiniAppTooSlow, MiniAppUnavailable
from app_server.gateway.refusals import page
from app_server.kernel.languages import LANGUAGES
from app_server.registry.problems import MiniAppUnknown

pieces = st.sampled_from(
    b"/ . .. %2e %2F %5c \\ %00 % %zz ; a b.c %41 %e5%B1 .banyan launch bridge.js \xff ? # %25 ~ %7E @:".split()
)
paths = st.lists(pieces, max_size=12).map(lambda parts: b"/" + b"".join(parts)) | st.binary(max_size=30)


@given(paths)
@example(b"/..banyan")
@example(b"/.banyan%3b/launch")
def test_a_path_that_passes_has_one_reading(raw: Any) -> None:
    try:
        path = canonical(raw)
    except PathRefused:
        return
    assert canonical(path) == path
    assert re.fullmatch(rb"/[!-~]*", path)
    decoded = unquote_to_bytes(path)
    assert decoded == unquote_to_bytes(raw)
    for segment in decoded.split(b"/"):
        assert segment.split(b";")[0] not in (b".", b"..")
        assert b"\\" not in segment
        assert not set(segment) & set(range(0x20))
    assert decoded.count(b"/") == path.count(b"/")
    assert b"//" not in path
    assert b"/.banyan" not in decoded.lower() or path in OPEN_TO_PAGES


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/", b"/"),
        (b"/a/b.html", b"/a/b.html"),
        (b"/a/", b"/a/"),
        (b"/%7Euser/%41", b"/~user/A"),
        (b"/%e5%b1%b1", b"/%E5%B1%B1"),
        (b"/a;v=1/b", b"/a;v=1/b"),
        (b"/.well-known/x", b"/.well-known/x"),
        (b"/.../x", b"/.../x"),
        (b"/.banyan/bridge.js", b"/.banyan/bridge.js"),
    ],
)
def test_ordinary_paths_pass(raw: Any, path: Any) -> None:
    assert canonical(raw) == path


@pytest.mark.parametrize(
    "raw", [b"", b"a", b"*", b"http://x/", b"/a b", b"/\xc3\xa9", b"/a%", b"/a%0d%0aX", b"/..;/x", b"/a//b"]
)
def test_paths_with_another_reading_do_not(raw: Any) -> None:
    with pytest.raises(PathRefused):
        canonical(raw)


names = st.sampled_from(
    [
        b"accept",
        b"cookie",
        b"banyan-app",
        b"banyan_app",
        b"x-forwarded-for",
        b"connection",
        b"te",
        b"x-a",
        b"authorization",
    ]
) | st.binary(max_size=12).map(bytes.lower)


@given(st.lists(st.tuples(names, st.sampled_from([b"1", b"close", b"x-a, te"])), max_size=12))
def test_no_header_of_ours_or_of_the_hop_gets_through(headers: Any) -> None:
    try:
        lines = from_client(headers).lines
    except HeadersRefused:
        return
    for line in lines:
        name = line.split(b": ")[0]
        assert re.fullmatch(rb"[a-z0-9!#$%&'*+.^`|~-]+", name)
        assert not name.startswith((b"banyan", b"x-forwarded", b"signature"))
        assert name not in (b"cookie", b"te", b"connection", b"host", b"upgrade", b"transfer-encoding")


def test_a_body_without_length_or_chunks_is_no_body() -> None:
    assert not from_client([(b"accept", b"*/*")]).has_body
    assert not from_client([(b"content-length", b"0")]).has_body
    assert from_client([(b"content-length", b"1")]).has_body
    assert from_client([(b"transfer-encoding", b" Chunked")]).has_body


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        (b"http://127.0.0.1:9/x", b"http://a.city/x"),
        (b"http://127.0.0.1:9", b"http://a.city"),
        (b"http://127.0.0.1:99/x", b"http://127.0.0.1:99/x"),
        (b"http://127.0.0.1:9@evil.example/", b"http://127.0.0.1:9@evil.example/"),
        (b"/x", b"/x"),
    ],
)
def test_only_a_mini_apps_own_endpoint_becomes_its_origin(location: Any, seen: Any) -> None:
    kept = from_miniapp(
        [(b"location", location)], endpoint_origin=b"http://127.0.0.1:9", app_origin=b"http://a.city", status=302
    )
    assert kept == [(b"location", seen)]


def test_the_policy_lets_in_what_the_manifest_names_and_nothing_that_breaks_out_of_it() -> None:
    network = {
        "connect": ["https://api.example.com", "wss://live.example.com:8443", "https://a.com; script-src *", "*", 7],
        "frame": ["https://maps.example.com", "https:", "data:", "http://plain.example.com", "https://a.com'"],
    }
    policy = dict(part.split(" ", 1) for part in content_security_policy(network, base_url="https://city").split("; "))
    assert policy["connect-src"] == "'self' https://api.example.com wss://live.example.com:8443"
    assert policy["frame-src"] == "https://maps.example.com"
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "https://city"
    empty = content_security_policy({}, base_url="https://city")
    assert "frame-src 'none'" in empty
    assert "unsafe" not in empty


@pytest.mark.parametrize("problem", [MiniAppSuspended, MiniAppUnavailable, MiniAppBusy, MiniAppTooSlow, MiniAppUnknown])
@pytest.mark.parametrize("locale", LANGUAGES)
def test_each_kind_page_speaks_its_language_and_cannot_be_broken_out_of(problem: Any, locale: Any) -> None:
    text = page(problem(), locale=locale, name="<b>&", reason='"><script>', reference="r-1")
    assert f'lang="{locale}"' in text
    assert "<script" not in text
    assert "<b>" not in text
    assert text.count("<h1>") == 1
    chinese = re.search("[\u4e00-\u9fff]{4}", text) is not None
    assert chinese is (locale == "zh-CN")
