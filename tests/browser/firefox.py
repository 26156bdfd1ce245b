"""Firefox, driven over WebDriver BiDi by itself: no driver beside it, a websocket and JSON.

As much as the main ways need: a tab that is looked at, clicked in and typed into as a person would.
"""

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.browser.websocket import WebSocket

NAMES = ("firefox-esr", "firefox")
PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "signon.rememberSignons": False,
    "toolkit.telemetry.server": "",
    "ui.prefersReducedMotion": 1,
}
SAYS_WHERE = re.compile(r"WebDriver BiDi listening on ws://127\.0\.0\.1:(\d+)")
PATIENCE_SECONDS = 60
ENTER, ESCAPE, END, LEFT = "\ue007", "\ue00c", "\ue010", "\ue012"


def path() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


class Firefox:
    """One process with a profile of its own, in a temporary folder."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="firefox-")
        lines = (f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items())
        Path(self._folder.name, "user.js").write_text("\n".join(lines))
        self._process = subprocess.Popen(
            [
                path(),
                "--headless",
                "--no-remote",
                "--profile",
                self._folder.name,
                "--remote-debugging-port=0",
            ],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={"HOME": self._folder.name, "MOZ_HEADLESS": "1", "PATH": "/usr/bin:/bin"},
        )
        self._socket = WebSocket(port=self._port(), path="/session")
        self._number = 0
        self.complaints: list[str] = []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])

    def _port(self) -> int:
        said = []
        for line in self._process.stderr:
            said.append(line)
            if found := SAYS_WHERE.search(line):
                return int(found[1])
        raise RuntimeError(f"Firefox did not start: {''.join(said[-10:])}")

    def ask(self, method: str, **parameters: object) -> dict:
        """Send a command and wait for its answer; what the console says meanwhile is kept."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(command))
        while True:
            told = json.loads(self._socket.receive())
            if told.get("method") == "log.entryAdded":
                self._note(told["params"])
            elif told.get("id") == self._number:
                if told["type"] == "error":
                    raise RuntimeError(f"{method}: {told['error']}: {told['message']}")
                return told["result"]

    def _note(self, entry: dict) -> None:
        if entry["level"] == "error":
            self.complaints.append(entry["text"])

    def tab(self, url: str) -> "Tab":
        return Tab(self, url, self.ask("browsingContext.create", type="tab")["context"])

    def forget(self) -> None:
        """As if just opened: no cookie, and no tab but an empty one."""
        self.ask("storage.deleteCookies")
        empty = self.ask("browsingContext.create", type="tab")["context"]
        for one in self.ask("browsingContext.getTree")["contexts"]:
            if one["context"] != empty:
                self.ask("browsingContext.close", context=one["context"])

    def close(self) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(timeout=PATIENCE_SECONDS)
        self._process.stderr.close()
        self._folder.cleanup()


class Tab:
    """A tab of the site at `url`."""

    def __init__(self, firefox: Firefox, url: str, context: str) -> None:
        self._firefox, self._url, self._context = firefox, url, context

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        self._ask("browsingContext.setViewport", viewport=size)

    def visit(self, path: str) -> None:
        self._ask("browsingContext.navigate", url=f"{self._url}{path}", wait="complete")

    def evaluate(self, expression: str) -> object:
        """What a JavaScript expression comes to: a text, a number, a truth or nothing."""
        found = self._firefox.ask(
            "script.evaluate",
            expression=expression,
            target={"context": self._context},
            awaitPromise=True,
        )
        if found["type"] == "exception":
            raise RuntimeError(found["exceptionDetails"]["text"])
        return found["result"].get("value")

    def text(self, selector: str = "body") -> str:
        found = self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return " ".join(found.split())

    def sees(self, text: str, selector: str = "body") -> None:
        """Waits until the text is on the page."""
        self._until(lambda: text in self.text(selector), f"{text!r} in {selector}")

    def click(self, selector: str, *, text: str = "") -> None:
        """Scrolls to the element and presses the mouse in its middle, once it is there."""
        node = self._node(selector, text)
        middle = {"type": "element", "element": {"sharedId": node}}
        self._pointer(
            {"type": "pointerMove", "x": 0, "y": 0, "origin": middle},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        )

    def press(self, keys: str) -> None:
        """Types where the focus is."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._actions({"type": "key", "id": "keyboard", "actions": strokes})

    def fill(self, selector: str, text: str) -> None:
        """Clicks into a field and types in place of what is there."""
        self.click(selector)
        self.evaluate("document.activeElement.select()")
        self.press(text)

    def _node(self, selector: str, text: str) -> str:
        # Of those that can be seen; marked, for a locator of BiDi knows CSS or a text, not both.
        mark = f"""(() => {{
            const found = [...document.querySelectorAll({json.dumps(selector)})].find((one) =>
              one.checkVisibility({{ visibilityProperty: true }})
              && one.innerText.includes({json.dumps(text)}));
            document.querySelector("[data-driven]")?.removeAttribute("data-driven");
            found?.setAttribute("data-driven", "");
            found?.scrollIntoView({{ block: "center", behavior: "instant" }});
            return Boolean(found);
        }})()"""
        self._until(lambda: self.evaluate(mark), f"{selector} with {text!r}")
        locator = {"type": "css", "value": "[data-driven]"}
        [node] = self._ask("browsingContext.locateNodes", locator=locator)["nodes"]
        return node["sharedId"]

    def _pointer(self, *actions: dict) -> None:
        self._actions({"type": "pointer", "id": "mouse", "actions": list(actions)})

    def _actions(self, *sources: dict) -> None:
        self._ask("input.performActions", actions=list(sources))

    def _ask(self, method: str, **parameters: object) -> dict:
        return self._firefox.ask(method, context=self._context, **parameters)

    def _until(self, holds: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what}; the page says: {self.text()}")
            time.sleep(0.05)
