"""Somebody in front of a browser: a signed-in page whose console must stay silent."""

from dataclasses import dataclass, field

from django.test import Client

from accounts.models import User

DESK = 1280
PHONE = 390
NARROWEST = 320
HEIGHTS = {DESK: 900, PHONE: 844, NARROWEST: 640}
# A slow machine with others at work on it needs more than a few seconds.
PATIENCE_MS = 30_000

# A refusal the test asks for is noted by the browser itself, and a lost answer by htmx.
REFUSALS = tuple(f"status of {status}" for status in (403, 404, 409, 422))
LOST = ("ERR_FAILED", "htmx:afterRequest", "htmx:sendError")


@dataclass
class Watched:
    """The open browsers of a test, and what their consoles complained of."""

    contexts: list = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda note: self._note(note.text) if note.type == "error" else None)

    def _note(self, text: str) -> None:
        if not any(part in text for part in (*REFUSALS, *LOST)):
            self.complaints.append(text)

    def close(self) -> None:
        for context in self.contexts:
            context.close()


@dataclass
class Person:
    """A page with shorthands. `page` is Playwright's."""

    page: object
    context: object

    @classmethod
    def enter(
        cls,
        chromium,
        url: str,
        user: User | None,
        watched: Watched,
        *,
        width: int = DESK,
        scheme: str = "light",
        javascript: bool = True,
    ) -> "Person":
        context = chromium.new_context(
            base_url=url,
            viewport={"width": width, "height": HEIGHTS[width]},
            color_scheme=scheme,
            java_script_enabled=javascript,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        watched.contexts.append(context)
        if user:
            client = Client()
            client.force_login(user)
            session = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        page = context.new_page()
        watched.watch(page)
        return cls(page=page, context=context)

    def visit(self, path: str) -> "Person":
        self.page.goto(path)
        return self

    def sees(self, text: str, within: str = "body") -> None:
        """Waits until the text is visible."""
        self.page.locator(f"{within} >> text={text}").first.wait_for(state="visible")

    def sees_not(self, text: str) -> None:
        assert text not in self.text()

    def text(self, within: str = "body") -> str:
        return " ".join(self.page.inner_text(within).split())

    def dialog(self) -> str:
        return self.text("dialog")

    def opens(self, selector: str, first: str) -> None:
        """Clicks, and waits until the dialog shows the element it is about."""
        self.page.click(selector)
        self.page.wait_for_selector(f"dialog[open] {first}")

    def dialog_closes(self) -> None:
        self.page.wait_for_selector("dialog", state="hidden")

    def focuses(self, name: str) -> None:
        """Waits until the element of this id has the focus: htmx moves it once it has settled."""
        self.page.wait_for_selector(f"#{name}:focus")

    def focused(self) -> str:
        return self.page.evaluate("document.activeElement.id")

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
