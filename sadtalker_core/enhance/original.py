"""GFPGAN's own steps on every frame by itself: RetinaFace's points, ParseNet's mask, no memory.

For exactness, and as what the steady way is measured against. Flickers in videos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ..faces.retina import RetinaFaces, detect
from ..geometry.filters import to_levels
from ..runtime import Runtime
from ..structures import FrameStream
from .background import enlarged
from .load import Enhancer
from .options import EnhanceOptions
from .original_nets import OriginalNets
from .report import Enhanced, EnhanceReport
from .restore import is_wide_enough, restore_picture

_SURE = 0.97  # RetinaFace's score from which GFPGAN restores a face


def restore_frames(
    stream: FrameStream,
    nets: OriginalNets,
    enhancer: Enhancer,
    options: EnhanceOptions,
    runtime: Runtime,
) -> Enhanced:
    """Each frame restored as GFPGAN's program restores a picture.

    Args:
        stream: (N, 3, H, W) uint8 or float in [0, 1].
        nets: on the enhancer's device.
        enhancer: what restores faces, and the upscaler of the background.
        options: which faces, and how much larger; strength and the like play no part.
        runtime: chunk and cancel.

    Returns:
        (N, 3, H * upscale, W * upscale) uint8 on the CPU, sizes rounded down.
    """
    report = EnhanceReport()
    size = tuple(int(side * options.upscale) for side in stream.size)

    def chunks() -> Iterator[Tensor]:
        for chunk in stream:
            runtime.check_cancelled()
            with torch.inference_mode():
                frames = [_restored(each, nets, enhancer, options, report) for each in chunk]
                yield torch.stack(frames)

    return Enhanced(replace(stream, chunks=chunks(), size=(size[0], size[1])), report)


def _restored(
    frame: Tensor,
    nets: OriginalNets,
    enhancer: Enhancer,
    options: EnhanceOptions,
    report: EnhanceReport,
) -> Tensor:
    if frame.dtype != torch.uint8:
        frame = to_levels(frame * 255)
    frame = frame.to(enhancer.device)
    points = _points(detect(nets.finder, frame, _SURE), options)
    if points:
        report.saw(len(points))
    else:
        report.missed()
    background = None
    if enhancer.upscaler is not None:
        size = (int(frame.shape[1] * options.upscale), int(frame.shape[2] * options.upscale))
        background = enlarged(frame, size, enhancer.upscaler)
    restore: Callable[[Tensor], Tensor] = enhancer.restore
    return restore_picture(
        frame,
        points,
        restore,
        parser=nets.parser,
        upscale=options.upscale,
        background=background,
        size=enhancer.size,
    ).cpu()


def _points(found: RetinaFaces, options: EnhanceOptions) -> list[Tensor]:
    """Five points of each face that is restored, on the CPU."""
    order = list(range(len(found)))
    if options.enhance_faces == "largest" and order:
        sides = (found.boxes_px[:, 2:] - found.boxes_px[:, :2]).clamp(min=0)
        order = [int(sides.prod(1).argmax())]
    each = [found.points_px[i].cpu() for i in order]
    return [points for points in each if is_wide_enough(points)]
