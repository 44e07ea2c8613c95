"""Where the networks want a face to be: templates of five points and maps to them.

Points are (x, y) pixels, in the order viewer's left eye, right eye, nose tip, left and right mouth
corner. Maps are (2, 3) float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import FaceError

SIZE = 512  # of the published networks' face pictures

# facexlib's template for 512 pixels: FFHQ's alignment.
FFHQ_POINTS = (
    (192.98138, 239.94708),
    (318.90277, 240.1936),
    (256.63416, 314.01935),
    (201.26117, 371.41043),
    (313.08905, 371.15118),
)
# GPEN's: ArcFace's points of a crop of 96 x 112 pixels.
_ARCFACE_POINTS = (
    (30.29459953, 51.69630051),
    (65.53179932, 51.50139999),
    (48.02519989, 71.73660278),
    (33.54930115, 92.3655014),
    (62.72990036, 92.20410156),
)
_ARCFACE_SIDE, _ARCFACE_SHIFT, _ARCFACE_PADDING = 112, 8.0, 28.0

# OpenCV's robust estimator: tries for a certainty of 0.99 where 45 % may be wrong.
_TRIES = 13
_RNG_FACTOR, _RNG_MASK = 4164903690, 0xFFFFFFFF


def ffhq_points(size: int = SIZE) -> Tensor:
    """(5, 2) float64: where GFPGAN and its kin want the points in a picture of ``size``."""
    return torch.tensor(FFHQ_POINTS, dtype=torch.float64) * (size / SIZE)


def gpen_points(size: int = SIZE) -> Tensor:
    """(5, 2) float64: where GPEN wants the points in a picture of ``size``."""
    points = torch.tensor(_ARCFACE_POINTS, dtype=torch.float64)
    points[:, 0] += _ARCFACE_SHIFT
    return (points + _ARCFACE_PADDING) * (size / (_ARCFACE_SIDE + 2 * _ARCFACE_PADDING))


def similarity(source: Tensor, target: Tensor, scale: float | None = None) -> tuple[Tensor, float]:
    """The turn, scale and shift that bring points nearest to others (Umeyama 1991).

    Args:
        source: (K, 2); computed in the floats that come in, as GPEN does with float32.
        target: (K, 2).
        scale: where it is known; else it is estimated.

    Returns:
        (2, 3) float64 target_from_source and its scale.
    """
    source, target = source.detach().cpu(), target.detach().cpu().to(source.dtype)
    from_middle, to_middle = source.mean(0), target.mean(0)
    away, wanted = source - from_middle, target - to_middle
    covariance = wanted.mT @ away / len(source)
    left, sizes, right = torch.linalg.svd(covariance)
    signs = torch.ones(2, dtype=torch.float64)
    # never a mirror image
    if float(torch.linalg.det(left) * torch.linalg.det(right)) < 0:
        signs[1] = -1
    turn = left.double() @ torch.diag(signs) @ right.double()
    if scale is None:
        spread = float(away.var(0, correction=0).sum())
        scale = float((sizes.double() * signs).sum()) / spread
    shift = to_middle.double() - scale * (turn @ from_middle.double())
    return torch.cat((turn * scale, shift[:, None]), 1), scale


def robust_similarity(source: Tensor, target: Tensor) -> Tensor:
    """facexlib's map: the similarity of the points without those that fit badly.

    OpenCV's partial affine estimator by least median of squares, with its random numbers: pairs of
    points are tried, the best pair says which points are sure, and those are fitted.

    Args:
        source: (K, 2), K of at least 3.
        target: (K, 2).

    Returns:
        (2, 3) float64 target_from_source.

    Raises:
        FaceError: the points lie in one place.
    """
    # OpenCV keeps the points in single precision
    source, target = (points.detach().cpu().float().double() for points in (source, target))
    count = len(source)
    best, least = None, float("inf")
    for first, second in _pairs(count):
        matrix = _fit(source[[first, second]], target[[first, second]])
        if matrix is None:
            continue
        errors = _errors(matrix, source, target)
        median = float(errors.sort().values[count // 2])
        if median < least:
            best, least = matrix, median
    if best is None:
        raise FaceError("The five points of the face lie in one place; use another picture.")
    sigma = max(2.5 * 1.4826 * (1 + 5 / (count - 2)) * least**0.5, 0.001)
    sure = _errors(best, source, target) <= sigma**2
    refined = _fit(source[sure], target[sure])
    return best if refined is None else refined


def _pairs(count: int) -> list[tuple[int, int]]:
    """The pairs of indices that OpenCV's generator draws."""
    state = 0xFFFFFFFFFFFFFFFF
    found: list[tuple[int, int]] = []

    def draw() -> int:
        nonlocal state
        state = (state & _RNG_MASK) * _RNG_FACTOR + (state >> 32)
        return (state & _RNG_MASK) % count

    for _ in range(_TRIES):
        first = draw()
        second = draw()
        while second == first:
            second = draw()
        found.append((first, second))
    return found


def _fit(source: Tensor, target: Tensor) -> Tensor | None:
    """(2, 3) least-squares similarity, or None of points in one place."""
    middle, wanted = source.mean(0), target.mean(0)
    x, y = (source - middle).unbind(1)
    u, v = (target - wanted).unbind(1)
    length = float((x * x + y * y).sum())
    if length < 1e-12:
        return None
    a = float((x * u + y * v).sum()) / length
    b = float((x * v - y * u).sum()) / length
    linear = torch.tensor([[a, -b], [b, a]], dtype=torch.float64)
    return torch.cat((linear, (wanted - linear @ middle)[:, None]), 1)


def _errors(matrix: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """(K,) squared distances; OpenCV keeps points and errors in single precision."""
    moved = source.float() @ matrix[:, :2].mT.float() + matrix[:, 2].float()
    return (moved - target.float()).square().sum(1)


def inverted(matrix: Tensor) -> Tensor:
    """(2, 3) source_from_target of target_from_source."""
    linear = torch.linalg.inv(matrix[:, :2])
    return torch.cat((linear, -(linear @ matrix[:, 2:])), 1)
