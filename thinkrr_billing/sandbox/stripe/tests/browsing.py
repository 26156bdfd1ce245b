"""Uses the hosted pages as a browser would, without following where they lead."""

import urllib.error
import urllib.parse
import urllib.request


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def look(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as page:
        return page.read().decode()


def press(url: str, **form: str) -> str:
    """Send a hosted page's form. Return the address it leads to, or the page shown instead."""
    data = urllib.parse.urlencode(form).encode()
    try:
        with urllib.request.build_opener(_Stay).open(url, data=data, timeout=10) as page:
            return page.read().decode()
    except urllib.error.HTTPError as answer:
        with answer:
            if answer.code != 303:
                raise
            return answer.headers["Location"]
