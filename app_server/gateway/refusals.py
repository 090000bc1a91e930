"""A problem as the person at the other end can use it: a kind page for one who navigated, a problem document for code.

The page stands alone (no script, no file of ours), because it is shown on the mini-app's own origin.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape

import orjson
from starlette.types import Scope, Send

from app_server.gateway.headers import Header, of
from app_server.kernel.languages import negotiate
from app_server.kernel.problems import Problem

_STYLE = (
    ":root{color-scheme:light dark;--ground:#FAF8F4;--surface:#FFF;--ink:#1C2420;--soft:#56615B;--leaf:#1F6B4A;"
    "--on-leaf:#FFF;--line:#DDD8CE}"
    "@media(prefers-color-scheme:dark){:root{--ground:#121614;--surface:#1B211E;--ink:#ECEFEA;--soft:#A9B4AD;"
    "--leaf:#6FC39A;--on-leaf:#121614;--line:#33403A}}"
    "*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px;"
    "background:var(--ground);color:var(--ink);font:17px/1.6 system-ui,'Noto Sans CJK SC',sans-serif}"
    "main{max-width:420px;width:100%;background:var(--surface);border:1px solid var(--line);border-radius:12px;"
    "padding:32px 24px;text-align:center}"
    "svg{width:56px;height:56px;stroke:var(--leaf);fill:none;stroke-width:3;stroke-linecap:round}"
    ".crown{fill:var(--leaf)}"
    "h1{font-size:20px;line-height:1.4;margin:16px 0 8px;text-wrap:balance}p{margin:0 0 24px;text-wrap:pretty}"
    "a{display:inline-block;min-height:44px;padding:8px 24px;border-radius:12px;background:var(--leaf);"
    "color:var(--on-leaf);text-decoration:none}a:focus-visible{outline:3px solid var(--leaf);outline-offset:3px}"
    "small{display:block;margin-top:24px;color:var(--soft);font-size:13px;word-break:break-all}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# The city's mark, as in static/mark.svg, in the page's own colour.
_ICON = (
    '<svg viewBox="0 0 48 48" aria-hidden="true"><path class="crown" d="M24 5c-5.4 0-9.3 2.7-10.6 6.5C8.3 11.8 4 15.3 '
    "4 20c0 4 3.2 7 7.5 7h25c4.3 0 7.5-3 7.5-7 0-4.7-4.3-8.2-9.4-8.5C33.3 7.7 29.4 5 24 5z"
    '"/><path d="M24 24v15.5M16.5 26v13M31.5 26v13M10.5 26v8.5M37.5 26v8.5M8.5 43h31"/></svg>'
)

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "head_miniapp_suspended": "{name} is paused",
        "head_miniapp_unknown": "There is nothing here",
        "head": "{name} is not available right now",
        "try_again": "Try again",
        "reason": "The reason: {reason}",
        "reference": "Reference",
        "service": "This service",
    },
    "zh-CN": {
        "head_miniapp_suspended": "{name}暂停服务",
        "head_miniapp_unknown": "这里没有内容",
        "head": "{name}暂时无法使用",
        "try_again": "重试",
        "reason": "原因：{reason}",
        "reference": "参考编号",
        "service": "该服务",
        "miniapp_suspended": "市政平台已暂停这项服务。您的卡片和数据都是安全的，请稍后再来。",
        "miniapp_unavailable": "这项服务暂时没有响应，与您的手机无关，请稍后再试。",
        "miniapp_busy": "现在使用这项服务的人很多，请稍后再试。",
        "miniapp_too_slow": "这项服务响应时间过长，请稍后再试。",
        "miniapp_broken_answer": "这项服务返回的内容无法显示，服务方可以在开发者门户查看原因。",
        "miniapp_unknown": "本市没有这项服务，请返回并从列表中选择。",
        "request_not_passed_on": "这个请求的格式无法转交给服务。",
    },
}


async def refuse(
    scope: Scope,
    send: Send,
    problem: Problem,
    *,
    base_url: str,
    reference: str,
    names: Mapping[str, str] | None = None,
    reason: str | None = None,
) -> None:
    """Answer with the problem. `names` is the mini-app's name by locale; `reason` is the operator's, for the page."""
    raw: list[Header] = scope["headers"]
    headers: list[Header] = [
        (b"cache-control", b"no-store"),
        (b"vary", b"accept, accept-language, sec-fetch-mode"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", reference.encode()),
        *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
    ]
    if navigates(raw):
        locale = negotiate(of(raw, b"accept-language"))
        name = (names or {}).get(locale) or _WORDS[locale]["service"]
        body = page(problem, locale=locale, name=name, reason=reason, reference=reference).encode()
        headers += [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-language", locale.encode()),
            (
                b"content-security-policy",
                f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors {base_url}".encode(),
            ),
        ]
    else:
        body = orjson.dumps(problem.document(base_url, reference))
        headers.append((b"content-type", b"application/problem+json"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def navigates(raw: Iterable[Header]) -> bool:
    """Whether a person opened the address, rather than a script of the page."""
    mode = of(raw, b"sec-fetch-mode")
    return mode == "navigate" or (not mode and "text/html" in of(raw, b"accept"))


def page(problem: Problem, *, locale: str, name: str, reason: str | None, reference: str) -> str:
    """The page, in one of our locales."""
    words = _WORDS[locale]
    heading = words.get(f"head_{problem.code}", words["head"]).format(name=name)
    text = words.get(problem.code, problem.title())
    note = f"<p>{escape(words['reason'].format(reason=reason))}</p>" if reason else ""
    again = "" if problem.status < 500 else f'<a href="">{words["try_again"]}</a>'
    return (
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(heading)}</title>'
        f"<style>{_STYLE}</style></head><body><main>{_ICON}<h1>{escape(heading)}</h1><p>{escape(text)}</p>{note}"
        f"{again}<small>{words['reference']} {escape(reference)}</small></main></body></html>"
    )
