"""Commands of dj-stripe that do not fit us: they take its arguments, and say what to do instead."""

from typing import Any, NoReturn

from django.core.management.base import CommandError


class Refusing:
    """Put it before dj-stripe's own class."""

    why = ""

    def handle(self, *_: Any, **__: Any) -> NoReturn:
        raise CommandError(self.why)
