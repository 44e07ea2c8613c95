"""Whether torch can compile here."""

from __future__ import annotations

import shutil

import torch

from ....errors import OptionError

_COMPILERS = ("g++", "clang++", "c++", "cl")


def check_compiler(device: torch.device) -> None:
    """Raise ``OptionError`` where torch would need a C++ compiler and there is none."""
    if device.type == "cpu" and not any(shutil.which(name) for name in _COMPILERS):
        raise OptionError(
            "compile needs a C++ compiler on a CPU, and there is none on this machine; install g++ "
            "or leave compile out."
        )
