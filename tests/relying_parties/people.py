"""A resident's browser, driven by HTTP: it follows the city's redirects, signs in and decides by forms."""

import re
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import httpx2

from tests.relying_parties.programs import CameBack


@dataclass
class Form:
    """A form of a page: where it goes, and the fields that it has by itself."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    """The forms of a page, and where the page goes on by itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.goes_to: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given["action"]))
        elif tag == "input" and self.found and given.get("name"):
            self.found[-1].fields[given["name"]] = given.get("value", "on")
        elif tag == "meta" and given.get("http-equiv") == "refresh":
            self.goes_to = given["content"].partition("url=")[2]


class Resident:
    """Somebody with a phone number and a browser; `answer` is what they press when a service asks."""

    def __init__(self, city: str, phone: str, answer: str = "allow") -> None:
        self.http = httpx2.Client(base_url=city, headers={"origin": city, "accept": "text/html", "connection": "close"})
        self.phone, self.answer = phone, answer
        self.seen: list[str] = []  # the pages on the way: sign-in, authorize

    def goes(self, url: str) -> CameBack:
        """Follow a link of a relying party's to the end; what the browser brings back to it."""
        self.seen = []
        page = self.http.get(url)
        for _ in range(12):
            if page.status_code == 303:
                target = page.headers["location"]
                if not target.startswith("/"):
                    return CameBack(members=dict(parse_qsl(urlsplit(target).query)))
                page = self.http.get(target)
                continue
            assert page.status_code == 200, page.text
            forms = Forms(page.text)
            if forms.goes_to:
                return CameBack(members=dict(parse_qsl(urlsplit(forms.goes_to).query)))
            form = forms.found[0]
            if form.action.startswith("http"):
                return CameBack(members=form.fields, posted=True)
            self.seen.append(page.url.path.split("/")[1])
            page = self._fills(form)
        raise AssertionError(f"this never ends: {self.seen}")

    def in_front_of(self, url: str, reads: str) -> str:
        """Open what a screen shows, enter what stands beside it, and answer; the path of the last page."""
        page = self.http.get(urlsplit(url).path)
        for _ in range(12):
            if page.status_code == 303:
                page = self.http.get(page.headers["location"])
            elif page.status_code == 200 and (forms := Forms(page.text).found):
                page = self._fills(forms[0], reads)
            else:
                return page.url.path
        raise AssertionError(page.text)

    def signs_in(self) -> None:
        """Sign in by a one-time code, for its own sake."""
        page = self.http.get("/sign-in")
        for _ in ("the number", "the code"):
            page = self._fills(Forms(page.text).found[0])
        assert page.status_code == 303, page.text

    def _fills(self, form: Form, reads: str = "") -> httpx2.Response:
        given = dict(form.fields)
        for name in {"number", "user_code"} & given.keys():
            return self.http.post(form.action, data={name: reads})
        if "code" in given:
            given["code"] = self._code()
        elif "phone" in given:
            given["phone"] = self.phone
        else:
            given["answer"] = self.answer
        return self.http.post(form.action, data=given)

    def _code(self) -> str:
        for _ in range(200):
            for message in reversed(self.http.get("/v1/demo/outbox").json()["items"]):
                if message["to"].replace(" ", "") == self.phone:
                    found = re.search(r"(?<!\d)\d{6}(?!\d)", message["text"])
                    assert found, message
                    return found[0]
            time.sleep(0.05)
        raise AssertionError(f"no message to {self.phone}")
