"""Frames straight into a video file of ComfyUI's output folder, in constant memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..sadtalker_core.runtime import Runtime
from ..sadtalker_core.structures import FrameStream
from .host import io, ui
from .schema import folded, option_inputs, options_from

if TYPE_CHECKING:
    from .media import SoundInput

FORMATS = ("mp4", "webm", "mkv")
_LATER = ("crf", "preset", "audio_bitrate")


@dataclass(frozen=True)
class SavedVideo:
    """A video in the output folder.

    Attributes:
        path: the file.
        shown: what the frontend asks for.
    """

    path: Path
    shown: Any


def prefix_input(default: str = "video/talking_portrait") -> Any:
    """The name of the file."""
    return io.String.Input(
        "filename_prefix",
        default=default,
        tooltip="Name of the file in the output folder, as in Save Video: folders and "
        "%date:yyyy-MM-dd% may be in it; a number is added.",
    )


def file_inputs() -> list[Any]:
    """How the file is written, folded away."""
    from ..sadtalker_core.media.options import VideoOptions

    kind = io.Combo.Input(
        "format",
        options=list(FORMATS),
        default="mp4",
        tooltip="mp4 (H.264 and AAC) plays everywhere; webm (VP9 and Opus); mkv loses nothing "
        "(H.264 in RGB, FLAC) and makes large files for further work.",
    )
    return [folded(entry) for entry in (kind, *option_inputs(VideoOptions, only=_LATER))]


def save_frames(
    stream: FrameStream,
    sound: SoundInput | None,
    label: Mapping[str, str],
    values: Mapping[str, Any],
    hidden: Any,
    runtime: Runtime,
) -> SavedVideo:
    """Render a stream into a new file; it has its name only when it is complete.

    Args:
        stream: the frames, made while they are written.
        sound: beside them; it is cut, or silence added, where the lengths differ.
        label: says that the video is synthetic, and how it was made.
        values: ``filename_prefix``, ``format`` and the writer's options.
        hidden: the node's hidden inputs: the graph, which is kept in the file.
        runtime: progress and cancel.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
        Cancelled: the user stopped; nothing is left under the file's name.
    """
    from ..sadtalker_core.media.options import VideoOptions
    from ..sadtalker_core.media.video_out import write_video
    from .bridge import save_path

    prefix, suffix = values["filename_prefix"], f".{values['format']}"
    path, below, name = save_path(prefix, suffix, stream.size)
    options = options_from(VideoOptions, {key: values[key] for key in _LATER})
    write_video(
        stream,
        path,
        audio=None if sound is None else sound.for_writer,
        options=options,
        metadata=label,
        runtime=runtime,
        own_keys=graph_keys(hidden),
    )
    return SavedVideo(path, ui.SavedResult(name, below, io.FolderType.output))


def graph_keys(hidden: Any) -> dict[str, str]:
    """The graph as core's Save Video keeps it: dropped onto the canvas the file opens as one."""
    from comfy.cli_args import args

    if args.disable_metadata or hidden is None:
        return {}
    found = dict(getattr(hidden, "extra_pnginfo", None) or {})
    if getattr(hidden, "prompt", None) is not None:
        found["prompt"] = hidden.prompt
    return {str(key): json.dumps(value) for key, value in found.items()}


def shown_videos(videos: list[SavedVideo]) -> Any:
    """Videos as what is shown in the node."""
    return ui.PreviewVideo([video.shown for video in videos])
