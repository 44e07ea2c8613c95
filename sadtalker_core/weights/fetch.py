"""One file over HTTP to disk: resumed where it stopped, bounded, stopped when asked.

huggingface_hub's own download throws a partial file away when it is interrupted (version 2) and
cannot be cancelled in every version, which matters at 700 MB a file. So it only says where a file
of the hub is; the bytes come through here, those of plain addresses as well.
"""

from __future__ import annotations

import errno
import http.client
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ..errors import Cancelled, OutputError

_BLOCK = 1 << 18
_TIMEOUT_S = 30.0
_TRIES = 4
MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})
# Room for what else the machine writes meanwhile.
_SPARE = 64 << 20

Report = Callable[[int, int], None]


class FetchFailed(Exception):
    """An address did not give the file; the text says why, in half a sentence."""


class _Again(Exception):
    """A fault that may have passed a moment later."""


def fetch(
    url: str,
    part: Path,
    *,
    size: int = 0,
    report: Report | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Write what ``url`` gives to ``part``; go on after the bytes that are already there.

    Args:
        url: http or https.
        part: file to fill. It stays when the network fails or the user stops, to be resumed.
        size: bytes that the file must have; 0 when unknown.
        report: called with bytes done and bytes in all (0 when unknown).
        cancelled: asked after every quarter of a megabyte.
        pause: waits some seconds between attempts; tests give their own.

    Raises:
        FetchFailed: refused, not found, cut short again and again, or longer than ``size``.
        OutputError: the disk is full or not writable; on a full disk ``part`` is removed.
        Cancelled: the user stopped.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise FetchFailed(f"{url} is not a web address")
    tries, most = 0, _have(part)
    while True:
        try:
            _attempt(url, part, size, report or _silent, cancelled)
            return
        except _Again as error:
            # More than ever before: the patience starts anew.
            tries = 1 if _have(part) > most else tries + 1
            most = max(most, _have(part))
            if tries >= _TRIES:
                raise FetchFailed(str(error)) from error
            pause(float(2 ** (tries - 1)))
            if cancelled():
                raise _stopped(part) from error


def check_space(folder: Path, needed: int) -> None:
    """Raise ``OutputError`` when the disk of ``folder`` has no room for ``needed`` bytes."""
    free = shutil.disk_usage(folder).free
    if needed and free < needed + _SPARE:
        raise OutputError(
            f"The disk of {folder} has {free / 1e6:.0f} MB left; {needed / 1e6:.0f} MB are "
            "needed. Free some room, or choose another folder with --models-dir."
        )


def _silent(done: int, total: int) -> None:
    pass


def _have(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _stopped(part: Path) -> Cancelled:
    return Cancelled(
        f"Stopped by the user after {_have(part) / 1e6:.1f} MB; "
        "the same command goes on from there."
    )


def _attempt(
    url: str, part: Path, size: int, report: Report, cancelled: Callable[[], bool]
) -> None:
    have = _have(part)
    if size and have > size:
        part.unlink()
        have = 0
    if size and have == size:
        report(have, size)
        return
    headers = {"User-Agent": "talking-portraits", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            _receive(answer, part, have, size, report, cancelled)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:
            # Nothing lies behind what we have, so it is not the beginning of this file.
            part.unlink()
            raise _Again(f"the file there ends at byte {have} or before") from error
        reason = f"error {error.code} ({error.reason})"
        raise (_Again if error.code in MAY_PASS else FetchFailed)(reason) from error
    except urllib.error.URLError as error:
        raise _Again(f"no connection ({error.reason})") from error
    except (http.client.HTTPException, OSError) as error:  # OSError: also TLS, unplugged cables
        raise _Again(f"the connection broke ({error or type(error).__name__})") from error


def _receive(
    answer: http.client.HTTPResponse,
    part: Path,
    have: int,
    size: int,
    report: Report,
    cancelled: Callable[[], bool],
) -> None:
    begin = 0
    if answer.status == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if span is None or int(span[1]) != have:
            part.unlink(missing_ok=True)
            raise _Again("the server sent another range than asked for")
        begin = have
    length = answer.headers.get("Content-Length", "")
    total = begin + int(length) if length.isdecimal() else 0
    if size and total and total != size:
        part.unlink(missing_ok=True)
        raise FetchFailed(f"the file there has {total} bytes instead of {size}")
    wanted = size or total
    check_space(part.parent, wanted - begin)
    done = begin
    try:
        opened: BinaryIO = part.open("ab" if begin else "wb")
    except OSError as error:
        raise _not_writable(part, error) from error
    with opened as file:
        while block := answer.read(_BLOCK):
            done += len(block)
            if wanted and done > wanted:
                file.close()
                part.unlink()
                raise FetchFailed(f"the file there has more than {wanted} bytes")
            try:
                file.write(block)
                file.flush()
            except OSError as error:
                raise _not_writable(part, error) from error
            report(done, wanted)
            if cancelled():
                raise _stopped(part)
    if wanted and done < wanted:
        raise _Again(f"cut short after {done} of {wanted} bytes")


def _not_writable(part: Path, error: OSError) -> OutputError:
    # A used-up quota is a full disk to the user; not every platform knows that error.
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        part.unlink(missing_ok=True)
        return OutputError(
            f"The disk of {part.parent} is full; what had come was removed. Free some room, or "
            "choose another folder with --models-dir."
        )
    return OutputError(f"{part} cannot be written ({error.strerror or error}).")
