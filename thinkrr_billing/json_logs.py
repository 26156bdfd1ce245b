"""How a line of the log looks with LOG_FORMAT=json: one object, for whatever collects and searches
them (docs/observability.md)."""

from datetime import UTC, datetime

from structlog.processors import JSONRenderer, StackInfoRenderer, format_exc_info
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, WrappedLogger

from thinkrr_billing.logs import ids
from thinkrr_billing.redaction import without_tokens


class JsonLine(ProcessorFormatter):
    def __init__(self) -> None:
        super().__init__(
            processors=[
                _described,
                ProcessorFormatter.remove_processors_meta,
                # As text: with local variables, as structlog can tell them, it would tell secrets.
                format_exc_info,
                StackInfoRenderer(),
                _without_tokens,
                # ASCII alone: nothing that somebody sent ends a line or moves a cursor.
                JSONRenderer(ensure_ascii=True),
            ]
        )


def _described(_logger: WrappedLogger, _name: str, said: EventDict) -> EventDict:
    record = said["_record"]
    when = datetime.fromtimestamp(record.created, UTC)
    return {
        "timestamp": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        **said,
        **ids(record),
    }


def _without_tokens(_logger: WrappedLogger, _name: str, said: EventDict) -> EventDict:
    """The event itself went through the handler's filter; what an error says did not."""
    for name in ("exception", "stack"):
        if name in said:
            said[name] = without_tokens(said[name])
    return said
