"""A person at a browser without JavaScript: opens pages, fills forms, follows redirects."""

import http.cookiejar
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

PATIENCE_SECONDS = 30
_UNSEEN = {"script", "style", "svg", "head"}
# A list as people see it has a line for each of these.
_BREAKS = {"p", "div", "li", "dt", "dd", "tr", "td", "h1", "h2", "h3", "button", "label", "option"}


@dataclass
class Form:
    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    # What each list offers.
    choices: dict[str, list[str]] = field(default_factory=dict)
    # Values that a person sees but cannot choose: disabled boxes.
    disabled: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """A page as it was answered: its address, status, visible text and forms."""

    def __init__(self, *, url: str, status: int, source: str) -> None:
        super().__init__()
        self.url, self.status = url, status
        self.forms: list[Form] = []
        self._words: list[str] = []
        self._hidden = 0
        self._select = ""
        self.feed(source)
        self.text = " ".join("".join(self._words).split())

    def form(self, action: str = "") -> Form:
        """The form that posts to this address, or has a field of this name."""
        for form in self.forms:
            if form.action.split("?")[0].endswith(action) or action in form.fields:
                return form
        raise LookupError(f"{self.url} ({self.status}) has no form {action!r}: {self.text[:500]}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._hidden += tag in _UNSEEN
        self._words.append(" " if tag in _BREAKS else "")
        if tag == "form":
            self.forms.append(Form(urljoin(self.url, given.get("action") or self.url)))
        elif self.forms and tag in ("input", "select", "textarea", "option"):
            self._note(tag, given)

    def _note(self, tag: str, given: dict[str, str | None]) -> None:
        """Keep what the form would send if it were posted as it is."""
        fields, value = self.forms[-1].fields, given.get("value") or ""
        name = given.get("name") or ""
        if tag == "select":
            self._select = name
        elif tag == "option":
            self.forms[-1].choices.setdefault(self._select, []).append(value)
            if "selected" in given or self._select not in fields:
                fields[self._select] = [value]
        elif "disabled" in given:
            self.forms[-1].disabled.append(value)
        elif given.get("type") in ("checkbox", "radio"):
            chosen = fields.setdefault(name, [])
            if "checked" in given:
                chosen.append(value or "on")
        elif name:
            fields.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _UNSEEN
        self._words.append(" " if tag in _BREAKS else "")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._words.append(data)


class Person:
    def __init__(self, *, site: str) -> None:
        self._site = site
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)

    def open(self, path: str, **query: str) -> Page:
        address = urljoin(self._site, path) + (f"?{urlencode(query)}" if query else "")
        return self._ask(urllib.request.Request(address))

    def submit(self, form: Form, **answers: str | list[str]) -> Page:
        """Post the form as it stands, with these fields filled in or changed."""
        fields = form.fields | {
            name: answer if isinstance(answer, list) else [answer]
            for name, answer in answers.items()
        }
        body = urlencode(fields, doseq=True).encode()
        return self._ask(urllib.request.Request(form.action, data=body))

    def log_in(self, *, email: str, password: str) -> Page:
        page = self.open("/login/")
        return self.submit(page.form("/login/"), username=email, password=password)

    def add_card(self, number: str) -> Page:
        """From the Payments page to Stripe's hosted page and back, as a person clicks."""
        hosted = self.submit(self.open("/payments/").form("/payments/methods/add/"))
        return self.submit(hosted.form("number"), number=number, action="save")

    def _ask(self, request: urllib.request.Request) -> Page:
        try:
            with self._opener.open(request, timeout=PATIENCE_SECONDS) as answer:
                return _page(answer, answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return _page(error, error.code)


def _page(answer: object, status: int) -> Page:
    source = answer.read().decode()
    return Page(url=answer.geturl(), status=status, source=source)
