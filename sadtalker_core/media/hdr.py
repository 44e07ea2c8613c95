"""High dynamic range video (PQ of HDR10, HLG of phones) as what an ordinary screen shows.

Up to a little above the skin tones, brightness and colour are kept; highlights are drawn together
softly. Transfer functions and the brightness of white (203 cd/m2) are those of ITU-R BT.2100 and
BT.2408, primaries those of BT.2020 and BT.709.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

PQ, HLG = 16, 18  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67
_BT709 = 1  # AVCOL_PRI_BT709
_WHITE_NITS = 203.0
_HLG_PEAK_NITS = 1000.0
_HLG_GAMMA = 1.2
_KNEE = 0.58  # of white: from here on highlights are drawn together
_SCREEN_GAMMA = 2.4  # BT.1886
_STEPS = 4096
_709_FROM_2020 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
_LUMA_709 = np.array([0.2126, 0.7152, 0.0722], np.float32)


def is_hdr(transfer: int | None) -> bool:
    """Whether a transfer characteristic, as FFmpeg numbers them, is one of high dynamic range."""
    return transfer in (PQ, HLG)


def to_screen(
    signal: NDArray[np.uint16], transfer: int, primaries: int | None
) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of 16 bits, full range, as (H, W, 3) uint8 of BT.709."""
    light = _light(transfer)[signal]
    if transfer == HLG:  # what the scene sends becomes what a screen shows
        luma = np.maximum(light @ _LUMA_2020, 1e-6)
        light = light * (luma ** np.float32(_HLG_GAMMA - 1))[..., None]
        light *= np.float32(_HLG_PEAK_NITS / _WHITE_NITS)
    if primaries != _BT709:
        light = np.maximum(light @ _709_FROM_2020.T, 0)
    luma = np.maximum(light @ _LUMA_709, 1e-6)
    over = np.maximum(luma - _KNEE, 0)
    shown = np.minimum(luma, _KNEE) + (1 - _KNEE) * (1 - np.exp(-over / (1 - _KNEE)))
    light = light * (shown / luma)[..., None]
    index = np.clip(np.sqrt(np.clip(light, 0, 1)) * (_STEPS - 1) + 0.5, 0, _STEPS - 1)
    return _screen()[index.astype(np.uint16)]


@lru_cache(maxsize=2)
def _light(transfer: int) -> NDArray[np.float32]:
    """(65536,) light of each code: of white for PQ, of the scene's peak for HLG."""
    code = np.arange(65536, dtype=np.float64) / 65535
    if transfer == PQ:
        m1, m2 = 2610 / 16384, 2523 / 4096 * 128
        c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        root = code ** (1 / m2)
        nits = 10000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
        return (nits / _WHITE_NITS).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    low, high = code**2 / 3, (np.exp((code - c) / a) + b) / 12
    return np.where(code <= 0.5, low, high).astype(np.float32)


@lru_cache(maxsize=1)
def _screen() -> NDArray[np.uint8]:
    """(4096,) level of the square root of light."""
    light = (np.arange(_STEPS) / (_STEPS - 1)) ** 2
    return np.round(255 * light ** (1 / _SCREEN_GAMMA)).astype(np.uint8)
