"""Redirect URIs that are nearly a registered one: by hand, from what parsers and people have got wrong before."""

from collections.abc import Iterator

CONTROLS = [chr(code) for code in (*range(0x20), 0x7F, 0x80, 0x85, 0xA0, 0xAD, 0x2028, 0x2029, 0xFEFF)]
SPACES = [" ", "\u3000", "\u200b", "\u200d", "\u2060", "%20", "+", "%00", "%0a", "%0d%0a", "%09"]
LOOKALIKES = {
    "c": ["с", "ϲ", "ⅽ", "ｃ", "ć"],
    "i": ["і", "í", "ı", "ⅰ", "ｉ", "1", "l"],
    "e": ["е", "ё", "ｅ", "é", "3"],
    "n": ["ո", "ñ", "ｎ"],
    ".": ["。", "．", "｡", "․", "%2e", "%2E", "..", "-", "\\.", ""],
    "/": ["／", "∕", "⁄", "\\", "%2f", "%2F", "%5c", "//", "/./", "/x/../", "%252f"],
    ":": ["：", "︰", "%3a", "%3A", "", "::"],
}
HOSTS = [
    "evil.example",
    "clinic.example.evil.example",
    "clinic.example.",
    "clinic.example..",
    ".clinic.example",
    "www.clinic.example",
    "evilclinic.example",
    "evil-clinic.example",
    "clinic.example-evil.example",
    "clinic.exampleevil",
    "clinic.exampl",
    "linic.example",
    "clinic_example",
    "clinicexample",
    "CLINIC.EXAMPLE",
    "Clinic.example",
    "clinic.example%2eevil.example",
    "clinic.example%00.evil.example",
    "evil.example%23.clinic.example",
    "evil.example%2f.clinic.example",
    "evil.example\\.clinic.example",
    "xn--clinic-9za.example",
    "127.0.0.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[clinic.example]",
    "localhost",
    "*.example",
    "*",
    "",
]
USERS = [
    "clinic.example@evil.example",
    "clinic.example:443@evil.example",
    "clinic.example%40evil.example",
    "clinic.example&@evil.example",
    "clinic.example#@evil.example",
    "clinic.example?@evil.example",
    "clinic.example/@evil.example",
    "clinic.example\\@evil.example",
    "clinic.example;@evil.example",
    "clinic.example @evil.example",
    "clinic.example%09@evil.example",
    "clinic.example:@evil.example",
    "@clinic.example",
    ":@clinic.example",
    "user@clinic.example",
    "user:password@clinic.example",
    "evil.example@clinic.example",
    "evil.example%5c@clinic.example",
    "evil.example:80#@clinic.example",
    "evil.example:80?@clinic.example",
    "evil.example#@clinic.example",
    "evil.example\\@clinic.example",
    "evil.example;@clinic.example",
    "[evil.example]@clinic.example",
]
PORTS = [
    "",
    "0",
    "1",
    "80",
    "443",
    "0443",
    "00443",
    "8443",
    "65535",
    "65536",
    "99999",
    "-1",
    "+443",
    "443.",
    " 443",
    "٤٤٣",
]
SCHEMES = [
    "http", "HTTPS", "Https", "httpss", "https ", " https", "ht tps", "hxxps", "ftp", "ws", "wss", "file", "data",
    "javascript", "vbscript", "view-source:https", "blob:https", "feed:https", "intent", "about", "mailto", "tel",
    "com.evil.app", "clinic.example", "",
]  # fmt: skip
WHOLE = [
    "",
    " ",
    "/",
    "//",
    "/back",
    "//clinic.example/back",
    "///clinic.example/back",
    "https:clinic.example/back",
    "https:/clinic.example/back",
    "https:///clinic.example/back",
    "https:////clinic.example/back",
    "https:\\\\clinic.example\\back",
    "https:/\\clinic.example/back",
    "https:\\/clinic.example/back",
    "https//clinic.example/back",
    "https%3A%2F%2Fclinic.example%2Fback",
    "https%3a//clinic.example/back",
    "clinic.example/back",
    "back",
    "?",
    "#",
    "*",
    "null",
    "undefined",
    "about:blank",
    "javascript:alert(1)",
    "javascript://clinic.example/back%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=",
    "urn:ietf:wg:oauth:2.0:oob",
    "urn:ietf:wg:oauth:2.0:oob:auto",
    "https://evil.example/https://clinic.example/back",
    "https://evil.example/?next=https://clinic.example/back",
    "https://evil.example/#https://clinic.example/back",
    "https://clinic.example/back,https://evil.example/",
    "https://clinic.example/back https://evil.example/",
    "https://clinic.example/back|https://evil.example/",
    "https://clinic.example/back;https://evil.example/",
    "https://clinic.example/back\nhttps://evil.example/",
    "https://clinic.example/back\r\nLocation: https://evil.example/",
    "https://clinic.example/back%0d%0aLocation:%20https://evil.example/",
    "https://clinic.example/back\0https://evil.example/",
    '"https://clinic.example/back"',
    "'https://clinic.example/back'",
    "<https://clinic.example/back>",
    '["https://clinic.example/back"]',
    "https://clinic.example/back" * 2,
    "https://clinic.example/back" + "x" * 3000,
]
ENDS = [
    "/", "//", "/.", "/..", "/../", "/../evil", "/..;/evil", "/%2e%2e/evil", "/%2e%2e%2fevil",
    "/..%2fevil", "/..%5cevil",
    "/..%252fevil", "\\", "\\..\\evil", "/evil", "evil", ".evil", ".", "..", "%2f", "%2F..", "%00",
    "%20", "%0a", "%09", ";",
    ";x=1", ";jsessionid=1", "?", "??", "?x", "?x=1", "?code=1", "?state=1", "?iss=x", "?error=x",
    "?next=//evil.example",
    "?redirect_uri=https://evil.example", "%3f", "%3fx=1", "#", "#x", "#code=1", "#/../evil",
    "%23", "%23x", "?#", "#?",
    "&", "&x=1", "=", "@evil.example", ":443", ":", "*", "/*", "~", "!", "$", "'", '"', "(", ")",
    "+", ",", "|", "^", "`",
    "{", "}", "[", "]", "<", ">", "榕", "%E6%A6%95", "\u202e", "\ud800",
]  # fmt: skip
PATHS = [
    "", "/", "/Back", "/BACK", "/bac", "/backk", "/bak", "/ba ck", "/ba%63k", "/%62ack", "/%62%61%63%6b", "/%42ack",
    "/b%61ck", "/ba%2563k", "//back", "/./back", "/x/../back", "/back/../back", "/%2e/back", "/.%2f/back", "\\back",
    "/%5cback", "/back%", "/back%6", "/back%zz", "/ｂack", "/bаck", "/*", "/{back}", "/back\u0301",
    "/;/back", "/?/back",
]  # fmt: skip


