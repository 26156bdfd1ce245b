"""Takes the pictures of docs/screens.md: `.venv/bin/python docs/take_screenshots.py`.

Starts parts of its own with fresh demo data (two minutes), or uses a `make run` by `--url`.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "screenshots"
PASSWORD = "brightline-demo"
START_SECONDS = 300
AGENCY, NORTHSIDE, HARBOR = (f"{who}@brightline.test" for who in ("owner", "northside", "harbor"))
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
# Who looks, where, and what to click first: a dialog or a menu over the page.
PICTURES = {
    "payments": (AGENCY, "/payments/", []),
    "recharge": (AGENCY, "/payments/", ["#add-credit"]),
    "configure": (AGENCY, "/payments/", ["#configure"]),
    "transactions": (AGENCY, "/payments/transactions/", []),
    "statement": (AGENCY, "/payments/statements/", ["tbody a >> nth=0"]),
    "receipts": (AGENCY, "/payments/receipts/", []),
    "usage": (AGENCY, "/usage/", []),
    "receipt": (
        AGENCY,
        "/payments/",
        ["tr:has-text('Paid') [popovertarget] >> nth=0", ".menu:popover-open >> text=Receipt"],
    ),
    "account-manager": (AGENCY, "/account-manager/", []),
    "sub-account": (AGENCY, "/account-manager/", ["tbody a >> text=Summit"]),
    "allocation": (
        AGENCY,
        "/account-manager/",
        ["tbody a >> text=Northside", "#manage-allocation"],
    ),
    "campaigns": (NORTHSIDE, "/campaigns/", []),
    "campaign": (NORTHSIDE, "/campaigns/", ["tbody a >> nth=0"]),
    "resume": (NORTHSIDE, "/campaigns/resume/", []),
    "banner": (NORTHSIDE, "/payments/", []),
    "declined": (HARBOR, "/payments/", []),
    "notifications": (AGENCY, "/notifications/", []),
    "settings": (AGENCY, "/settings/", []),
    "members": (AGENCY, "/settings/members/", []),
    "api-keys": (AGENCY, "/settings/api-keys/", []),
    "profile": (AGENCY, "/settings/profile/", []),
    "log-in": ("", "/login/", []),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--url", help="a running `make run`, such as http://127.0.0.1:8000")
    options.add_argument("--only", nargs="*", choices=PICTURES, default=list(PICTURES))
    asked = options.parse_args()
    TARGET.mkdir(exist_ok=True)
    with parts(asked.url) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        for look, settings in LOOKS.items():
            take(browser, url, look, settings, asked.only)
        browser.close()


@contextmanager
def parts(url: str | None) -> Iterator[str]:
    """The address of running parts: those of `url`, or parts of our own in a folder of theirs."""
    if url:
        yield url
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"PORT": str(port), "DATA_DIR": f"{folder}/data"}
        process = subprocess.Popen(
            [sys.executable, "-m", "thinkrr_billing.sandbox"], cwd=ROOT, env=environment
        )
        try:
            wait_until_ready(url, process)
            yield url
        finally:
            process.terminate()
            process.wait()


def wait_until_ready(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/login/", timeout=5):
                return
        except OSError:
            time.sleep(1)
    raise SystemExit(f"{url} did not answer in {START_SECONDS} seconds.")


def take(browser: Browser, url: str, look: str, settings: dict, names: list[str]) -> None:
    pages: dict[str, Page] = {}
    for name in names:
        who, path, clicks = PICTURES[name]
        if who not in pages:
            context = browser.new_context(base_url=url, reduced_motion="reduce", **settings)
            pages[who] = context.new_page()
            log_in(pages[who], who)
        page = pages[who]
        page.goto(path)
        for selector in clicks:
            page.click(selector)
            page.wait_for_timeout(400)
        page.wait_for_timeout(900)  # The banner comes by itself, after the page.
        save(page.screenshot(), TARGET / f"{name}-{look}.png")
    for page in pages.values():
        page.context.close()


def log_in(page: Page, who: str) -> None:
    if who:
        page.goto("/login/")
        page.fill("#id_username", who)
        page.fill("#id_password", PASSWORD)
        page.click("main button.btn-primary")
        page.wait_for_url("**/payments/")


def save(png: bytes, path: Path) -> None:
    """With a palette of 256 colours, which a page of text and lines does not miss."""
    image = Image.open(BytesIO(png)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
