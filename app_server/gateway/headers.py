"""Which headers cross the gateway, in either direction. Pure.

Verdicts are remembered by name, so an ordinary header costs one dictionary lookup.
"""

from collections.abc import Iterable, Sequence

Header = tuple[bytes, bytes]

_HOP_BY_HOP = frozenset(b"connection keep-alive te trailer trailers transfer-encoding upgrade http2-settings".split())
_TOKEN = frozenset(b"!#$%&'*+-.^`|~0123456789abcdefghijklmnopqrstuvwxyz")  # RFC 9110 §5.6.2, lower case; no underscore:
# CGI-like servers read `banyan_app` and `banyan-app` as the same variable.

# What only the gateway may say to a mini-app, and what says who a client is in some framework or other.
_NOT_FROM_CLIENTS = frozenset(
    b"host cookie cookie2 content-length content-digest expect forwarded via x-real-ip x-request-id x-original-url"
    b" x-rewrite-url x-original-host remote-user x-remote-user true-client-ip x-client-ip x-cluster-client-ip"
    b" x-original-forwarded-for".split()
)
_NOT_FROM_CLIENTS_PREFIXES = (b"banyan", b"x-banyan", b"x-forwarded", b"signature", b"proxy-", b"cf-", b"x-envoy-")

# What a mini-app may not say in its answer: cookies (also by Clear-Site-Data, which reaches the whole site), its own
# framing, transport and reporting policies, and what speaks in our name.
_NOT_FROM_MINIAPPS = frozenset(
    b"set-cookie set-cookie2 clear-site-data strict-transport-security alt-svc via server date forwarded set-login"
    b" x-frame-options content-security-policy content-security-policy-report-only report-to reporting-endpoints nel"
    b" x-content-type-options referrer-policy permissions-policy public-key-pins origin-agent-cluster".split()
)
_NOT_FROM_MINIAPPS_PREFIXES = (b"banyan", b"signature", b"proxy-", b"x-accel-", b"x-sendfile")

_MEMORY = 2048  # names remembered; a client that invents more costs itself the lookup
_from_clients: dict[bytes, bool] = {}
_from_miniapps: dict[bytes, bool] = {}


class HeadersRefused(Exception):
    """The headers contradict one another about where the body ends; the message says how."""


class Asked:
    """A client's headers, ready for the wire: `lines` without the final empty line, and how the body is framed."""

    __slots__ = ("chunked", "length", "lines", "upgrade")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.length: int | None = None
        self.chunked = False
        self.upgrade = False

    @property
    def has_body(self) -> bool:
        """Whether a body follows."""
        return self.chunked or bool(self.length)


def from_client(raw: Iterable[Header]) -> Asked:
    """Take what a mini-app may hear of a client's headers. Names are lower case, as ASGI gives them.

    Raises `HeadersRefused` when the framing has two readings (RFC 9112 §6.3): the start of request smuggling.
    """
    asked = Asked()
    lines, known, nominated = asked.lines, _from_clients, b""
    for name, value in raw:
        verdict = known.get(name)
        if verdict is None:
            verdict = _verdict(known, name, _NOT_FROM_CLIENTS, _NOT_FROM_CLIENTS_PREFIXES)
        if verdict:
            lines.append(b"%b: %b\r\n" % (name, value))
        elif name == b"content-length":
            if asked.length is not None or not value.isdigit() or len(value) > 15:
                raise HeadersRefused("Content-Length is given twice or is not a number")
            asked.length = int(value)
        elif name == b"transfer-encoding":
            if asked.chunked or value.strip(b" \t").lower() != b"chunked":
                raise HeadersRefused("Transfer-Encoding is something other than chunked")
            asked.chunked = True
        elif name == b"connection":
            nominated += b"," + value
        elif name == b"upgrade":
            asked.upgrade = True
    if asked.chunked and asked.length is not None:
        raise HeadersRefused("Content-Length and Transfer-Encoding are both there")
    if nominated not in (b"", b",keep-alive", b",close"):
        gone = tuple(part.strip().lower() + b": " for part in nominated.split(b",") if part.strip())
        asked.lines = [line for line in lines if not line.startswith(gone)]
    return asked


def from_miniapp(raw: Sequence[Header], *, endpoint_origin: bytes, app_origin: bytes, status: int) -> list[Header]:
    """What a client may hear of a mini-app's headers; redirects to its own endpoint become redirects to its origin."""
    has_no_body = status in (204, 304)
    known, kept, nominated = _from_miniapps, [], b""
    for header in raw:
        name, value = header
        verdict = known.get(name)
        if verdict is None:
            verdict = _verdict(known, name, _NOT_FROM_MINIAPPS, _NOT_FROM_MINIAPPS_PREFIXES)
        if verdict:
            if name in (b"location", b"content-location"):
                header = (name, _relocated(value, endpoint_origin, app_origin))
            elif has_no_body and name == b"content-length":
                continue  # it would announce what does not come
            kept.append(header)
        elif name == b"connection":
            nominated += b"," + value
    if nominated not in (b"", b",keep-alive", b",close"):
        gone = {part.strip().lower() for part in nominated.split(b",")}
        kept = [header for header in kept if header[0] not in gone or header[0] == b"content-length"]
    return kept


def of(raw: Iterable[Header], name: bytes) -> str:
    """The first header of that name as text, or an empty one."""
    for found, value in raw:
        if found == name:
            return value.decode("latin-1")
    return ""


def _verdict(known: dict[bytes, bool], name: bytes, refused: frozenset[bytes], prefixes: tuple[bytes, ...]) -> bool:
    passes = bool(name) and name not in refused and name not in _HOP_BY_HOP and not name.startswith(prefixes)
    passes = passes and all(letter in _TOKEN for letter in name)
    if len(known) < _MEMORY:
        known[name] = passes
    return passes


def _relocated(value: bytes, endpoint_origin: bytes, app_origin: bytes) -> bytes:
    rest = value[len(endpoint_origin) :]
    if value.startswith(endpoint_origin) and rest[:1] in (b"", b"/", b"?", b"#"):
        return app_origin + rest
    return value
