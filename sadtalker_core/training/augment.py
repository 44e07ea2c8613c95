"""Changes to log-mel that speech meets on its way: rooms, microphones, codecs, noise, voices."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

_LN_FROM_DB = 0.2302585


def augment(log_mel: Tensor, generator: torch.Generator, noise: Tensor | None = None) -> Tensor:
    """A changed copy of (N, bands) natural log-mel; N stays.

    Args:
        log_mel: speech.
        generator: all chance comes from it.
        noise: (N, bands) log-mel to mix in, or None for coloured noise.
    """
    x = log_mel
    if _chance(generator) < 0.7:
        x = warp_bands(x, 1.0 + 0.18 * _signed(generator))
    if _chance(generator) < 0.7:
        x = equalise(x, 12.0 * _chance(generator), generator)
    if _chance(generator) < 0.4:
        x = reverberate(x, 0.1 + 0.5 * _chance(generator), 3 + 12 * _chance(generator))
    if _chance(generator) < 0.7:
        added = coloured_noise(x, generator) if noise is None else noise
        x = mix(x, added, 5.0 + 35.0 * _chance(generator))
    if _chance(generator) < 0.3:
        x = low_pass(x, 0.55 + 0.4 * _chance(generator))
    if _chance(generator) < 0.3:
        x = compress(x, 0.6 + 0.6 * _chance(generator))
    return x


def warp_bands(x: Tensor, factor: float) -> Tensor:
    """Move the spectrum along the mel axis, as a longer or shorter vocal tract does."""
    bands = x.shape[1]
    places = (torch.arange(bands) * factor).clamp(max=bands - 1.001)
    left = places.long()
    share = (places - left)[None]
    return x[:, left] * (1 - share) + x[:, left + 1] * share


def equalise(x: Tensor, strength_db: float, generator: torch.Generator) -> Tensor:
    """Add a smooth random curve over the bands."""
    knots = torch.randn(1, 1, 6, generator=generator) * strength_db * 0.5
    curve = interpolate(knots, size=x.shape[1], mode="linear", align_corners=True)
    return x + curve[0] * _LN_FROM_DB


def reverberate(x: Tensor, time_s: float, below_db: float) -> Tensor:
    """Add a decaying tail: each row hears the rows before it."""
    rows = int(100 * time_s)
    decay = torch.exp(-6.9 * torch.arange(1, rows + 1) / (100 * time_s))
    decay = decay / decay.sum() * 10 ** (-below_db / 10)
    power = x.exp().T[:, None]
    padded = torch.nn.functional.pad(power, (rows, 0))[..., :-1]
    tail = torch.nn.functional.conv1d(padded, decay.flip(0)[None, None])
    return (power + tail)[:, 0].T.clamp(min=1e-10).log()


def mix(x: Tensor, noise: Tensor, ratio_db: float) -> Tensor:
    """Add ``noise`` so that loud speech is ``ratio_db`` above its loud parts."""
    gap = _loud(x) - _loud(noise) - ratio_db * _LN_FROM_DB
    return torch.logaddexp(x, noise + gap)


def coloured_noise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of a random tilt whose strength swells slowly."""
    rows, bands = x.shape
    tilt = torch.linspace(0, 1, bands)[None] * 8.0 * _signed(generator)
    swell = torch.randn(1, 1, max(2, rows // 100), generator=generator)
    slow = interpolate(swell, size=rows, mode="linear", align_corners=True)[0, 0][:, None]
    grain = torch.rand(rows, bands, generator=generator).clamp(min=1e-3).log() * 0.7
    return tilt + slow + grain


def low_pass(x: Tensor, share: float) -> Tensor:
    """Cut the bands above ``share`` of the axis, as telephones and codecs do."""
    cut = int(x.shape[1] * share)
    y = x.clone()
    y[:, cut:] = (y[:, cut:] - 9.0).clamp(min=-23.0)
    return y


def compress(x: Tensor, power: float) -> Tensor:
    """Narrow or widen the dynamics."""
    loud = _loud(x)
    return (x - loud) * power + loud


def change_speed(x: Tensor, rows: int) -> Tensor:
    """(N, bands) stretched or squeezed to ``rows`` rows."""
    return interpolate(x.T[None], size=rows, mode="linear", align_corners=False)[0].T


def _loud(x: Tensor) -> Tensor:
    return torch.quantile(torch.logsumexp(x, 1), 0.95)


def _chance(generator: torch.Generator) -> float:
    return float(torch.rand((), generator=generator))


def _signed(generator: torch.Generator) -> float:
    return 2.0 * _chance(generator) - 1.0
