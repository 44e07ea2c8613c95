"""A websocket client of a page: enough for ComfyUI's events and for Chromium's remote control.

In place of a package, since neither the library nor its tests need one otherwise.
"""

from __future__ import annotations

import base64
import os
import select
import socket
import struct
import time
from urllib.parse import urlsplit

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


class WebSocket:
    """An open connection; messages are str (text) or bytes (binary)."""

    def __init__(self, url: str, timeout_s: float = 30.0) -> None:
        parts = urlsplit(url)
        host, port = parts.hostname or "127.0.0.1", parts.port or 80
        self._socket = socket.create_connection((host, port), timeout_s)
        self._received = b""
        key = base64.b64encode(os.urandom(16)).decode()
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._received:
            self._more(timeout_s)
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(f"{url}: {head.decode(errors='replace')}")

    def _more(self, timeout_s: float) -> None:
        if not select.select([self._socket], [], [], max(0.0, timeout_s))[0]:
            raise TimeoutError
        data = self._socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the other side closed the connection")
        self._received += data

    def _take(self, count: int, until: float) -> bytes:
        while len(self._received) < count:
            self._more(until - time.monotonic())
        taken, self._received = self._received[:count], self._received[count:]
        return taken

    def send(self, text: str) -> None:
        self._frame(_TEXT, text.encode())

    def _frame(self, kind: int, data: bytes) -> None:
        mask = os.urandom(4)
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x80 | kind, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 0x80 | 127, size)
        repeated = (mask * (size // 4 + 1))[:size]
        masked = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
        self._socket.sendall(head + mask + masked.to_bytes(size, "big"))

    def receive(self, timeout_s: float = 30.0) -> str | bytes:
        """The next message.

        Raises:
            TimeoutError: none came in time.
            ConnectionError: the connection is closed.
        """
        # A message that was begun is waited for: half of one cannot be put back.
        if not self._received:
            self._more(timeout_s)
        until = time.monotonic() + max(timeout_s, 30.0)
        whole, kind = b"", 0
        while True:
            first, second = self._take(2, until)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", self._take(2, until))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._take(8, until))
            data = self._take(size, until)
            code = first & 0x0F
            if code == _CLOSE:
                raise ConnectionError("the other side closed the connection")
            if code == _PING:
                self._frame(_PONG, data)
                continue
            if code == _PONG:
                continue
            kind = code or kind
            whole += data
            if first & 0x80:
                return whole.decode() if kind == _TEXT else whole

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
