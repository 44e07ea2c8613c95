"""Where a job runs: the one place where a device is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from ..errors import OptionError
from ..runtime import Runtime
from .settings import CommonRunOptions, RunOptions


def make_runtime(
    options: CommonRunOptions,
    progress: Callable[[str, int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Runtime:
    """The runtime that the options mean; the one place where a device is chosen.

    Raises:
        OptionError: the device is unknown or not on this machine.
    """
    seed = options.seed if isinstance(options, RunOptions) else 0
    runtime = Runtime(device=find_device(options.device), seed=seed, chunk=options.chunk)
    if progress is not None:
        runtime = replace(runtime, progress=progress)
    if cancelled is not None:
        runtime = replace(runtime, cancelled=cancelled)
    return runtime


def find_device(name: str) -> torch.device:
    """The device of a name; ``auto`` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        OptionError: the device is unknown or not on this machine.
    """
    if name == "auto":
        return torch.device(available_devices()[0])
    try:
        device = torch.device(name)
    except RuntimeError:
        raise OptionError(
            f"device is {name!r}, here these work: auto, {', '.join(available_devices())}."
        ) from None
    known = available_devices()
    if str(device) not in known and not (device.index == 0 and device.type in known):
        raise OptionError(f"device {name} is not on this machine; here: {', '.join(known)}.")
    return device


def available_devices() -> list[str]:
    """Names of the devices of this machine, best first."""
    names: list[str] = []
    if torch.cuda.is_available():
        names += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        names.append("mps")
    return [*names, "cpu"]
