"""Who may ask the local page: itself, and programs; not other websites that a browser has open.

A browser sends what any website asks of this machine. gradio refuses only some of it: a website
whose name was made to mean 127.0.0.1 counts as the page itself there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_CHANGING = ("POST", "PUT", "PATCH", "DELETE")


class Gate:
    """An ASGI program that refuses what other websites ask.

    Args:
        app: the page.
        names: that the page may be called by; none for any, where a password is asked for.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], names: Iterable[str] = ()) -> None:
        self._app, self._names = app, frozenset(names)

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        """Answer 403, or hand over to the page."""
        kind = scope["type"]
        if kind in ("http", "websocket"):
            headers = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in scope["headers"]
            }
            if is_refused(str(scope.get("method", "GET")), headers, self._names):
                if kind == "http":
                    await _refuse(send)
                return
        await self._app(scope, receive, send)


def is_refused(method: str, headers: Mapping[str, str], names: frozenset[str]) -> bool:
    """Whether a request is another website's.

    Args:
        method: of HTTP.
        headers: by their names in lower case.
        names: that the page may be called by; none for any.
    """
    host = headers.get("host", "")
    if names and name_of(f"//{host}") not in names:
        return True
    origin = headers.get("origin")
    # What a proxy in between says; no website can, not without asking first, which is refused.
    called = (host.lower(), headers.get("x-forwarded-host", host).lower())
    if origin is not None and urlsplit(origin).netloc.lower() not in called:
        return True
    return method in _CHANGING and headers.get("sec-fetch-site") == "cross-site"


def name_of(address: str) -> str:
    """The name in an address, without port and brackets; empty where there is none."""
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


async def _refuse(send: Send) -> None:
    text = b"This page answers only itself: open it by the address that it was started with."
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": text})
