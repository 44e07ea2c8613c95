"""Talking Portraits in ComfyUI: the nodes, made of the library's parts.

Importing this says what nodes there are and nothing more; the library's heavy parts are imported
when a node runs.
"""

from __future__ import annotations

import importlib
from typing import Any

from .host import ComfyExtension

MODULES = (
    "starters",
    "loaders",
    "portrait",
    "expression",
    "audio",
    "motion",
    "render",
    "video",
    "process",
    "relip",
    "enhance",
    "tools",
)


class TalkingPortraits(ComfyExtension):
    """The pack."""

    async def on_load(self) -> None:
        """Offer our nodes in place of those of abandoned packs, where ComfyUI can do that."""
        from .replacements import register

        await register()

    async def get_node_list(self) -> list[type[Any]]:
        """Every node, in the order of the menu."""
        return [
            node
            for name in MODULES
            for node in importlib.import_module(f".{name}", __package__).NODES
        ]


async def comfy_entrypoint() -> Any:
    """What ComfyUI calls when it loads the pack."""
    return TalkingPortraits()
