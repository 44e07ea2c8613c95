"""Goldens of LivePortrait's networks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sadtalker_core.systems.blocks import dense_motion
from sadtalker_core.systems.blocks.fast.decoder import FastDecoder
from sadtalker_core.systems.blocks.fast.precision import Mix
from sadtalker_core.systems.blocks.fast.warp import FastWarp
from sadtalker_core.systems.liveportrait.fast import choose_mix
from sadtalker_core.systems.liveportrait.nets.appearance import AppearanceExtractor
from sadtalker_core.systems.liveportrait.nets.generator import SpadeGenerator
from sadtalker_core.systems.liveportrait.nets.motion_extractor import MotionExtractor
from sadtalker_core.systems.liveportrait.nets.retargeting import (
    EYES,
    LIPS,
    STITCHING,
    Retargeting,
    RetargetingConfig,
)
from sadtalker_core.systems.liveportrait.nets.warping import WarpingNetwork
from sadtalker_core.systems.liveportrait.points import extract

from .conditioning import calm_motion, calm_stitching, converge_spectral
from .sadtalker_render import recorded
from .seeded_weights import fill, load_manifest

DATA = Path(__file__).parent / "data" / "liveportrait"
Tensors = dict[str, Tensor]
Touch = Callable[[Tensors], Tensors]


def load(module: Callable[[], nn.Module], manifest: str, seed: int, touch: Touch | None) -> Any:
    """A network with seeded weights, after a touch-up of ``conditioning``."""
    with torch.device("meta"):
        net = module()
    state = fill(load_manifest(DATA / f"{manifest}.json"), seed)
    net.load_state_dict(touch(state) if touch else state, strict=True, assign=True)
    return net.eval().requires_grad_(False)


def appearance(seed: int) -> AppearanceExtractor:
    return load(AppearanceExtractor, "appearance_feature_extractor", seed, None)


def motion_extractor(seed: int, calm: bool = False) -> MotionExtractor:
    return load(MotionExtractor, "motion_extractor", seed, calm_motion if calm else None)


def warping(seed: int) -> WarpingNetwork:
    return load(WarpingNetwork, "warping_module", seed, None)


def generator(seed: int, settled: bool = True) -> SpadeGenerator:
    return load(SpadeGenerator, "spade_generator", seed, converge_spectral if settled else None)


def retargeting(config: RetargetingConfig, seed: int, calm: bool = False) -> Retargeting:
    """``STITCHING``, ``EYES`` or ``LIPS``."""
    manifest = {STITCHING: "stitching", EYES: "retarget_eye", LIPS: "retarget_lip"}[config]
    touch = calm_stitching if calm else None
    return load(lambda: Retargeting(config), manifest, seed, touch)


def run_appearance(inputs: Tensors, seed: int, meta: dict[str, str]) -> Tensors:
    net = appearance(seed)
    modules = {
        "mid.first": net.first,
        "mid.down_blocks.0": net.down_blocks[0],
        "mid.down_blocks.1": net.down_blocks[1],
        "mid.second": net.second,
        "mid.resblocks_3d.3dr0": net.resblocks_3d[0],
    }
    with recorded(modules) as seen:
        return {"feature_3d": net(inputs["image"]), **seen}


def _pictures(inputs: Tensors) -> Tensor:
    numbered = (re.fullmatch(r"image(\d+)", name) for name in inputs)
    order = sorted(int(found.group(1)) for found in numbered if found)
    return torch.cat([inputs[f"image{i}"] for i in order])


def run_motion_extractor(inputs: Tensors, seed: int, meta: dict[str, str]) -> Tensors:
    net = motion_extractor(seed)
    trunk = net.detector
    modules: dict[str, nn.Module] = {
        "mid.stem": trunk.downsample_layers[0],
        "mid.stage0_block0": trunk.get_submodule("stages.0.0"),
        "mid.pooled": trunk.norm,
        **{f"mid.stage{i}": stage for i, stage in enumerate(trunk.stages)},
    }
    pictures = _pictures(inputs)
    with recorded(modules) as seen:
        raw = net(pictures)
    points = extract(lambda crops: raw, pictures)
    pitch, yaw, roll = points.pitch_yaw_roll_deg.split(1, 1)
    return {
        **seen,
        "pitch": raw.pitch,
        "yaw": raw.yaw,
        "roll": raw.roll,
        "t": raw.translation,
        "exp": raw.expression,
        "scale": raw.scale,
        "kp": raw.keypoints,
        "refined.pitch": pitch,
        "refined.yaw": yaw,
        "refined.roll": roll,
        "refined.exp": points.exp,
        "refined.kp": points.kp,
        "refined.R": points.rotation,
        "refined.x_s": points.x,
    }


def run_warping(inputs: Tensors, seed: int, meta: dict[str, str]) -> Tensors:
    net = warping(seed)
    motion = net.dense_motion_network
    hourglass = motion.hourglass
    modules: dict[str, nn.Module] = {
        "mid.compress": motion.compress,
        "mid.compress_norm": motion.norm,
        "mid.hourglass": hourglass,
        "mid.mask_logits": motion.mask,
        "mid.occlusion_logits": motion.occlusion,
        "mid.third": net.third,
        "mid.fourth": net.fourth,
        "mid.encoder0": hourglass.encoder.down_blocks[0],
        "mid.encoder4": hourglass.encoder.down_blocks[4],
        "mid.decoder0": hourglass.decoder.up_blocks[0],
    }
    volume, source, driving = (inputs[n] for n in ("feature_3d", "kp_source", "kp_driving"))
    with recorded(modules) as seen:
        result = net(volume, driving, source)
    size = (volume.shape[2], volume.shape[3], volume.shape[4])
    motions = dense_motion.sparse_motions(size, source, driving)
    small = F.relu(seen["mid.compress_norm"])
    return {
        **seen,
        "out": result.features,
        "occlusion_map": result.motion.occlusion,
        "deformation": result.motion.deformation,
        "mid.mask": result.motion.mask,
        "mid.sparse_motion": motions,
        "mid.deformed_feature": dense_motion.deform_by_each(small, motions),
        "mid.heatmap": dense_motion.heatmap_change(size, source, driving),
        "mid.warped_feature_3d": dense_motion.sample_volume(volume, result.motion.deformation),
    }


def run_generator(inputs: Tensors, seed: int, settled: bool) -> Tensors:
    net = generator(seed, settled)
    modules: dict[str, nn.Module] = {
        "logits": net.conv_img,
        "mid.fc": net.fc,
        "mid.norm_0": net.G_middle_0.norm_0,
        "mid.G_middle_0": net.G_middle_0,
        "mid.G_middle_1": net.G_middle_1,
        "mid.G_middle_5": net.G_middle_5,
        "mid.up_0": net.up_0,
        "mid.up_1": net.up_1,
    }
    with recorded(modules) as seen:
        return {"image": net(inputs["feature"]), **seen}


def run_retargeting(config: RetargetingConfig, inputs: Tensors, seed: int) -> Tensors:
    return {"delta": retargeting(config, seed)(inputs["x"])}


def mix_of(settled: bool) -> Mix:
    """The arithmetic of jobs on a processor; half precision only where G is settled.

    With vectors as filled most pixels saturate and every rounding shows.
    """
    return choose_mix("auto" if settled else "float32", torch.device("cpu"))


def run_fast_warping(inputs: Tensors, seed: int, meta: dict[str, str]) -> Tensors:
    net = warping(seed)
    fast = FastWarp(net.dense_motion_network, net.third, net.fourth, mix_of(True))
    volume, source, driving = (inputs[n] for n in ("feature_3d", "kp_source", "kp_driving"))
    compressed = fast.compress(volume)
    deformation, occlusion = fast.motion(compressed, source, driving)
    return {
        "out": fast(volume, compressed, source, driving).movedim(-1, 1),
        "deformation": deformation,
        "occlusion_map": occlusion.movedim(-1, 1),
    }


def run_fast_generator(inputs: Tensors, seed: int, settled: bool) -> Tensors:
    mix = mix_of(settled)
    fast = FastDecoder(generator(seed, settled), mix.decoder, mix.steering, mix.early)
    logits = fast(inputs["feature"].movedim(1, -1))
    return {"logits": logits, "image": torch.sigmoid(logits)}


CASES = {
    "liveportrait/appearance_feature_extractor": run_appearance,
    "liveportrait/motion_extractor": run_motion_extractor,
    "liveportrait/warping_module": run_warping,
    "liveportrait/spade_generator": lambda inputs, seed, meta: run_generator(inputs, seed, False),
    "liveportrait/spade_generator_sn": lambda inputs, seed, meta: run_generator(inputs, seed, True),
    "liveportrait/stitching": lambda inputs, seed, meta: run_retargeting(STITCHING, inputs, seed),
    "liveportrait/retarget_eye": lambda inputs, seed, meta: run_retargeting(EYES, inputs, seed),
    "liveportrait/retarget_lip": lambda inputs, seed, meta: run_retargeting(LIPS, inputs, seed),
}

FAST = {
    "liveportrait/warping_module": run_fast_warping,
    "liveportrait/spade_generator": lambda inputs, seed, meta: run_fast_generator(
        inputs, seed, False
    ),
    "liveportrait/spade_generator_sn": lambda inputs, seed, meta: run_fast_generator(
        inputs, seed, True
    ),
}
