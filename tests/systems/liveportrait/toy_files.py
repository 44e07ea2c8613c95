"""Published files with networks of toy size: the whole engine runs on them in seconds."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from sadtalker_core.systems.liveportrait.nets.appearance import AppearanceExtractor
from sadtalker_core.systems.liveportrait.nets.generator import SpadeGenerator
from sadtalker_core.systems.liveportrait.nets.motion_extractor import MotionExtractor
from sadtalker_core.systems.liveportrait.nets.warping import WarpingNetwork
from sadtalker_core.weights.catalog import WeightFile
from sadtalker_core.weights.published_liveportrait import ANIMAL, HUMAN, HUMAN_COPY
from sadtalker_core.weights.reader import write_weights
from sadtalker_core.weights.store import WeightStore

from .toy_nets import (
    EYES,
    LIPS,
    STITCHING,
    toy_appearance,
    toy_generator,
    toy_motion_extractor,
    toy_retargeting,
    toy_warping,
)

PARTS = {"retarget_shoulder": STITCHING, "retarget_mouth": LIPS, "retarget_eye": EYES}


def toy_states(seed: int = 0) -> list[dict[str, Tensor]]:
    """State dicts of F, M, W and G, in the order of the catalog."""
    nets: list[nn.Module] = [
        toy_appearance(seed),
        toy_motion_extractor(seed),
        toy_warping(seed),
        toy_generator(seed),
    ]
    return [net.state_dict() for net in nets]


def full_states() -> list[dict[str, Tensor]]:
    """The same in their published size, with random weights: for measuring memory."""
    torch.manual_seed(0)
    nets = [AppearanceExtractor(), MotionExtractor(), WarpingNetwork(), SpadeGenerator()]
    return [net.state_dict() for net in nets]


def write_toy_files(
    folder: Path, *, copies: bool = False, is_full_size: bool = False
) -> WeightStore:
    """The published files, toy-sized and accepted, in ``folder``; and the store that has them.

    Args:
        folder: where they go, animals' files beside the humans'.
        copies: the safetensors files of the node pack in place of the original ones (humans only).
        is_full_size: F, M, W and G have their published size.
    """
    human = HUMAN_COPY if copies else HUMAN
    written: list[WeightFile] = list(human)
    for file, state in zip(human, full_states() if is_full_size else toy_states()):
        _write(state, folder / file.file)
    small = {name: toy_retargeting(config).state_dict() for name, config in PARTS.items()}
    if copies:
        flat = {f"{name}_module.{k}": v for name, part in small.items() for k, v in part.items()}
        _write(flat, folder / human[-1].file)
    else:
        parallel = {
            name: {f"module.{key}": value for key, value in part.items()}
            for name, part in small.items()
        }
        torch.save(parallel, folder / human[-1].file)
        for file, state in zip(ANIMAL, toy_states(seed=7)):
            _write(state, folder / file.file)
        written += ANIMAL
    store = WeightStore(option=folder)
    for file in written:
        store.accept(file, folder / file.file)
    return store


def _write(state: dict[str, Tensor], path: Path) -> None:
    if path.suffix == ".safetensors":
        write_weights(state, path)
    else:
        torch.save(state, path)
