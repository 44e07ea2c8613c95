"""Contact sheets of what comes through sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..sadtalker_core.motion_request import ReferenceVideo
from ..sadtalker_core.structures import FrameStream
from .media import reference_of
from .moving import frames_in

if TYPE_CHECKING:
    from ..sadtalker_core.runtime import Runtime


def _about(video: Any, reference: ReferenceVideo, runtime: Runtime) -> int:
    """About how many frames a VIDEO has; only where nobody says it they are counted."""
    if hasattr(video, "get_duration"):
        return max(1, round(float(video.get_duration()) * float(reference.fps)))
    return frames_in(reference, runtime)


def sheet_of(
    video: Any, images: Tensor | None, fps: float, cells: tuple[int, int, int], runtime: Runtime
) -> Tensor:
    """(3, H, W) uint8: small pictures with their times.

    Args:
        video: a VIDEO, read once in constant memory, or None.
        images: IMAGE (B, H, W, C) instead.
        fps: of ``images``.
        cells: columns, rows, longest side of a cell in pixels.
        runtime: progress and cancel.
    """
    from ..sadtalker_core.media.contact_sheet import ContactSheet

    reference = reference_of(video, images, fps)
    if images is not None:
        length, size = int(images.shape[0]), (int(images.shape[1]), int(images.shape[2]))
    else:
        width, height = video.get_dimensions()
        length, size = _about(video, reference, runtime), (height, width)
    columns, rows, side = cells
    sheet = ContactSheet(columns, rows, side)
    done = 0
    for chunk in sheet.watch(FrameStream(iter(reference.open()), length, size, reference.fps)):
        runtime.check_cancelled()
        done = min(done + len(chunk), length)
        runtime.progress("contact sheet", done, length)
    return sheet.picture()
