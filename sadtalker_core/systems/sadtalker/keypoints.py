"""Keypoints of the renderer: canonical ones turned, moved and bent by MappingNet's prediction."""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor

from ...geometry.pose import rotation_facevid2vid
from ...runtime import Runtime
from ...structures import Coeff3DMM, KeypointTrack
from .camera import FreeView
from .config import FPS
from .nets.mapping import MappedMotion, MappingNet
from .semantics import RADIUS, driving_rows, source_window, windows
from .speech import weight_type

_DEGREES_PER_BIN = 3
_FIRST_BIN_DEG = -99  # of 66 bins in the published weights
_GROUP = 32  # frames; one size, so that rounding does not depend on the chunk


def degrees_from_bins(bins: Tensor) -> Tensor:
    """(N, 66) scores of angle bins -> (N,) expected degrees."""
    numbers = torch.arange(bins.shape[1], dtype=bins.dtype, device=bins.device)
    return (bins.softmax(1) * numbers).sum(1) * _DEGREES_PER_BIN + _FIRST_BIN_DEG


def transformed(
    canonical: Tensor, mapped: MappedMotion, free_view: FreeView | None = None
) -> Tensor:
    """Canonical keypoints in the pose and expression of N frames.

    Only the vertical part of the translation is used: the published weights rely on it.

    Args:
        canonical: (1 or N, K, 3) xyz in the crop's [-1, 1].
        mapped: what MappingNet predicts, N frames.
        free_view: angles of these N frames that replace predicted ones.

    Returns:
        (N, K, 3). Source: ``keypoint_transformation`` in SadTalker's ``make_animation.py``.
    """
    view = free_view or FreeView()
    degrees = torch.stack(
        [
            degrees_from_bins(bins) if angle is None else angle.to(bins)
            for bins, angle in (
                (mapped.pitch, view.pitch),
                (mapped.yaw, view.yaw),
                (mapped.roll, view.roll),
            )
        ],
        1,
    )
    turned = canonical @ rotation_facevid2vid(degrees).mT
    vertical = mapped.translation * mapped.translation.new_tensor([0.0, 1.0, 0.0])
    return turned + vertical[:, None] + mapped.expression.unflatten(1, (-1, 3))


def keypoints(
    mapping: MappingNet, canonical: Tensor, window: Tensor, free_view: FreeView | None = None
) -> Tensor:
    """(N, C, 27) coefficients around N frames -> (N, K, 3) keypoints; see ``transformed``."""
    return transformed(canonical, mapping(window), free_view)


def keypoint_track(
    mapping: MappingNet,
    canonical: Tensor,
    source_coeff: Tensor,
    motion: Coeff3DMM,
    runtime: Runtime,
    free_view: FreeView | None = None,
) -> KeypointTrack:
    """Keypoints of a whole clip.

    Args:
        mapping: the network; 73 coefficients take the source's crop numbers.
        canonical: (1, K, 3) of the source picture.
        source_coeff: (1, 73) of the source picture.
        motion: T frames of any rate, already scaled and stilled as the options want.
        runtime: cancelling and progress.
        free_view: angles of the T frames that replace predicted ones; the source keeps its own.

    Returns:
        source (1, K, 3), driving (T, K, 3), float32. The frames run through the network in groups
        of one size: the result does not depend on ``runtime.chunk``.
    """
    kind, width = weight_type(mapping), mapping.config.coefficients
    canonical, source_coeff = canonical.float(), source_coeff.to(canonical.device)
    source = transformed(canonical, _float(mapping(source_window(source_coeff, width).to(kind))))
    length, margin = len(motion), _margin(motion.fps)
    driving = canonical.new_empty((length, *canonical.shape[1:]))
    for start in range(0, length, _GROUP):
        runtime.check_cancelled()
        end = min(start + _GROUP, length)
        first = max(0, start - margin)
        near = motion[first : start + _GROUP + margin].rows().to(canonical.device)
        rows = driving_rows(near, source_coeff, width)
        frames = torch.arange(start - first, start - first + _GROUP)
        mapped = _float(mapping(windows(rows, frames, motion.fps).to(kind)))
        view = None if free_view is None else free_view[start:end]
        wanted = MappedMotion(*(part[: end - start] for part in mapped))
        driving[start:end] = transformed(canonical, wanted, view)
    return KeypointTrack(source, driving, motion.fps)


def _margin(fps: Fraction) -> int:
    """Frames that windows reach beyond their own frame."""
    return math.ceil(RADIUS * fps / FPS) + 1


def _float(mapped: MappedMotion) -> MappedMotion:
    return MappedMotion(*(part.float() for part in mapped))
