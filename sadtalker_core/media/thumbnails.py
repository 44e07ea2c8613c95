"""Small JPEG pictures in memory: previews while a job runs, and posters of videos."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..errors import MediaError
from .pictures import is_picture_name, read_picture
from .video_in import is_video_name, open_video


def jpeg_of(rgb: Tensor, longest_px: int, quality: int = 80) -> bytes:
    """A frame as a JPEG no larger than ``longest_px``.

    Args:
        rgb: (3, H, W), uint8 or float in [0, 1], on any device.
        longest_px: of the longer side; smaller frames stay as they are.
        quality: of the JPEG, 1 to 95.
    """
    memory = io.BytesIO()
    small_picture(rgb, longest_px).save(memory, "JPEG", quality=quality)
    return memory.getvalue()


def small_picture(rgb: Tensor, longest_px: int) -> Image.Image:
    """A frame as a picture of Pillow no larger than ``longest_px``; see ``jpeg_of``."""
    # Large frames are thinned out where they are, before they cross to the CPU.
    step = max(1, max(rgb.shape[1:]) // (2 * longest_px))
    small = rgb[:, ::step, ::step]
    if small.is_floating_point():
        small = (small.clamp(0, 1) * 255).round().to(torch.uint8)
    picture = Image.fromarray(small.permute(1, 2, 0).contiguous().cpu().numpy())
    picture.thumbnail((longest_px, longest_px), Image.Resampling.BILINEAR)
    return picture


def poster_of(path: Path, longest_px: int) -> bytes:
    """The picture of a file, or the first frame of a video, as a small JPEG.

    Raises:
        MediaError: it is neither, or damaged.
    """
    if is_video_name(path):
        frames = open_video(path).frames(1)
        try:
            return jpeg_of(next(frames)[0], longest_px)
        except StopIteration as error:
            raise MediaError(f"{path} has no frames.") from error
    if is_picture_name(path):
        return jpeg_of(read_picture(path, min_side=1).flattened(), longest_px)
    raise MediaError(f"{path} is neither a picture nor a video.")


def frame_at(path: Path, share: float) -> Tensor:
    """One frame (3, H, W) uint8 of a video, or the picture of a file.

    Args:
        path: video or picture.
        share: where in the video, 0 its first frame, 1 its last.

    Raises:
        MediaError: it is neither, or damaged.
    """
    if not is_video_name(path):
        return read_picture(path, min_side=1).flattened()
    video = open_video(path)
    wanted = round(min(1.0, max(0.0, share)) * max(0, video.frame_count - 1))
    done = 0
    frame: Tensor | None = None
    for chunk in video.frames():
        frame = chunk[min(wanted - done, len(chunk) - 1)]
        done += len(chunk)
        if done > wanted:
            break
    if frame is None:
        raise MediaError(f"{path} has no frames.")
    return frame
