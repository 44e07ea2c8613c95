"""Opening media files through FFmpeg with errors in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import av.error

from ..errors import MediaError
from .files import check_input_file, ffmpeg_url

# Names of FFmpeg's errors moved between versions of PyAV; all of them are also one of these two.
FFMPEG_ERRORS = (av.error.FFmpegError, ValueError)


def open_container(path: Path, what: str) -> Any:
    """The opened input container of ``path``; close it after use.

    Raises:
        MediaError: missing, a folder, empty, or not of a known kind.
    """
    check_input_file(path, what)
    try:
        return av.open(ffmpeg_url(path), "r", metadata_errors="replace")
    except FFMPEG_ERRORS as error:
        raise MediaError(
            f"{path} is not a {what} file that can be read, whatever its name says."
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
