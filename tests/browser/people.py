"""Somebody in front of a browser: a signed-in page whose console must stay silent."""

from dataclasses import dataclass, field

from django.test import Client

from accounts.models import User

DESK = 1280
PHONE = 390
NARROWEST = 320
HEIGHTS = {DESK: 900, PHONE: 844, NARROWEST: 640}
TABLET_HEIGHT = 1000
# A slow machine with others at work on it needs more than a few seconds.
PATIENCE_MS = 30_000

# A refusal the test asks for is noted by the browser itself, and a lost answer by htmx.
REFUSALS = tuple(f"status of {status}" for status in (400, 403, 404, 409, 422))
LOST = ("ERR_FAILED", "ERR_INTERNET_DISCONNECTED", "htmx:afterRequest", "htmx:sendError")


@dataclass
class Windows:
    """The browser's windows, each used again by a later test: a new one loads every script anew.

    The application keeps nothing in them but cookies.
    """

    browser: object
    url: str
    free: dict[bool, list] = field(default_factory=lambda: {True: [], False: []})

    def open(self, *, javascript: bool) -> object:
        """A page in a window that nobody else uses, as if just opened."""
        if self.free[javascript]:
            return self.free[javascript].pop()
        context = self.browser.new_context(
            base_url=self.url, java_script_enabled=javascript, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()

    def take_back(self, page, *, javascript: bool) -> None:
        for another in page.context.pages:
            if another is not page:
                another.close()
        page.unroute_all()
        page.context.set_offline(False)
        page.goto("about:blank")
        page.mouse.move(0, 0)
        page.context.clear_cookies()
        self.free[javascript].append(page)


@dataclass
class Watched:
    """The open windows of a test, and what their consoles complained of."""

    windows: Windows
    pages: list[tuple[object, bool]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, *, javascript: bool) -> object:
        page = self.windows.open(javascript=javascript)
        page.on("pageerror", self._note_error)
        page.on("console", self._note)
        self.pages.append((page, javascript))
        return page

    def _note_error(self, error: object) -> None:
        self.complaints.append(str(error))

    def _note(self, note) -> None:
        if note.type == "error" and not any(part in note.text for part in (*REFUSALS, *LOST)):
            self.complaints.append(note.text)

    def close(self) -> None:
        for page, javascript in self.pages:
            self.windows.take_back(page, javascript=javascript)
            page.remove_listener("pageerror", self._note_error)
            page.remove_listener("console", self._note)


@dataclass
class Person:
    """A page with shorthands. `page` is Playwright's."""

    page: object
    context: object

    @classmethod
    def enter(
        cls,
        watched: Watched,
        user: User | None,
        *,
        width: int = DESK,
        scheme: str = "light",
        javascript: bool = True,
    ) -> "Person":
        page = watched.open(javascript=javascript)
        page.set_viewport_size({"width": width, "height": HEIGHTS.get(width, TABLET_HEIGHT)})
        page.emulate_media(color_scheme=scheme)
        if user:
            client = Client()
            client.force_login(user)
            session = client.cookies["sessionid"].value
            cookie = {"name": "sessionid", "value": session, "url": watched.windows.url}
            page.context.add_cookies([cookie])
        return cls(page=page, context=page.context)

    def visit(self, path: str) -> "Person":
        self.page.goto(path)
        return self

    def sees(self, text: str, within: str = "body") -> None:
        """Waits until the text is visible, and what came with it answers."""
        self.page.locator(f"{within} >> text={text}").first.wait_for(state="visible")
        self._reads_to_the_end()
        self.page.wait_for_selector(".htmx-added", state="detached")

    def sees_not(self, text: str) -> None:
        assert text not in self.text()

    def text(self, within: str = "body") -> str:
        self._reads_to_the_end()
        return " ".join(self.page.inner_text(within).split())

    def count(self, selector: str) -> int:
        """How many there are on the page now, which is read to its end first."""
        self._reads_to_the_end()
        return self.page.locator(selector).count()

    def _reads_to_the_end(self) -> None:
        """A click waits until the next page begins, and its rows may still be on their way."""
        self.page.wait_for_load_state("domcontentloaded")

    def dialog(self) -> str:
        return self.text("dialog")

    def opens(self, selector: str, first: str) -> None:
        """Clicks, and waits until the dialog shows the element it is about."""
        self.page.click(selector)
        self.page.wait_for_selector(f"dialog[open] {first}")
        self.settles()

    def settles(self) -> None:
        """Waits until htmx listens to what it brought, a moment after it is in sight, and has what
        that asked for."""
        self.page.wait_for_selector(".htmx-added, .htmx-request", state="detached")

    def dialog_closes(self) -> None:
        self.page.wait_for_selector("dialog", state="hidden")

    def focuses(self, selector: str) -> None:
        """Waits until this element has the focus: htmx moves it once it has settled."""
        self.page.wait_for_selector(f"{selector}:focus")

    def focused(self) -> str:
        return self.page.evaluate("document.activeElement.id")

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": HEIGHTS.get(width, TABLET_HEIGHT)})

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
