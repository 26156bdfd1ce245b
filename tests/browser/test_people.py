"""What a journey reads is the whole page, however slowly the server sends it."""

import time
from collections.abc import Iterator

import pytest

from tests.servers import Quiet, serving

FIRST, NEXT = b"<a href='/next'>Go on</a>", b"<main><h1>Rows</h1>"
REST = b"<p>One</p><p>Two</p></main>"


class Slow(Quiet):
    """A page with a link, and one whose rows come long after its heading."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if self.path != "/next":
            self.wfile.write(FIRST)
            return
        # More than a browser waits for before it shows the beginning.
        self.wfile.write(NEXT + b" " * 2000)
        self.wfile.flush()
        time.sleep(0.5)
        self.wfile.write(REST)


@pytest.fixture
def slow() -> Iterator[str]:
    with serving(Slow) as server:
        yield f"http://127.0.0.1:{server.server_port}/"


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize(
    ("read", "found"),
    [
        (lambda person: person.count("p"), 2),
        (lambda person: person.text("main"), "Rows One Two"),
        (lambda person: person.sees("Rows") or person.page.locator("p").count(), 2),
    ],
    ids=["counted", "as text", "once something is seen"],
)
def test_rows_that_come_after_the_page_began_are_read(enter, slow, javascript, read, found):
    person = enter(javascript=javascript)
    person.visit(slow)

    person.page.click("text=Go on")

    assert read(person) == found