def mutations() -> Iterator[str]:
    """Mutations of https://clinic.example/back, each once, and none of them it."""
    good, seen = "https://clinic.example/back", {"https://clinic.example/back"}
    for uri in _all(good):
        if uri not in seen:
            seen.add(uri)
            yield uri


def of_a_query() -> Iterator[str]:
    """Mutations of https://clinic.example/back?tenant=1&role=a."""
    place = "https://clinic.example/back"
    for query in (
        "", "?", "?tenant=1", "?role=a", "?role=a&tenant=1", "?tenant=1&role=a&",
        "?&tenant=1&role=a", "?tenant=1&&role=a",
        "?tenant=1&role=a&x=1", "?tenant=1&role=a&tenant=1", "?tenant=2&role=a",
        "?tenant=01&role=a", "?tenant=1&role=A",
        "?Tenant=1&role=a", "?tenant=%31&role=a", "?%74enant=1&role=a", "?tenant=1;role=a", "?tenant=1%26role=a",
        "?tenant=1&amp;role=a", "?tenant=1+&role=a", "?tenant=1&role=a#", "?tenant=1&role=a#x", "?tenant=1&role=a/",
        "?tenant[]=1&role=a", "?tenant=1&role", "?tenant&role=a", "?tenant=1&role=a&code=x",
        "?tenant=1&role=a%00", "??tenant=1&role=a",
    ):  # fmt: skip
        yield place + query


