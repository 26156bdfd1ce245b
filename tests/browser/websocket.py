"""A websocket, as much of it as a browser that is driven needs: texts, from one side (RFC 6455)."""

import base64
import os
import socket
import struct

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
# Firefox answers within milliseconds; a busy machine may take a page's time.
PATIENCE_SECONDS = 60


class WebSocket:
    """Connects at once. Raises OSError when the other side is gone or silent for a minute."""

    def __init__(self, *, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self._unread = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._unread:
            self._receive()
        head, self._unread = self._unread.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise OSError(f"No websocket: {head!r}")

    def send(self, text: str, *, kind: int = TEXT) -> None:
        data = text.encode()
        mask = os.urandom(4)
        if len(data) < 126:
            length = bytes([0x80 | len(data)])
        elif len(data) < 65_536:
            length = b"\xfe" + struct.pack(">H", len(data))
        else:
            length = b"\xff" + struct.pack(">Q", len(data))
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
        self._socket.sendall(bytes([0x80 | kind]) + length + mask + masked)

    def receive(self) -> str:
        """The next text; pings are answered on the way."""
        whole = b""
        while True:
            last, kind, data = self._frame()
            if kind == CLOSE:
                raise OSError("The other side closed the websocket.")
            if kind == PING:
                self.send(data.decode(), kind=PONG)
            if kind in (0, TEXT):
                whole += data
                if last:
                    return whole.decode()

    def close(self) -> None:
        self._socket.close()

    def _frame(self) -> tuple[bool, int, bytes]:
        first, second = self._take(2)
        length = second & 0x7F
        if length == 126:
            [length] = struct.unpack(">H", self._take(2))
        elif length == 127:
            [length] = struct.unpack(">Q", self._take(8))
        return bool(first & 0x80), first & 0x0F, self._take(length)

    def _take(self, count: int) -> bytes:
        while len(self._unread) < count:
            self._receive()
        data, self._unread = self._unread[:count], self._unread[count:]
        return data

    def _receive(self) -> None:
        data = self._socket.recv(65_536)
        if not data:
            raise OSError("The other side is gone.")
        self._unread += data
