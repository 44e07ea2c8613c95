"""Which arithmetic a renderer uses: measured once, written here.

PSNR of frames against the plain float32 networks, over seeds with settled spectral norms, and
times stand in ``benchmarks/RESULTS.md``. "auto" is the fastest mix that keeps 40 dB on every seed;
on graphics cards it is float16, which was not measured yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from ....errors import OptionError
from .convolution import Arithmetic

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Mix:
    """Arithmetic of each part of a renderer.

    Attributes:
        motion: dense motion.
        bent: the two convolutions after the bent volume.
        steering: the decoder's first convolutions, which read the feature map.
        decoder: the rest of the SPADE decoder.
        early: its first two blocks, whose roundings go through all others; None: as the rest.
        encoder: from pictures to feature volumes.
    """

    motion: Arithmetic = field(default_factory=Arithmetic)
    bent: Arithmetic = field(default_factory=Arithmetic)
    steering: Arithmetic = field(default_factory=Arithmetic)
    decoder: Arithmetic = field(default_factory=Arithmetic)
    encoder: Arithmetic = field(default_factory=Arithmetic)
    early: Arithmetic | None = None


def choose_mix(precision: str, device: torch.device, has_bfloat16: bool | None = None) -> Mix:
    """The arithmetic for a precision on a device.

    Args:
        precision: one of ``PRECISIONS``; "auto" takes the fastest that keeps 40 dB.
        device: where the renderer will run.
        has_bfloat16: whether a CPU multiplies bfloat16 in hardware; None looks.
    """
    if precision not in PRECISIONS:
        raise OptionError(f"precision is one of {', '.join(PRECISIONS)}, got {precision!r}.")
    if device.type != "cpu":
        return _accelerator(precision)
    if precision == "auto":
        fast = cpu_has_bfloat16() if has_bfloat16 is None else has_bfloat16
        precision = "bfloat16" if fast else "float32"
    if precision == "float16":
        raise OptionError("float16 is for graphics cards: a CPU takes bfloat16, float32 or auto.")
    exact = Arithmetic(torch.float32, tile=4, fourier=True)
    if precision == "float32":
        return Mix(exact, exact, exact, exact, exact)
    # Dense motion in bfloat16 costs decibels and saves little; see RESULTS.md.
    return Mix(exact, exact, exact, Arithmetic(torch.bfloat16, tile=2), exact)


def _accelerator(precision: str) -> Mix:
    # The device's own convolutions are the fastest there; float16 has three digits more than
    # bfloat16, and nothing in a trained network comes near its range. Volumes are made in float32:
    # all frames of a portrait are drawn from one.
    exact = Arithmetic()
    if precision == "bfloat16":
        # As on a CPU: all of it in bfloat16 falls below 40 dB.
        return Mix(exact, exact, exact, Arithmetic(torch.bfloat16))
    parts = exact if precision == "float32" else Arithmetic(torch.half)
    return Mix(parts, parts, parts, parts)


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; emulated it is slower than float32."""
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        ask = getattr(torch.cpu, name, None)  # newer torch only
        if ask is not None and ask():
            return True
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return False
    for line in cpuinfo.read_text().splitlines():
        if line.startswith(("flags", "Features")):
            return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(line.split())
    return False
