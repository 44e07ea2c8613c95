"""The pack as ComfyUI loads it: as a package under a mangled name, never as ``nodes``."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from . import host_stand_ins

ROOT = Path(__file__).resolve().parents[2]
# ComfyUI takes the folder's path with dots replaced; ours has what people's folders have.
NAME = "/comfy/custom_nodes/talking portraits [main] v1_x_0"


@cache
def load_pack() -> ModuleType:
    """The pack's ``__init__.py``, executed the way ComfyUI does it."""
    host_stand_ins.install()
    spec = importlib.util.spec_from_file_location(NAME, ROOT / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    return module


def pack_module(name: str) -> ModuleType:
    """A module of the loaded pack: ``pack_module("nodes.bridge")``.

    The library too must be taken from here (``pack_module("sadtalker_core.structures")``): under
    its own name its classes are others.
    """
    load_pack()
    return importlib.import_module(f"{NAME}.{name}")


@cache
def node_list() -> list[type[Any]]:
    """The nodes that the pack's entry point gives."""
    entry = load_pack().comfy_entrypoint
    extension = asyncio.run(entry()) if asyncio.iscoroutinefunction(entry) else entry()
    return asyncio.run(extension.get_node_list())


@cache
def node_classes() -> dict[str, type[Any]]:
    """The same by id."""
    return {node.GET_SCHEMA().node_id: node for node in node_list()}
