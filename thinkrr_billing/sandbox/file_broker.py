"""Messages in files, for a machine without Redis.

With kombu's own transport (5.7.0) a worker ends when it looks into the folder just as a message
or a binding is begun: it reads an empty file. Here both appear whole or not at all.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time_ns
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Reads as kombu's does."""

    def _put(self, queue: str, payload: dict, **kwargs: Any) -> None:
        whole = Path(self.data_folder_out, f"{time_ns()}_{uuid4()}.{queue}.msg")
        begun = whole.with_suffix(".begun")
        try:
            begun.write_text(dumps(payload))
            os.replace(begun, whole)
        except OSError as error:
            raise ChannelError(f"Cannot add {whole}") from error

    def get_table(self, exchange: str) -> list:
        with self._alone(exchange):
            return super().get_table(exchange)

    def _queue_bind(self, exchange: str, *args: Any) -> None:
        with self._alone(exchange):
            super()._queue_bind(exchange, *args)

    @contextmanager
    def _alone(self, exchange: str) -> Iterator[None]:
        """Kombu makes a file of bindings before it locks it, and can die in between."""
        self.control_folder.mkdir(exist_ok=True)
        with (self.control_folder / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            bindings = self._exchange_file(exchange)
            if bindings.exists() and not bindings.stat().st_size:
                bindings.unlink()
            yield


class Transport(filesystem.Transport):
    Channel = Channel
