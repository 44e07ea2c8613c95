"""Our nodes in place of those of abandoned packs, through ComfyUI's own replacement where it is."""

from __future__ import annotations

import importlib
import logging
from typing import Any

from ..sadtalker_core.jobs.workflows.old_nodes import OLD_NODES
from ..sadtalker_core.jobs.workflows.replacements import REPLACEMENTS, Replacement

_log = logging.getLogger(__name__)


def input_mapping(row: Replacement) -> list[dict[str, Any]]:
    """What the new node's inputs get, as ComfyUI writes it."""
    carried = [{"new_id": new, "old_id": old} for new, old in row.inputs.items()]
    return [*carried, *({"new_id": new, "set_value": value} for new, value in row.values.items())]


def output_mapping(row: Replacement) -> list[dict[str, int]]:
    """Which new output stands for which old one."""
    return [{"new_idx": new, "old_idx": old} for old, new in row.outputs.items()]


def replacements(make: Any) -> list[Any]:
    """All rows of the table as ``io.NodeReplace``, which is ``make``."""
    return [
        make(
            new_node_id=row.new,
            old_node_id=row.old,
            old_widget_ids=list(OLD_NODES[row.old].fields),
            input_mapping=input_mapping(row),
            output_mapping=output_mapping(row),
        )
        for row in REPLACEMENTS
    ]


async def register() -> None:
    """Tell ComfyUI, from 0.14 on; older ones have ``talking-portraits workflows convert``.

    It replaces a node only where the old pack is not installed.
    """
    latest = importlib.import_module("comfy_api.latest")
    make = getattr(latest.io, "NodeReplace", None)
    api = getattr(latest, "ComfyAPI", None)
    registry = None if api is None else getattr(api(), "node_replacement", None)
    if make is None or registry is None:
        _log.debug("this ComfyUI replaces no nodes")
        return
    try:
        for made in replacements(make):
            await registry.register(made)
    except (AttributeError, TypeError, ValueError) as error:
        # a young interface of the host: the nodes themselves must load all the same
        _log.warning("nodes of older packs are not replaced by this ComfyUI: %s", error)
