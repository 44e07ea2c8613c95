"""The command ui: the page with controls, on this machine."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

from ..errors import OptionError
from .console import Console

PASSWORD_VARIABLE = "TALKING_PORTRAITS_PASSWORD"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "--out-dir",
        metavar="FOLDER",
        default="outputs",
        help="Where results go. [default outputs]",
    )
    parser.add_argument(
        "--port",
        metavar="N",
        default="0",
        help="Port; 0 takes a free one from 7860 on. [default 0]",
    )
    parser.add_argument(
        "--address",
        metavar="IP",
        default="127.0.0.1",
        help="Network address to listen at; 0.0.0.0 lets other machines in and needs a password. "
        "[default 127.0.0.1, this machine alone]",
    )
    parser.add_argument(
        "--password",
        metavar="WORD",
        default="",
        help=f"Asked for before anything is shown; better in {PASSWORD_VARIABLE}, where other "
        "users of this machine do not see it.",
    )
    parser.add_argument(
        "--share",
        action="store_true",
        help="Also reachable from anywhere, through a public address of gradio's servers; needs a "
        "password.",
    )
    parser.add_argument(
        "--upload-mb",
        metavar="N",
        default="500",
        help="Largest file that may be uploaded, in megabytes. [default 500]",
    )
    parser.add_argument("--open", action="store_true", help="Open the page in the browser.")


def run(args: argparse.Namespace, console: Console) -> int:
    """Serve the page until Ctrl-C."""
    console.note("The page is being set up; its address comes in a few seconds.")
    from ..ui.host import new_temp_folder
    from ..ui.local import LocalOptions, serve

    numbers = {"port": (0, 65535), "upload_mb": (1, 100_000)}
    read = {name: _number(args, name, low, high) for name, (low, high) in numbers.items()}
    options = LocalOptions(
        out=Path(args.out_dir),
        temp=Path(),
        address=args.address,
        password=args.password or os.environ.get(PASSWORD_VARIABLE, ""),
        share=args.share,
        open_browser=args.open,
        port=read["port"],
        upload_mb=read["upload_mb"],
    )
    temp = new_temp_folder()
    # Before gradio is imported: uploads and copies go where they are removed at the end.
    os.environ["GRADIO_TEMP_DIR"] = str(temp / "uploads")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

    def announce(url: str, out: Path) -> None:
        values = {"url": url, "out_dir": str(out)}
        lines = [f"Talking Portraits is at {url}", f"Results: {out}", "Ctrl-C ends it."]
        console.result(values, lines)

    def wait() -> None:
        ended = threading.Event()
        while not ended.wait(1.0):  # with a limit, so that Ctrl-C is heard on every system
            pass

    try:
        with contextlib.suppress(KeyboardInterrupt):  # the usual end of a server is no failure
            serve(replace(options, temp=temp), announce, wait)
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    return 0


def _number(args: argparse.Namespace, name: str, low: int, high: int) -> int:
    text = str(getattr(args, name))
    if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
        raise OptionError(
            f"{name.replace('_', '-')} must be a whole number from {low} to {high}, got {text!r}."
        )
    return int(text)
