"""From ``argv`` to an exit code: one sentence for every error, no traceback unless asked for."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Generator, Sequence
from types import FrameType

from ..errors import Cancelled, TalkingPortraitsError
from .console import Console

EXIT_FAULT = 70
_STOPPED = "Stopped; nothing was written under the final name."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; ``argv`` without the program's name."""
    words = list(sys.argv[1:] if argv is None else argv)
    # Known before parsing, because a parse error must be reported as JSON too.
    console = Console(as_json="--json" in words, quiet="--quiet" in words)
    debug = "--debug" in words or bool(os.environ.get("TALKING_PORTRAITS_DEBUG"))
    try:
        with _stopping(console):
            # torch is imported from here on: inside, so that Ctrl-C in it ends without a traceback
            from .parser import build_parser, parse

            args = parse(words)
            if args.command is None:
                build_parser().print_help(sys.stderr)
                return 2
            return _run(args, console)
    except SystemExit as stop:  # --help, --version
        return stop.code if isinstance(stop.code, int) else 0
    except TalkingPortraitsError as error:
        if debug:
            traceback.print_exc()
        shown = Cancelled(_STOPPED) if console.stopped else error
        console.failure(str(shown), type(shown).__name__, shown.exit_code)
        return shown.exit_code
    except BrokenPipeError:
        # The reader of stdout went away (| head). Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BaseException as error:
        if console.stopped or isinstance(error, KeyboardInterrupt):
            console.failure(_STOPPED, "Cancelled", Cancelled.exit_code)
            return Cancelled.exit_code
        if isinstance(error, MemoryError):
            message = "Not enough memory. Use a smaller picture or a smaller --chunk."
            console.failure(message, "MemoryError", EXIT_FAULT)
            return EXIT_FAULT
        if debug:
            traceback.print_exc()
        console.failure(
            f"An error that should not happen ({type(error).__name__}: {_first_line(error)}). "
            "Please run again with --debug and report what it prints.",
            type(error).__name__,
            EXIT_FAULT,
        )
        return EXIT_FAULT


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else "no message"


def _run(args: argparse.Namespace, console: Console) -> int:
    if args.command in ("animate", "demo"):
        from .animate import run
    elif args.command in ("drive", "edit"):
        from .drive import run
    elif args.command == "relip":
        from .relip import run
    elif args.command == "template":
        from .template import run
    elif args.command == "batch":
        from .batch import run
    elif args.command == "enhance":
        from .enhance import run
    elif args.command == "faces":
        from .faces import run
    elif args.command == "measure":
        from .measure import run
    elif args.command == "models":
        from .models import run
    elif args.command == "ui":
        from .ui import run
    elif args.command == "workflows":
        from .workflows import run
    else:
        from .info import run
    return run(args, console)


@contextlib.contextmanager
def _stopping(console: Console) -> Generator[None, None, None]:
    """Ctrl-C and a polite kill stop the job: at once where Python runs, else at the next chunk."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first: list[float] = []

    def stop(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        console.stopped = True
        if not first:
            first.append(now)
            raise KeyboardInterrupt
        # Cleaning up takes a moment; who presses again after that wants out whatever is left.
        if now - first[0] > 1.0:
            raise KeyboardInterrupt

    wanted = [signal.SIGINT, signal.SIGTERM]
    old = {number: signal.signal(number, stop) for number in wanted}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
