"""The web server's log of requests, without what lets anybody in."""

from typing import Any

from gunicorn.glogging import Logger

from thinkrr_billing.redaction import without_tokens


class AccessLog(Logger):
    """Gunicorn's, which writes down every address that is asked for."""

    def atoms(self, *request: Any) -> dict[str, Any]:
        found = super().atoms(*request)
        # All at once first: hardly any request has one, and each has sixty of these.
        said = "\n".join(value for value in found.values() if isinstance(value, str))
        if without_tokens(said) == said:
            return found
        return {
            name: without_tokens(value) if isinstance(value, str) else value
            for name, value in found.items()
        }
