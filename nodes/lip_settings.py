"""Settings of the engines that give a video new lips, as they travel between nodes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ..sadtalker_core.errors import OptionError

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 1
# Options that choose networks: the load nodes have them.
NETWORKS = ("finder", "reference_enhancer", "mouth_enhancer", "precision", "model")


def lip_settings(engine: str, options: Any, like: Tensor | None = None) -> dict[str, Any]:
    """A ``PORTRAIT_LIP_SETTINGS``.

    Args:
        engine: id of the engine.
        options: its option dataclass; what chooses networks is left out.
        like: (3, H, W) uint8, a picture whose expression is taken, or None.
    """
    values = dataclasses.asdict(options)
    return {
        "type": "LipSettings",
        "version": VERSION,
        "engine": engine,
        "options": {name: value for name, value in values.items() if name not in NETWORKS},
        "like": like,
    }


def settings_of(data: Any) -> tuple[str, dict[str, Any], Tensor | None]:
    """Engine, options and picture of a ``PORTRAIT_LIP_SETTINGS``.

    Raises:
        OptionError: it is none, or of another version.
    """
    if not isinstance(data, dict) or data.get("type") != "LipSettings":
        raise OptionError("settings of lips were expected; connect a settings node.")
    if data.get("version") != VERSION:
        raise OptionError("these settings are of another version; run their node again.")
    return str(data["engine"]), dict(data["options"]), data["like"]
