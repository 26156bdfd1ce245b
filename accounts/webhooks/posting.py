"""Sending: one POST to an address that was checked, and what came back of it. Knows no rows.

A thread of its own holds hundreds of connections at once, so that one which hangs costs the others
nothing. No redirect is followed, no proxy asked, and little is read.
"""

import asyncio
import logging
import queue
import re
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Self

from accounts import limits
from accounts.webhooks import addresses
from accounts.webhooks.addresses import Target, Unreachable

logger = logging.getLogger(__name__)

# Names that hang are asked for a connection's time; those in trouble have room to hang.
_RESOLVERS = 64
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |$)")
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
# What a server may send before its answer (100, 103).
_INTERIM_MOST = 3


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A request that is ready. `key` tells whoever sent it which answer is whose."""

    key: object
    target: Target
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    key: object = None
    took_ms: int = 0
    # None: there was no answer, and `error` says why.
    status: int | None = None
    error: str = ""
    text: str = ""
    retry_after_seconds: int | None = None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Post:
    """Sends what it is given, all at once; answers come in the order in which they arrive."""

    def __init__(self) -> None:
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._pool = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="webhook-names")
        self._loop.set_default_executor(self._pool)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        # A task is only kept by whoever holds it.
        self._under_way: set[asyncio.Task] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        if left := list(self._under_way):
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.wait(left))
        self._loop.close()
        # A name that hangs ends by itself; nobody waits for it.
        self._pool.shutdown(wait=False, cancel_futures=True)

    def send(self, parcels: list[Parcel]) -> None:
        """Each gets exactly one answer, within the limits of time."""
        self._loop.call_soon_threadsafe(self._begin, parcels)

    def answers(self, *, seconds: float) -> list[Answer]:
        """What has come back; waits for so long for the first of it, and for others a moment more:
        each round of whoever asks costs as many statements for one as for a hundred."""
        found, left = [], seconds
        ends = time.monotonic() + seconds
        while len(found) < limits.WEBHOOKS_CLAIMED and left > 0:
            try:
                found.append(self._answers.get(timeout=left))
            except queue.Empty:
                break
            if len(found) == 1:
                ends = time.monotonic() + limits.WEBHOOKS_LOOK_SECONDS
            left = ends - time.monotonic()
        return found

    def _begin(self, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            task = self._loop.create_task(self._one(parcel))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _one(self, parcel: Parcel) -> None:
        began = time.monotonic()
        try:
            answer = await post(parcel)
        # Whoever waits for the answer waits for ever otherwise; the others go on.
        except Exception:
            logger.exception("a webhook could not be sent key=%s", parcel.key)
            answer = Answer(error="It could not be sent.")
        took = int((time.monotonic() - began) * 1000)
        kept = {"status": answer.status, "error": answer.error, "text": answer.text}
        after = answer.retry_after_seconds
        self._answers.put(Answer(key=parcel.key, took_ms=took, retry_after_seconds=after, **kept))


async def post(parcel: Parcel) -> Answer:
    """Send one; whatever goes wrong is an answer without a status, with a sentence for people."""
    try:
        async with asyncio.timeout(limits.WEBHOOK_TOTAL_SECONDS):
            return await _exchange(parcel)
    except TimeoutError:
        error = f"No answer within {limits.WEBHOOK_TOTAL_SECONDS:.0f} seconds."
    except Unreachable as reason:
        error = str(reason)
    except ssl.SSLCertVerificationError as reason:
        error = f"The certificate is not valid: {reason.verify_message}."
    except (asyncio.LimitOverrunError, _NoHttp):
        error = "What was answered is no HTTP."
    except asyncio.IncompleteReadError:
        error = "The connection ended without an answer."
    except ssl.SSLError:
        error = "No secure connection could be made."
    except ConnectionRefusedError:
        error = "The connection was refused."
    except OSError:
        error = "The connection broke."
    return Answer(error=error[:200])


class _NoHttp(Exception):
    """What came is no answer."""


async def _exchange(parcel: Parcel) -> Answer:
    try:
        async with asyncio.timeout(limits.WEBHOOK_CONNECT_SECONDS):
            reader, writer = await _connected(parcel.target)
    except TimeoutError:
        seconds = limits.WEBHOOK_CONNECT_SECONDS
        raise Unreachable(f"No connection within {seconds:.0f} seconds.") from None
    try:
        writer.write(_request(parcel))
        await writer.drain()
        status, head = await _head(reader)
        text = await _beginning(reader, head)
        wait = head.get("retry-after", "")
        after = int(wait) if _NUMBER.fullmatch(wait) else None
        return Answer(status=status, text=text, retry_after_seconds=after)
    finally:
        # Without the farewell of TLS, which a peer could hold back.
        writer.transport.abort()


async def _connected(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to one of the addresses that were just checked, and to no other."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(None, addresses.resolve, target)
    secure = {"ssl": _tls(), "server_hostname": target.host} if target.is_secure else {}
    refused: OSError = ConnectionRefusedError()
    for address in found[: limits.WEBHOOK_ADDRESSES_TRIED]:
        try:
            return await asyncio.open_connection(
                address, target.port, limit=limits.WEBHOOK_HEAD_BYTES, **secure
            )
        except ssl.SSLError:
            raise
        except OSError as error:
            refused = error
    raise refused


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _request(parcel: Parcel) -> bytes:
    fields = {
        "Host": parcel.target.authority,
        "User-Agent": "thinkrr-webhooks/1",
        "Content-Type": "application/json",
        "Content-Length": str(len(parcel.body)),
        "Connection": "close",
        **parcel.headers,
    }
    lines = [f"POST {parcel.target.path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + parcel.body


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """The status and the headers of the answer, by their names in lower case."""
    for _ in range(_INTERIM_MOST + 1):
        lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        begins = _STATUS.match(lines[0])
        if begins is None:
            raise _NoHttp
        status = int(begins[1])
        if status >= 200:
            pairs = (line.decode("latin-1").partition(":") for line in lines[1:])
            return status, {name.strip().lower(): value.strip() for name, _, value in pairs}
    raise _NoHttp


async def _beginning(reader: asyncio.StreamReader, head: dict[str, str]) -> str:
    """The first bytes of the body as text: what the log shows. It never makes a try fail."""
    wanted, read = limits.WEBHOOK_ANSWER_BYTES, b""
    chunked, length = "transfer-encoding" in head, head.get("content-length", "")
    if not chunked and _NUMBER.fullmatch(length):
        wanted = min(wanted, int(length))
    try:
        async with asyncio.timeout(limits.WEBHOOK_BODY_SECONDS):
            while len(read) < wanted and (more := await reader.read(wanted - len(read))):
                read += more
                if chunked and read.endswith(b"0\r\n\r\n"):
                    break
    except (TimeoutError, OSError):
        pass
    if chunked:
        read = b"".join(read.split(b"\r\n")[1::2])
    return read.decode("utf-8", "replace").replace("\x00", "\ufffd")
