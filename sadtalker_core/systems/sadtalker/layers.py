"""SadTalker's renderer and its paste-back by themselves, for hosts that put something between them:
an upscaler, an enhancer, another network's faces."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import torch
from torch import Tensor

from ...errors import FaceIndexError, OptionError
from ...faces.composite import composite, region_mask
from ...faces.composite_options import CompositeOptions
from ...runtime import Runtime
from ...structures import FrameStream, KeypointTrack
from .pipeline import PreparedPortrait, shown_frames
from .render import render
from .weights import SadTalkerNets

_AT_ONCE_BYTES = 96_000_000


def render_faces(
    nets: SadTalkerNets,
    prepared: PreparedPortrait,
    number: int,
    track: KeypointTrack,
    runtime: Runtime,
) -> FrameStream:
    """Faces (N, 3, S, S) in [0, 1] of a track, made while they are read.

    Raises:
        FaceIndexError: another face than number 0 is asked for.
    """
    _only_one(number)
    return render(nets.render, prepared.features, track, runtime)


def paste_faces(
    prepared: PreparedPortrait,
    number: int,
    faces: Tensor,
    onto: Tensor | None,
    seam: str,
    fps: Fraction,
    runtime: Runtime,
) -> FrameStream:
    """Faces of any size as the frames that are shown.

    Args:
        prepared: the portrait.
        number: of the face; there is one, 0.
        faces: (T, 3, h, w) in [0, 1].
        onto: (1 or T, 3, H, W) uint8 frames to lay them over; the portrait by default.
        seam: "as prepared", "soft" (an edge that fades) or "matched" (outlines and colours agree).
        fps: of the result.
        runtime: where to; progress and cancel.

    Raises:
        OptionError: ``onto`` has another size or length.
    """
    _only_one(number)
    if onto is not None and (
        tuple(onto.shape[2:]) != prepared.size or len(onto) not in (1, len(faces))
    ):
        raise OptionError(
            f"{len(onto)} frames of {onto.shape[3]}x{onto.shape[2]} do not fit {len(faces)} faces "
            f"of a portrait of {prepared.size[1]}x{prepared.size[0]}."
        )
    ways = {"soft": CompositeOptions(match_colour=False, bend=False), "matched": CompositeOptions()}

    def chunks() -> Iterator[Tensor]:
        height, width = prepared.size
        at_once = max(1, min(runtime.chunk, _AT_ONCE_BYTES // (height * width * 3)))
        for start in range(0, len(faces), at_once):
            runtime.check_cancelled()
            part = slice(start, start + at_once)
            with torch.inference_mode():
                crops = faces[part].to(runtime.device, torch.float32)
                base = None if onto is None else (onto if len(onto) == 1 else onto[part])
                shown = _laid_over(prepared, crops, base, ways.get(seam))
            yield shown

    return FrameStream(chunks(), len(faces), prepared.size, fps)


def _laid_over(
    prepared: PreparedPortrait, crops: Tensor, onto: Tensor | None, way: CompositeOptions | None
) -> Tensor:
    if prepared.paste is None:
        return shown_frames(prepared, crops)
    options, box = way or prepared.paste, prepared.source.plan.box_px
    if onto is None:
        return composite(prepared.still.to(crops.device), crops, box, options)
    frames = onto.to(crops.device).expand(len(crops), -1, -1, -1)
    made = [composite(one, crop[None], box, options) for one, crop in zip(frames, crops)]
    return torch.cat(made)


def region(prepared: PreparedPortrait) -> Tensor:
    """(1, H, W) in [0, 1]: how much of the rendered face counts at each pixel."""
    device = prepared.still.device
    if prepared.paste is None:
        return torch.ones((1, *prepared.size), device=device)
    return region_mask(prepared.source.plan.box_px, prepared.size, prepared.paste, device)[None]


def _only_one(number: int) -> None:
    if number != 0:
        raise FaceIndexError(f"SadTalker moves one face, number 0; face {number} was asked for.")
