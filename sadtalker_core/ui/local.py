"""The local page: a server on this machine alone, with its own folders."""

from __future__ import annotations

import asyncio
import hmac
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OptionError, OutputError
from . import versions
from .gate import Gate
from .host import LocalHost
from .page import build
from .style import LOCAL_STYLE
from .terminal import quoted

NEWEST_OF = 6  # gradio's main version that the local page needs: older ones hand out more files
TOGETHER = 32  # calls that may be under way; jobs wait for each other
MOST_WAITING = 200
MADE_HERE = ("posters", "archives", "sample")  # in the temporary folder, by ourselves
LEAST_PASSWORD = 8  # letters, where others may try
MOST_WRONG = 8  # wrong passwords that are answered at a time
WRONG_S = 1.0  # how long each of them takes
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class LocalOptions:
    """How the local page is served.

    Attributes:
        out: folder for results.
        temp: folder of this process; removed at the end.
        address: of the network interface.
        port: 0 takes a free one from 7860 on.
        password: asked for before anything is shown; empty for none.
        share: also through a public address of gradio's servers.
        upload_mb: largest file that may be uploaded.
        open_browser: whether to show the page at once.
    """

    out: Path
    temp: Path
    address: str = "127.0.0.1"
    port: int = 0
    password: str = ""
    share: bool = False
    upload_mb: int = 500
    open_browser: bool = False

    @property
    def is_shared(self) -> bool:
        """Whether others than this machine may open the page."""
        return self.share or self.address not in LOOPBACK


def check(options: LocalOptions) -> None:
    """Raise ``OptionError`` where the page cannot be served like that."""
    if not versions.is_present():
        raise OptionError(
            "The page needs gradio, which is not installed: "
            f"{quoted(sys.executable)} -m pip install 'gradio>={NEWEST_OF}'"
        )
    if versions.version()[0] < NEWEST_OF:
        have = ".".join(map(str, versions.version()))
        raise OptionError(
            f"The page needs gradio {NEWEST_OF} or newer, here is {have}: "
            f"{quoted(sys.executable)} -m pip install 'gradio>={NEWEST_OF}'"
        )
    _check_address(options.address)
    if options.is_shared and not options.password:
        raise OptionError(
            "Others could open the page and use this machine: give it a password with --password."
        )
    if options.is_shared and len(options.password) < LEAST_PASSWORD:
        raise OptionError(
            f"Others may try passwords: take one of {LEAST_PASSWORD} letters or more."
        )


def _check_address(address: str) -> None:
    async def listen() -> None:
        # Port 0 is any that is free: this asks for the address alone.
        server = await asyncio.start_server(lambda reader, writer: writer.close(), address, 0)
        server.close()

    try:
        if not address or ":" in address:
            raise OSError("gradio serves IPv4 alone, and nothing is every address")
        asyncio.run(listen())
    except (OSError, UnicodeError) as error:
        raise OptionError(
            f"{address!r} is no IPv4 address of this machine; give one, such as 127.0.0.1 or "
            "0.0.0.0."
        ) from error


class Server:
    """A page that is being served.

    Args:
        options: how.
    """

    def __init__(self, options: LocalOptions) -> None:
        check(options)
        self.host = LocalHost(options.out, options.temp, options.is_shared)
        try:
            self.host.output_folder()
        except OSError as error:
            raise OutputError(f"{options.out} cannot be made: {error.strerror}.") from error
        self.page = build(lambda: self.host)
        versions.start_queue(self.page, TOGETHER, MOST_WAITING)
        self._options = options
        self.url = ""

    def start(self) -> str:
        """Begin to serve, and give the address."""
        options = self._options
        temp = self.host.temp_folder()
        # Not the folder as a whole: what is allowed by name is shown as it is, and among uploads
        # may be a page with a script. Uploads are given out as gradio does it, to be saved.
        own = [temp / name for name in MADE_HERE]
        folders = [str(folder) for folder in (self.host.output_folder(), *own)]
        try:
            _, url, shared = self.page.launch(
                server_name=options.address,
                server_port=options.port or None,
                share=options.share,
                inbrowser=options.open_browser,
                prevent_thread_lock=True,
                quiet=True,
                show_error=False,
                allowed_paths=folders,
                max_file_size=options.upload_mb * 1024 * 1024,
                auth=_guard(options.password) if options.password else None,
                auth_message="Any name will do; the password is the one of the person who "
                "opened this page.",
                max_threads=TOGETHER + 8,
                ssr_mode=False,
                theme=versions.theme(),
                css=LOCAL_STYLE,
                footer_links=["api", "settings"],
                app_kwargs={"middleware": [versions.middleware(Gate, names=self._names())]},
                **versions.no_history(self.page.launch),
            )
        except ValueError as error:  # gradio asked its own server whether it is there
            self.stop()
            raise OptionError(
                "The page does not answer on this machine: it may be too busy, so try again; or a "
                "proxy stands between, which NO_PROXY=127.0.0.1,localhost keeps out."
            ) from error
        except OSError as error:
            self.stop()
            where = f"port {options.port}" if options.port else "any port from 7860 on"
            raise OptionError(
                f"The page cannot be served at {where}: another program is there, or the system "
                "does not allow it. Choose another with --port."
            ) from error
        if options.share and not shared:
            self.stop()
            raise OptionError(
                "The public address could not be had from gradio's servers; try again later, or "
                "leave out --share."
            )
        self.url = str(shared or url)
        return self.url

    def _names(self) -> tuple[str, ...]:
        """What the page may be called by: anything only where a password is asked for."""
        options = self._options
        return () if options.password else (*LOOPBACK, options.address)

    def stop(self) -> None:
        """End it, and take away what was temporary."""
        self.page.close(verbose=False)
        self.host.close()


def _guard(password: str) -> Callable[[str, str], Coroutine[Any, Any, bool]]:
    wrong = 0

    async def is_right(name: str, given: str) -> bool:
        nonlocal wrong
        if wrong >= MOST_WRONG:
            return False
        if hmac.compare_digest(given.encode(), password.encode()):
            return True
        wrong += 1
        try:
            await asyncio.sleep(WRONG_S)  # guessing takes long; others are answered meanwhile
        finally:
            wrong -= 1
        return False

    return is_right


def serve(
    options: LocalOptions, announce: Callable[[str, Path], None], wait: Callable[[], Any]
) -> None:
    """Serve until ``wait`` returns or is interrupted; then clean up."""
    server = Server(options)
    try:
        url = server.start()
        announce(url, server.host.output_folder())
        wait()
    finally:
        server.stop()
