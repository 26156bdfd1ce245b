"""Whether everything that can be done on a page is in reach, from the narrowest phone to the widest
screen."""

from tests.browser.people import Person

# 640 is a laptop at 200 %, and 683 one at 150 %; beside the sidebar, which begins at 820, a page
# has least room for a table.
WIDTHS = (320, 640, 683, 700, 768, 820, 1024, 1080, 1280, 2560)

# Each action is scrolled to, as a person would: then how far it is outside, or what lies over it.
# What has to be opened first is not there yet.
OUT_OF_REACH = """
() => {
  const found = [];
  const actions = "a[href], button, summary, input:not([type=hidden]), select, textarea";
  for (const one of document.querySelectorAll(actions)) {
    if (!one.checkVisibility({ visibilityProperty: true })) continue;
    if (one.closest(".skip-link, .visually-hidden, [popover]:not(:popover-open)")) continue;
    one.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
    const box = one.getClientRects()[0];
    if (!box || !box.width || !box.height) continue;
    const name = (one.getAttribute("aria-label") || one.innerText || one.name || one.id).trim();
    if (box.left < 0 || box.right > innerWidth) {
      found.push(`${name}: from ${Math.round(box.left)} to ${Math.round(box.right)}`);
      continue;
    }
    const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    if (!(one.closest("label") || one).contains(hit)) {
      found.push(`${name}: under ${hit ? hit.tagName + "." + hit.className : "nothing"}`);
    }
  }
  return found;
}
"""

# A cell that is cut off by its card's edge is read by nobody, unless its table can be moved there.
CUT_OFF = """
() => [...document.querySelectorAll("main :is(td, th)")].filter((cell) => {
  if (!cell.checkVisibility()) return false;
  for (let box = cell.parentElement; box; box = box.parentElement) {
    const flow = getComputedStyle(box).overflowX;
    if (flow === "auto" || flow === "scroll") return false;
    const edges = box.getBoundingClientRect();
    if (flow !== "visible" && edges.width <= 1) return false; // For screen readers alone.
    if (flow !== "visible" && cell.getBoundingClientRect().right > edges.right + 1) return true;
  }
  return false;
}).map((cell) => `${cell.innerText.trim()}: cut off`)
"""


def out_of_reach(person: Person) -> list[str]:
    """What cannot be reached, what is cut off, and where the page is wider than the window."""
    found = []
    for width in WIDTHS:
        person.resize(width)
        if pixels := person.overflow():
            found.append(f"{pixels} pixels wider than a window of {width}")
        for looked in (CUT_OFF, OUT_OF_REACH):
            found += [f"{width}: {name}" for name in person.page.evaluate(looked)]
    return found
