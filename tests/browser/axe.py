"""Runs axe-core on the page as it stands: WCAG 2.2 A and AA, in the light and the dark theme."""

from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parent / "vendor" / "axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """
async (rules) => {
  const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
  return found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}
"""


@cache
def _source() -> str:
    return SOURCE.read_text()


def violations(page) -> list[str]:
    """What axe finds. The dark theme is another set of colours, so there only contrast is asked."""
    page.evaluate(_source())
    page.emulate_media(color_scheme="light")
    found = page.evaluate(RUN, {"type": "tag", "values": STANDARDS})
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(RUN, {"type": "rule", "values": ["color-contrast"]})
    page.emulate_media(color_scheme="light")
    return found + [f"dark {line}" for line in dark]
