"""The original programs' own steps on every frame by itself: RetinaFace's points, ParseNet's mask,
no memory. GPEN's networks are fed as GPEN's program feeds them, all others as GFPGAN's does.

For exactness, and as what the steady way is measured against. Flickers in videos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ..faces.retina import RetinaFaces, detect
from ..geometry.filters import to_levels, warp
from ..geometry.resize import resize_linear
from ..runtime import Runtime
from ..structures import FrameStream
from .background import enlarged
from .gpen_process import LEAST_SCORE, GpenFace, gpen_crop, laid_over, smoothed
from .load import GPEN_ID, Enhancer
from .nets.parsenet import is_class
from .options import EnhanceOptions
from .original_nets import OriginalNets
from .report import Enhanced, EnhanceReport
from .restore import from_network_cut, is_wide_enough, restore_picture, softened, to_network

_SURE = 0.97  # RetinaFace's score from which GFPGAN restores a face
# GPEN looks at pictures above 1500 pixels at 1000, and keeps so many candidates and faces.
_GPEN_LONGEST, _GPEN_MOST = (1500, 1000), (5000, 750)
# ParseNet's classes that GPEN lays over: all but what is behind, hats and clothes.
_GPEN_PASTED = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17)
_GPEN_BORDER, _GPEN_SIGMA = 26, 4.0  # of its mask, pixels of 512


def restore_frames(
    stream: FrameStream,
    nets: OriginalNets,
    enhancer: Enhancer,
    options: EnhanceOptions,
    runtime: Runtime,
) -> Enhanced:
    """Each frame restored as GFPGAN's program restores a picture, or GPEN's with its network.

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
    size = (int(frame.shape[1] * options.upscale), int(frame.shape[2] * options.upscale))
    steps = _as_gpen if enhancer.id == GPEN_ID else _as_gfpgan
    shown, faces = steps(frame, size, nets, enhancer, options)
    if faces:
        report.saw(faces)
    else:
        report.missed()
    return shown.cpu()


def _as_gfpgan(
    frame: Tensor,
    size: tuple[int, int],
    nets: OriginalNets,
    enhancer: Enhancer,
    options: EnhanceOptions,
) -> tuple[Tensor, int]:
    """The frame with its faces restored, and how many they are."""
    found = detect(nets.finder, frame, _SURE)
    each = [found.points_px[i].cpu() for i in _wanted(found, options)]
    points = [five for five in each if is_wide_enough(five)]
    background = None
    if enhancer.upscaler is not None:
        background = enlarged(frame, size, enhancer.upscaler)
    restore: Callable[[Tensor], Tensor] = enhancer.restore
    shown = restore_picture(
        frame,
        points,
        restore,
        parser=nets.parser,
        upscale=options.upscale,
        background=background,
        size=enhancer.size,
    )
    return shown, len(points)


def _as_gpen(
    frame: Tensor,
    size: tuple[int, int],
    nets: OriginalNets,
    enhancer: Enhancer,
    options: EnhanceOptions,
) -> tuple[Tensor, int]:
    """As ``_as_gfpgan``. GPEN enlarges first, and finds and cuts faces in the larger picture.

    Where faces overlap, the one whose mask is stronger is laid over. This is GPEN's own program;
    VideoReTalking's copy of it (``gpen_process``) has another mask.
    """
    picture = resize_linear(frame, size).to(frame.device)
    original = enlarged(frame, size, enhancer.upscaler)
    found = detect(nets.finder, picture, LEAST_SCORE, longest=_GPEN_LONGEST, most=_GPEN_MOST)
    boxes: list[list[float]] = found.boxes_px.tolist()
    faces = [
        GpenFace(found.points_px[i].cpu(), (boxes[i][0], boxes[i][1], boxes[i][2], boxes[i][3]))
        for i in _wanted(found, options)
    ]
    if not faces:
        return original, 0

    full = torch.zeros_like(picture)
    reach = torch.zeros(size, device=picture.device)
    for face in faces:
        crop, back = gpen_crop(picture, face.points_px, enhancer.size)
        restored = from_network_cut(enhancer.restore(to_network(crop)[None]))[0]
        parts = is_class(nets.parser(to_network(restored)[None]), _GPEN_PASTED)[0]
        mask = softened(parts.to(reach), _GPEN_BORDER, before=True, sigma=_GPEN_SIGMA)
        soft = warp(mask[None, None], back, size)[0, 0]
        if face.is_small:
            restored = smoothed(restored)
        full, reach = laid_over(full, reach, restored, soft, back)
    return to_levels(original * (1 - reach) + full * reach), len(faces)


def _wanted(found: RetinaFaces, options: EnhanceOptions) -> list[int]:
    """Which faces are restored, the surest first."""
    if options.enhance_faces == "largest" and len(found):
        sides = (found.boxes_px[:, 2:] - found.boxes_px[:, :2]).clamp(min=0)
        return [int(sides.prod(1).argmax())]
    return list(range(len(found)))
