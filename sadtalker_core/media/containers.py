"""Opening media files through FFmpeg with errors in plain words."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, TypeAlias

import av
import av.error

from ..errors import MediaError
from .files import check_input_file, ffmpeg_url

# Names of FFmpeg's errors moved between versions of PyAV; all of them are also one of these two.
FFMPEG_ERRORS = (av.error.FFmpegError, ValueError)


# What media is read from: a file, or the bytes of one.
MediaInput: TypeAlias = Path | io.BytesIO


def media_input(source: str | MediaInput) -> MediaInput:
    """A path as ``Path``; bytes in memory as they are."""
    return source if isinstance(source, io.BytesIO) else Path(source)


def named(source: MediaInput) -> str:
    """What sentences call a source."""
    return "the recording in memory" if isinstance(source, io.BytesIO) else str(source)


def open_container(source: MediaInput, what: str) -> Any:
    """The opened input container of a file; close it after use.

    Bytes in memory may be open several times at once: each has its own position, and none is a
    copy.

    Raises:
        MediaError: missing, a folder, empty, or not of a known kind.
    """
    if isinstance(source, io.BytesIO):
        # Python shares the bytes of the two until one of them is written to. (getbuffer, which
        # writes could go through, would end the sharing with a copy.)
        held = source.getvalue()
        if not held:
            raise MediaError(f"{named(source)} is empty, a {what} was expected.")
        file: Any = io.BytesIO(held)
    else:
        check_input_file(source, what)
        file = ffmpeg_url(source)
    try:
        return av.open(file, "r", metadata_errors="replace")
    except FFMPEG_ERRORS as error:
        raise MediaError(
            f"{named(source)} is not a {what} file that can be read, whatever its name says."
        ) from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """The metadata of a video or sound file, keys in lower case, such as title and comment.

    For a PNG, or a folder of them, the text blocks of the (first) picture.
    """
    from PIL import Image

    path = Path(path)
    if path.is_dir():
        pictures = sorted(path.glob("*.png"))
        if not pictures:
            raise MediaError(f"{path} is a folder without PNG pictures, it has no metadata.")
        path = pictures[0]
    if path.suffix.lower() == ".png":
        check_input_file(path, "picture")
        with Image.open(path) as image:
            return {
                str(key).lower(): value
                for key, value in image.info.items()
                if isinstance(value, str)
            }
    with open_container(path, "video") as container:
        return {str(key).lower(): str(value) for key, value in container.metadata.items()}
