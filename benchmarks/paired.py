"""Renderers side by side: the same frames from the same weights, in turn, several times over.

Of each the fastest turn counts, so that other programs disturb all alike. On a machine that others
use as well, one thread and the column of processor seconds tell more than the clock.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.animate import ROOT

# What two cores of the machine in RESULTS.md reach on large convolutions, GFLOP/s.
LIMITS = {"float32": 215.0, "bfloat16": 448.0}

Run = Callable[[], Tensor]


def commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"


def decibels(found: Tensor, want: Tensor) -> float:
    """PSNR of pictures in [0, 1]."""
    error = (found.double() - want.double()).square().mean()
    return float(-10 * torch.log10(error.clamp(min=1e-20)))


def count_gflop(run: Run) -> tuple[float, Tensor]:
    """Multiplications and additions of all convolutions and matrix products, and the pictures.

    Fourier transforms are not among them, and a complex product counts as a real one (together
    about 5 GFLOP of a frame).
    """
    counter = FlopCounterMode(display=False)
    with counter:
        pictures = run()
    return counter.get_total_flops() / 1e9, pictures


def compare(runs: Mapping[str, Run], truth: str, *, frames: int, repeat: int, threads: int) -> None:
    """Print a table of runs.

    Args:
        runs: by name; ratios are to the first. A name with "bfloat16" has that arithmetic's limit.
        truth: the run whose pictures the others' are compared with.
        frames: in one call.
        repeat: turns.
        threads: in use.
    """
    # This first turn also warms up.
    counted = {name: count_gflop(run) for name, run in runs.items()}
    gflop = {name: total / frames for name, (total, _) in counted.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    busy: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            start, worked = time.perf_counter(), time.process_time()
            run()
            times[name].append((time.perf_counter() - start) / frames)
            busy[name].append((time.process_time() - worked) / frames)
    first = next(iter(runs))
    columns = ("s/frame", "ratio", "CPU s", "ratio", "GFLOP", "GFLOP/s", "limit", "dB")
    print(" " * 16 + "".join(f"{column:>9}" for column in columns))
    for name in runs:
        best = min(times[name])
        rate = gflop[name] / best
        limit = LIMITS["bfloat16" if "bfloat16" in name else "float32"] * threads / 2
        cells = (
            f"{best:.2f}",
            f"{min(times[first]) / best:.2f}",
            f"{min(busy[name]):.2f}",
            f"{min(busy[first]) / min(busy[name]):.2f}",
            f"{gflop[name]:.0f}",
            f"{rate:.0f}",
            f"{rate / limit:.0%}",
            f"{decibels(counted[name][1], counted[truth][1]):.1f}",
        )
        print(f"{name:16}" + "".join(f"{cell:>9}" for cell in cells), flush=True)
    paired = {
        name: sorted(a / b for a, b in zip(times[first], times[name]))[repeat // 2] for name in runs
    }
    print("median of paired ratios:", ", ".join(f"{k} {v:.2f}" for k, v in paired.items()))