def of_a_loopback() -> Iterator[str]:
    """Mutations of http://127.0.0.1:8765/back: also another port is another address here."""
    yield from (
        "http://127.0.0.1/back", "http://127.0.0.1:80/back", "http://127.0.0.1:8766/back",
        "http://127.0.0.1:08765/back",
        "https://127.0.0.1:8765/back", "http://localhost:8765/back", "http://[::1]:8765/back",
        "http://127.1:8765/back",
        "http://127.0.0.2:8765/back", "http://0.0.0.0:8765/back", "http://0177.0.0.1:8765/back",
        "http://0x7f.1:8765/back",
        "http://2130706433:8765/back", "http://127.0.0.1.evil.example:8765/back",
        "http://127.0.0.1:8765@evil.example/back",
        "http://evil.example@127.0.0.1:8765/back", "http://127.0.0.1:8765/", "http://127.0.0.1:8765/back/",
        "http://[::ffff:127.0.0.1]:8765/back", "http://127.0.0.1.:8765/back", "http://127.0.0.01:8765/back",
        "http://１２７.0.0.1:8765/back", "http://127。0。0。1:8765/back", "http://127.0.0.1:8765#@evil.example/back",
        "http://127.0.0.1:*/back", "http://127.0.0.1:/back",
    )  # fmt: skip


def of_a_scheme() -> Iterator[str]:
    """Mutations of com.example.clinic:/back, a scheme of an app's own."""
    yield from (
        "com.example.clinic:/", "com.example.clinic:back", "com.example.clinic://back", "com.example.clinic:///back",
        "com.example.clinic:/back/", "com.example.clinic:/Back", "COM.EXAMPLE.CLINIC:/back",
        "com.example.clinic2:/back",
        "com.example.clini:/back", "com.example:/back", "com.example.clinic",
        "com.example.clinic:", "com.evil.clinic:/back",
        "com.example.clinic:/back?x=1", "com.example.clinic:/back#x", "com.example.clinic:\\back",
        "com-example-clinic:/back",
        "com.example.clinic%3a/back", "com.example.clinic:/%62ack", " com.example.clinic:/back",
        "example.com.clinic:/back",
        "com.example.clinic://evil.example/back", "intent://back#Intent;scheme=com.example.clinic;end",
    )  # fmt: skip


def _all(good: str) -> Iterator[str]:
    yield from WHOLE
    yield from (f"https://{host}/back" for host in HOSTS)
    yield from (f"https://{user}/back" for user in USERS)
    yield from (f"https://clinic.example:{port}/back" for port in PORTS)
    yield from (f"{scheme}://clinic.example/back" for scheme in SCHEMES)
    yield from (f"{scheme}:clinic.example/back" for scheme in SCHEMES)
    yield from (good + end for end in ENDS)
    yield from (f"https://clinic.example{path}" for path in PATHS)
    for letter, others in LOOKALIKES.items():
        for other in others:
            yield good.replace(letter, other)
            yield good[::-1].replace(letter, other[::-1], 1)[::-1]
            yield good.replace(letter, other, 1)
    for sign in (*CONTROLS, *SPACES):
        yield sign + good
        yield good + sign
        for place in (len("https:"), len("https://"), len("https://clinic"), len("https://clinic.example")):
            yield good[:place] + sign + good[place:]
    for place in range(len(good)):
        yield good[:place] + good[place + 1 :]
        yield good[:place] + good[place].swapcase() + good[place + 1 :]
        yield good[:place] + f"%{ord(good[place]):02x}" + good[place + 1 :]
        yield good[:place] + good[place] * 2 + good[place + 1 :]
