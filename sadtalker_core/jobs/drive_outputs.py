"""What a job of driving writes besides videos: motions and single pictures."""

from __future__ import annotations

from pathlib import Path

from ..engines.engine import Motion
from ..errors import OutputError
from ..media.motion_files import save_motion
from ..media.pictures import write_picture
from ..structures import FrameStream, ImplicitMotion
from ..transfer.borrowed import as_kind
from ..transfer.motion_templates import save_template

MOTION_SUFFIXES = (".safetensors", ".pkl")


def check_motion_path(path: Path) -> None:
    """Raise ``OutputError`` unless a motion file can have this name."""
    if path.suffix.lower() not in MOTION_SUFFIXES:
        raise OutputError(f"the motion {path} must be named .safetensors or .pkl.")


def save_any_motion(motion: Motion, path: Path) -> None:
    """Write a motion of any engine; ``.pkl`` is a template of LivePortrait, of any motion."""
    if path.suffix.lower() == ".pkl":
        motion = as_kind(motion, ImplicitMotion)
    if isinstance(motion, ImplicitMotion):
        save_template(motion, path)
    else:
        save_motion(motion, path)


def write_still(stream: FrameStream, path: Path, text: dict[str, str]) -> None:
    """The one frame of a stream as a picture."""
    chunk = next(iter(stream))
    write_picture(path, chunk[0], text=text)
