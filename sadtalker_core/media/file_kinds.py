"""What a file holds, whatever its name says, so that a wrong one is refused in plain words."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
from PIL import Image

from ..errors import MediaError
from .containers import FFMPEG_ERRORS
from .files import check_input_file, ffmpeg_url

_ARRIVED = {"picture": "a picture", "video": "a video", "sound": "a sound file"}
_MOVING = ("GIF", "MPEG")  # Pillow knows their first bytes, but they are read as videos
# FFmpeg takes files named like pictures, and plain text, for videos without looking closely.
_GUESSED = ("image2", "tty")


def file_kind(path: Path) -> str:
    """``picture``, ``video``, ``sound``, or nothing where the file is none of them or damaged.

    A GIF is a video, a sound file with a cover a sound. Only the head of the file is read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.format not in _MOVING:
                    return "picture"
    except Image.DecompressionBombError:
        return "picture"
    except (OSError, SyntaxError, ValueError):
        pass  # no picture that Pillow knows
    try:
        with av.open(ffmpeg_url(path), "r", metadata_errors="replace") as container:
            name = container.format.name
            if name in _GUESSED or name.endswith("_pipe"):
                return ""
            if any(not _is_cover(stream) for stream in container.streams.video):
                return "video"
            return "sound" if container.streams.audio else ""
    except FFMPEG_ERRORS:
        return ""


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def check_file_kind(path: Path, wanted: Sequence[str], purpose: str) -> str:
    """The kind of a file that must be one of some kinds.

    A file of no known kind is let through: who reads it knows more about what is wrong with it.

    Args:
        path: the file.
        wanted: kinds that are good, see ``file_kind``.
        purpose: what it is for, to end the sentence "is needed for".

    Raises:
        MediaError: it is missing, a folder, empty, or of another kind.
    """
    check_input_file(path, " or ".join(wanted))
    kind = file_kind(path)
    if kind and kind not in wanted:
        needed = " or ".join(_ARRIVED[each] for each in wanted)
        raise MediaError(f"{path} is {_ARRIVED[kind]}; {needed} is needed for {purpose}.")
    return kind
