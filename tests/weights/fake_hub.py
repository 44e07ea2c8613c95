"""A small Hugging Face on loopback, and the faults that real networks have."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """What the server has and how it misbehaves. Paths begin with a slash.

    Attributes:
        files: contents by path.
        cut: by path, how many more answers break off, and after how many bytes of the body.
        status: by path, errors to give before the file, in order; the last stays if negative.
        ignores_range: answer 200 with the whole file whatever range is asked for.
        lies_range: answer a range with bytes from another place.
        without_length: paths whose length is not said; the end of the connection is the end.
        redirects: by path, where its bytes are.
        pace: by path, bytes per second.
        held: by path, after how many bytes nothing more comes until the entry is taken out.
        requests: what was asked: "GET /path bytes=3-".
        headers: of all requests, names in lower case.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cut: dict[str, list[int]] = field(default_factory=dict)
    status: dict[str, list[int]] = field(default_factory=dict)
    ignores_range: bool = False
    lies_range: bool = False
    without_length: set[str] = field(default_factory=set)
    redirects: dict[str, str] = field(default_factory=dict)
    pace: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def put(self, repository: str, revision: str, file: str, content: bytes) -> str:
        """Put a file into a repository; its path."""
        path = f"/{repository}/resolve/{revision}/{file}"
        self.files[path] = content
        return path

    def gets(self, part: str = "") -> list[str]:
        """Requests for contents whose path has ``part``."""
        return [line for line in self.requests if line.startswith("GET") and part in line]


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        hub = self.hub
        asked = self.headers.get("Range", "")
        hub.requests.append(f"{self.command} {self.path} {asked}".strip())
        hub.headers.append({key.lower(): value for key, value in self.headers.items()})
        errors = hub.status.get(self.path, [])
        if errors:
            code = abs(errors[0]) if errors[0] < 0 else errors.pop(0)
            return self._empty(code)
        content = hub.files.get(self.path)
        if content is None:
            return self._empty(404)
        if self.path in hub.redirects:
            self.send_response(302)
            self.send_header("Location", hub.redirects[self.path])
            self._describe(content)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        begin = 0
        if asked and not hub.ignores_range:
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(content):
                return self._empty(416)
        shown = begin + 1 if asked and hub.lies_range else begin
        self.send_response(206 if begin else 200)
        if begin:
            span = f"bytes {shown}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", span)
        self._describe(content)
        if self.path in hub.without_length:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        if not body:
            return None
        rest = content[begin:]
        cuts = hub.cut.get(self.path)
        if cuts:
            self.wfile.write(rest[: cuts.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
            return None
        with suppress(ConnectionError):  # who asked went away
            step = hub.pace.get(self.path, 0) // 20 or len(rest) or 1
            for place in range(0, len(rest), step):
                while place >= hub.held.get(self.path, len(rest)):
                    time.sleep(0.05)
                self.wfile.write(rest[place : place + step])
                if step < len(rest):
                    time.sleep(0.05)
        return None

    def _describe(self, content: bytes) -> None:
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")

    def _empty(self, code: int) -> None:
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def fake_hub() -> Generator[FakeHub, None, None]:
    """A hub that answers on loopback while the block runs."""
    hub = FakeHub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
