"""Compiling is refused with a sentence where it cannot work."""

from __future__ import annotations

import shutil

import pytest
import torch

from sadtalker_core.errors import OptionError
from sadtalker_core.systems.blocks.fast.compiler import check_compiler


def test_a_cpu_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(OptionError, match=r"C\+\+ compiler"):
        check_compiler(torch.device("cpu"))
    check_compiler(torch.device("cuda"))
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/x" if name == "clang++" else None)
    check_compiler(torch.device("cpu"))
