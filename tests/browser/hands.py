"""Ways to work a page: with the mouse, or with the keyboard alone. A task is written for both."""

from dataclasses import dataclass, field

from tests.browser.people import Person

# More than any page here has places for the focus.
TABS = 150
# Where the focus is: lost, not to be seen, under something else, or nothing to say against it.
WRONG_WITH_FOCUS = """
() => {
  const one = document.activeElement;
  if (one === document.body) return "the focus is lost";
  if (one.matches("main, dialog, [data-focus]")) return "";
  const name = (one.getAttribute("aria-label") || one.innerText || one.name || one.id).trim();
  const ring = one.matches(".radio-card input") ? one.closest(".radio-card") : one;
  const style = getComputedStyle(ring);
  const reach = one.querySelector?.(".reach");
  const drawn = getComputedStyle(reach || one).stroke !== "none";
  const ringed = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  if (!ringed && !drawn) return `${name}: no ring around the focus`;
  const box = one.getClientRects()[0];
  if (!box) return `${name}: not drawn`;
  const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const own = one.closest("label") || one;
  if (own.contains(hit) || hit?.closest("label")?.control === one) return "";
  return `${name}: under ${hit ? hit.tagName + "." + hit.className : "the edge"}`;
}
"""


@dataclass
class Mouse:
    """Points and clicks, and types into what it clicked."""

    person: Person

    def visit(self, path: str) -> None:
        self.person.visit(path)

    def sees(self, text: str, within: str = "body") -> None:
        self.person.sees(text, within)

    def press(self, selector: str, text: str = "") -> None:
        self._first(selector, text).click()

    def tick(self, selector: str) -> None:
        self._first(selector).click()

    def fill(self, selector: str, text: str) -> None:
        self._first(selector).fill(text)

    def choose(self, selector: str, label: str) -> None:
        self._first(selector).select_option(label=label)

    def _first(self, selector: str, text: str = "") -> object:
        found = self.person.page.locator(selector).filter(has_text=text or None)
        return found.locator("visible=true").first


@dataclass
class Keyboard(Mouse):
    """No mouse: Tab to it, then a key. `wrong` is what was wrong with the focus on the way."""

    wrong: list[str] = field(default_factory=list)

    def press(self, selector: str, text: str = "") -> None:
        self._reach(selector, text)
        self._key("Enter")

    def tick(self, selector: str) -> None:
        one = self._first(selector)
        if one.get_attribute("type") == "radio":
            # Arrows go through a group, which Tab enters at the one chosen or at an end.
            self._reach(f"[name={one.get_attribute('name')}]")
            for _ in range(TABS):
                if one.is_checked():
                    return
                self._key("ArrowDown")
        self._reach(selector)
        self._key("Space")

    def fill(self, selector: str, text: str) -> None:
        self._reach(selector)
        self._key("Control+A")
        self.person.page.keyboard.type(text)

    def choose(self, selector: str, label: str) -> None:
        self._reach(selector)
        self.person.page.keyboard.type(label.partition(" ")[0])

    def _reach(self, selector: str, text: str = "") -> None:
        wanted = self._first(selector, text)
        wanted.wait_for(state="visible")
        focused = self.person.page.locator(f":is({selector}):focus").filter(has_text=text or None)
        for _ in range(TABS):
            if focused.count():
                return
            self._key("Tab")
            if wrong := self.person.page.evaluate(WRONG_WITH_FOCUS):
                self.wrong.append(wrong)
        raise AssertionError(f"{TABS} tabs did not reach {selector} {text}")

    def _key(self, name: str) -> None:
        self.person.page.keyboard.press(name)
