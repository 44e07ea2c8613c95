"""How alike two series of pictures are: PSNR and SSIM."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from ..errors import StructureError

_WINDOW_PX, _SIGMA_PX = 11, 1.5
_K1, _K2 = 0.01, 0.03
_LUMA = (0.299, 0.587, 0.114)  # Rec. 601, what the measure's authors used


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal to noise ratio in decibels, (N,) float64; infinite where both are equal.

    Args:
        a: (N, 3, H, W) RGB, uint8 or float in [0, 1].
        b: the same shape; a picture and its uint8 form compare as they look.

    Raises:
        StructureError: the shapes differ.
    """
    first, second = _alike(a, b)
    error = (first - second).square().mean((1, 2, 3))
    return -10 * error.log10()


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity, (N,) float64: 1 for equal pictures.

    Luma, a Gaussian window of 11 pixels with a deviation of 1.5, averaged over all places where
    the window fits. Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment" (2004).

    Args:
        a: (N, 3, H, W) RGB, uint8 or float in [0, 1], at least 11 pixels on each side.
        b: the same shape.

    Raises:
        StructureError: the shapes differ, or pictures are smaller than the window.
    """
    first, second = _alike(a, b)
    if min(a.shape[2:]) < _WINDOW_PX:
        raise StructureError(
            f"SSIM needs pictures of at least {_WINDOW_PX}x{_WINDOW_PX} pixels, "
            f"got {a.shape[3]}x{a.shape[2]}."
        )
    x, y = _luma(first), _luma(second)
    mean_x, mean_y = _blurred(x), _blurred(y)
    var_x = _blurred(x * x) - mean_x.square()
    var_y = _blurred(y * y) - mean_y.square()
    both = _blurred(x * y) - mean_x * mean_y
    c1, c2 = _K1**2, _K2**2
    top = (2 * mean_x * mean_y + c1) * (2 * both + c2)
    bottom = (mean_x.square() + mean_y.square() + c1) * (var_x + var_y + c2)
    return (top / bottom).mean((1, 2, 3))


def _alike(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    if a.ndim != 4 or a.shape[1] != 3 or a.shape != b.shape or 0 in a.shape:
        raise StructureError(
            f"pictures of one size and number (N, 3, H, W) are compared, got {tuple(a.shape)} "
            f"and {tuple(b.shape)}."
        )
    return _unit(a), _unit(b.to(a.device))


def _unit(pictures: Tensor) -> Tensor:
    exact = pictures.double() if pictures.device.type != "mps" else pictures.float()
    return exact / 255 if pictures.dtype == torch.uint8 else exact


def _luma(pictures: Tensor) -> Tensor:
    weights = pictures.new_tensor(_LUMA)[None, :, None, None]
    return (pictures * weights).sum(1, keepdim=True)


def _blurred(plane: Tensor) -> Tensor:
    """(N, 1, H, W) -> (N, 1, H - 10, W - 10)."""
    steps = torch.arange(_WINDOW_PX, dtype=plane.dtype, device=plane.device) - _WINDOW_PX // 2
    kernel = torch.exp(-0.5 * (steps / _SIGMA_PX).square())
    kernel = kernel / kernel.sum()
    return conv2d(conv2d(plane, kernel[None, None, :, None]), kernel[None, None, None])
