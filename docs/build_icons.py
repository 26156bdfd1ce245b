"""Build icons.svg, the sprite of our icons, from an unpacked `npm pack lucide-static@1.62.0`.

Usage: python docs/build_icons.py path/to/package/icons > static/ui/icons.svg
"""

import pathlib
import re
import sys

NAMES = [
    "arrow-left",
    "arrow-right",
    "ban",
    "bell",
    "building-2",
    "calendar",
    "check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "chevrons-up-down",
    "circle-alert",
    "circle-check",
    "circle-help",
    "clock",
    "copy",
    "credit-card",
    "crown",
    "download",
    "ellipsis-vertical",
    "external-link",
    "eye",
    "info",
    "key-round",
    "landmark",
    "layers",
    "log-out",
    "mail",
    "megaphone",
    "monitor",
    "moon",
    "pause",
    "phone",
    "play",
    "plus",
    "receipt",
    "refresh-cw",
    "search",
    "settings",
    "sun",
    "trash-2",
    "triangle-alert",
    "user",
    "users",
    "wallet",
    "x",
    "zap",
]

ALIASES = {"circle-help": "circle-question-mark"}


def symbol(folder: pathlib.Path, name: str) -> str:
    path = folder / f"{name}.svg"
    if not path.exists():
        path = folder / f"{ALIASES[name]}.svg"
    body = re.search(r"<svg[^>]*>(.*)</svg>", path.read_text(), re.DOTALL)[1]
    lines = "".join(body.split(chr(10) + "  ")).strip()
    return f'<symbol id="{name}" viewBox="0 0 24 24">{lines}</symbol>'


def sprite(folder: pathlib.Path) -> str:
    symbols = "\n".join(symbol(folder, name) for name in NAMES)
    return (
        "<!-- Lucide 1.62.0, ISC License, see icons.LICENSE.txt -->\n"
        '<svg xmlns="http://www.w3.org/2000/svg" fill="none" stroke="currentColor" stroke-width="2"'
        ' stroke-linecap="round" stroke-linejoin="round">\n'
        f"{symbols}\n</svg>"
    )


if __name__ == "__main__":
    print(sprite(pathlib.Path(sys.argv[1])))
