"""The web server's own lines: they look like all others, and leave out what lets anybody in."""

import logging
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger
from structlog.contextvars import bound_contextvars

from thinkrr_billing import env
from thinkrr_billing.redaction import WithoutTokens, without_tokens

_NO_TOKENS = WithoutTokens()


class AccessLog(Logger):
    """Gunicorn's, which writes down every address that is asked for."""

    def setup(self, cfg: Config) -> None:
        """With LOG_FORMAT=json each line is an object, a request's with its id as a field."""
        if env.log_format() == "json":
            cfg.set("access_log_format", "%(m)s %(U)s %(s)s")
            logging.captureWarnings(True)
        self.error_log.addFilter(_NO_TOKENS)
        super().setup(cfg)

    def _set_handler(
        self, log: logging.Logger, output: str, fmt: logging.Formatter, stream: Any = None
    ) -> None:
        if env.log_format() == "json":
            from thinkrr_billing.json_logs import JsonLine

            fmt = JsonLine()
        super()._set_handler(log, output, fmt, stream)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        """The request is over and bound nowhere any more: its answer still says which it was."""
        if self.access_log_enabled:
            request = dict(resp.headers).get("X-Request-ID")
            with bound_contextvars(
                **{"request": request} if request else {},
                status=resp.status_code,
                seconds=round(request_time.total_seconds(), 3),
            ):
                super().access(resp, req, environ, request_time)

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
