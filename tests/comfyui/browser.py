"""Headless Chromium, driven through its own remote control."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from .websocket import WebSocket

_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--remote-debugging-port=0", "--hide-scrollbars", "--mute-audio"),
    "--force-device-scale-factor=1",
)
# The frontend asks its makers for news; a test of ours depends on no one outside.
_OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


def chromium() -> str | None:
    """Where the browser is, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


class Browser:
    """A browser with one page."""

    def __init__(self, folder: Path, size: tuple[int, int] = (1600, 1000)) -> None:
        """Start it with a fresh profile below ``folder``."""
        program = chromium()
        assert program is not None
        log_path = folder / "chromium.log"
        self._log = log_path.open("wb")
        width, height = size
        profile = (f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}")
        self._process = subprocess.Popen(
            [program, *_FLAGS, _OFFLINE, *profile, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )
        until = time.monotonic() + 60
        found = None
        while found is None:
            text = log_path.read_text(encoding="utf-8", errors="replace")
            found = re.search(r"DevTools listening on ws://([^/]+)/", text)
            if time.monotonic() > until or self._process.poll() is not None:
                self.stop()
                raise RuntimeError(f"{program} did not start:\n{text[-2000:]}")
            time.sleep(0.1)
        address = found[1]
        with urllib.request.urlopen(f"http://{address}/json/list", timeout=30) as answer:
            pages = [one for one in json.loads(answer.read()) if one["type"] == "page"]
        self._page = WebSocket(pages[0]["webSocketDebuggerUrl"])
        self._number = 0
        self.console: list[tuple[str, str]] = []
        """Level and text of what pages said on the console, thrown errors included."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def stop(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            self._page.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def send(self, method: str, **parameters: Any) -> Any:
        """A command of the remote control; its result."""
        self._number += 1
        number = self._number
        self._page.send(json.dumps({"id": number, "method": method, "params": parameters}))
        until = time.monotonic() + 120
        while True:
            message = json.loads(self._page.receive(until - time.monotonic()))
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        method, facts = message.get("method"), message.get("params", {})
        if method == "Runtime.consoleAPICalled":
            texts = [str(a.get("value", a.get("description", ""))) for a in facts["args"]]
            frames = facts.get("stackTrace", {}).get("callFrames", [])
            source = frames[0]["url"] if frames else ""
            self.console.append((facts["type"], " ".join(texts) + f" ({source})"))
        elif method == "Runtime.exceptionThrown":
            details = facts["exceptionDetails"]
            told = details.get("exception", {}).get("description", details.get("text", ""))
            self.console.append(("exception", f"{told} ({details.get('url', '')})"))
        elif method == "Log.entryAdded":
            entry = facts["entry"]
            self.console.append((entry["level"], f"{entry['text']} ({entry.get('url', '')})"))

    def listen(self, seconds: float) -> None:
        """Let the page work for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                self._hear(json.loads(self._page.receive(until - time.monotonic())))

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of an expression in the page, promises awaited.

        Raises:
            RuntimeError: it threw.
        """
        answer = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", str(details)))
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 60.0) -> Any:
        """Wait until an expression is true; its value.

        Raises:
            TimeoutError: it never was.
        """
        until = time.monotonic() + seconds
        while True:
            with contextlib.suppress(RuntimeError):
                value = self.run(condition)
                if value:
                    return value
            if time.monotonic() > until:
                raise TimeoutError(f"never true within {seconds} s: {condition}")
            self.listen(0.2)

    def picture(self, path: Path) -> Path:
        """A screenshot as PNG."""
        data = self.send("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))
        return path

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 8) -> None:
        """Press at one place of the page, move, let go at another."""
        (x0, y0), (x1, y1) = start, end
        pressed = dict(button="left", buttons=1, clickCount=1)
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x0, y=y0)
        self.send("Input.dispatchMouseEvent", type="mousePressed", x=x0, y=y0, **pressed)
        for i in range(1, steps + 1):
            x, y = x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps
            self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, **pressed)
            self.listen(0.03)
        self.send("Input.dispatchMouseEvent", type="mouseReleased", x=x1, y=y1, **pressed)
