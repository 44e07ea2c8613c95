"""Goldens of SadTalker's renderer: keypoint detector, generator, pipeline from coefficients."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from collections.abc import Generator as Yields
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import KeypointTrack
from sadtalker_core.systems.blocks import dense_motion
from sadtalker_core.systems.blocks.fast.precision import choose_mix
from sadtalker_core.systems.blocks.spade import SpectralConv2d
from sadtalker_core.systems.sadtalker.fast import FastGenerator, optimise
from sadtalker_core.systems.sadtalker.keypoints import keypoints
from sadtalker_core.systems.sadtalker.nets.generator import Generator
from sadtalker_core.systems.sadtalker.nets.keypoint_detector import KeypointDetector
from sadtalker_core.systems.sadtalker.nets.mapping import MappingNet, MappingNetConfig
from sadtalker_core.systems.sadtalker.render import (
    RenderNets,
    prepare_source,
    render,
    render_chunk,
)
from sadtalker_core.systems.sadtalker.semantics import windows

from .seeded_weights import fill, load_manifest

DATA = Path(__file__).parent / "data" / "sadtalker"
Tensors = dict[str, Tensor]


def _load(module: Callable[[], nn.Module], manifest: str, seed: int) -> Any:
    with torch.device("meta"):
        net = module()
    state = fill(load_manifest(DATA / f"{manifest}.json"), seed)
    net.load_state_dict(state, strict=True, assign=True)
    return net.eval()


def kp_extractor(seed: int) -> KeypointDetector:
    return _load(KeypointDetector, "kp_extractor", seed)


def generator(seed: int, settled: bool) -> Generator:
    net: Generator = _load(Generator, "generator", seed)
    if settled:
        settle(net)
    return net


def settle(net: nn.Module) -> None:
    """Give every spectral norm vectors near the singular ones, as a trained file has them."""
    for module in net.modules():
        if not isinstance(module, SpectralConv2d):
            continue
        weight = module.weight_orig.detach().flatten(1).double()
        u = module.weight_u.double()
        v = module.weight_v.double()
        for _ in range(10):
            v = F.normalize(weight.T @ u, dim=0, eps=0.0)
            u = F.normalize(weight @ v, dim=0, eps=0.0)
        module.weight_u = u.float()
        module.weight_v = v.float()


@contextmanager
def recorded(modules: Mapping[str, nn.Module]) -> Yields[Tensors, None, None]:
    """What each module returned last."""
    seen: Tensors = {}

    def keeper(name: str) -> Callable[..., None]:
        def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
            seen[name] = output

        return keep

    handles = [module.register_forward_hook(keeper(name)) for name, module in modules.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def run_kp_extractor(inputs: Tensors, seed: int, meta: dict[str, str]) -> Tensors:
    net = kp_extractor(seed)
    modules = {
        "down": net.down,
        "bottleneck": net.predictor.conv,
        "feature_map": net.predictor,
        "logits": net.kp,
    }
    with recorded(modules) as seen:
        value = net(inputs["image"])
    scaled = seen["logits"].flatten(2) / net.config.temperature
    return {**seen, "value": value, "heatmap_log_max": F.log_softmax(scaled, 2).amax(2)}


def run_generator(inputs: Tensors, seed: int, settled: bool) -> Tensors:
    net = generator(seed, settled)
    motion, decoder = net.dense_motion_network, net.decoder
    modules = {
        "feature_2d": net.second,
        "feature_3d": net.resblocks_3d,
        "dm_compressed_normed": motion.norm,
        "dm_hourglass": motion.hourglass,
        "dm_mask_logits": motion.mask,
        "dm_occlusion_logits": motion.occlusion,
        "third": net.third,
        "fourth": net.fourth,
        "dec_fc": decoder.fc,
        "dec_middle0": decoder.G_middle_0,
        "dec_middle5": decoder.G_middle_5,
        "dec_up0": decoder.up_0,
        "dec_up1": decoder.up_1,
        "logits": decoder,
    }
    source, driving = inputs["kp_source"], inputs["kp_driving"]
    with recorded(modules) as seen:
        result = net(inputs["source_image"], source, driving)
    volume = seen["feature_3d"]
    size = (volume.shape[2], volume.shape[3], volume.shape[4])
    motions = dense_motion.sparse_motions(size, source, driving)
    small = F.relu(seen["dm_compressed_normed"])
    return {
        **seen,
        "prediction": result.prediction,
        "mask": result.motion.mask,
        "deformation": result.motion.deformation,
        "occlusion_map": result.motion.occlusion,
        "sparse_motion": motions,
        "deformed_feature": dense_motion.deform_by_each(small, motions),
        "heatmap": dense_motion.heatmap_change(size, source, driving),
        "warped_3d": dense_motion.sample_volume(volume, result.motion.deformation),
    }


def _batch(meta: dict[str, str]) -> int:
    """Rows of the reference's batch: each is a contiguous run of frames."""
    found = re.search(r"batch (\d+) x \d+", meta.get("call", ""))
    return int(found.group(1)) if found else 2


class _Keypoints(NamedTuple):
    """Windows of coefficients and the keypoints they give."""

    source_windows: Tensor
    target_windows: Tensor
    source: Tensor
    driving: Tensor


def _keypoints(inputs: Tensors, seed: int, canonical: Tensor) -> _Keypoints:
    source, target = inputs["source_coeff"], inputs["target_coeff"]
    count = source.shape[1]
    mapping = _load(lambda: MappingNet(MappingNetConfig(count)), f"mapping_{count}", seed)
    crop = source[:, target.shape[1] :].expand(len(target), -1)
    of_source, of_target = windows(source), windows(torch.cat([target, crop], 1))
    return _Keypoints(
        of_source,
        of_target,
        keypoints(mapping, canonical, of_source),
        keypoints(mapping, canonical, of_target),
    )


def run_pipeline(
    inputs: Tensors, seed: int, meta: dict[str, str], settled: bool = False
) -> Tensors:
    net = generator(seed, settled)
    nets = RenderNets(kp_extractor(seed), net)
    features = prepare_source(nets, inputs["source_image"][0], Runtime())
    points = _keypoints(inputs, seed, features.canonical)
    rows = _batch(meta)
    driving = points.driving.unflatten(0, (rows, -1))
    frames: list[Tensor] = []
    logits: list[Tensor] = []
    with recorded({"logits": net.decoder}) as seen:
        # Batched as the reference does: a frame of each row.
        for kp in driving.unbind(1):
            frames.append(render_chunk(nets, features, points.source, kp))
            logits.append(seen["logits"])
    video = torch.stack(frames, 1).flatten(0, 1)
    return {
        "frames": video,
        "frames_uint8": to_uint8(video),
        "logits": torch.stack(logits, 1).flatten(0, 1),
        "kp_source": points.source.expand(rows, -1, -1),
        "kp_driving": driving,
        "source_semantics": points.source_windows.expand(rows, -1, -1),
        "target_semantics": points.target_windows.unflatten(0, (rows, -1)),
    }


def fast_generator(seed: int, settled: bool) -> FastGenerator:
    """The generator as jobs use it.

    With vectors as filled most pixels saturate and every rounding shows: half precision is for
    networks whose spectral norms are settled, as trained ones are.
    """
    precision = "auto" if settled else "float32"
    return optimise(generator(seed, settled), choose_mix(precision, torch.device("cpu")))


def run_fast_generator(inputs: Tensors, seed: int, settled: bool) -> Tensors:
    net = fast_generator(seed, settled)
    volume = net.encode(inputs["source_image"])
    source, driving = inputs["kp_source"], inputs["kp_driving"]
    return {"prediction": net.frames(volume, net.compress(volume), source, driving)}


def run_fast_pipeline(inputs: Tensors, seed: int, settled: bool) -> Tensors:
    nets = RenderNets(kp_extractor(seed), fast_generator(seed, settled))
    features = prepare_source(nets, inputs["source_image"][0], Runtime())
    points = _keypoints(inputs, seed, features.canonical)
    track = KeypointTrack(points.source, points.driving, Fraction(25))
    video = render(nets, features, track, Runtime()).collect().frames
    return {"frames": video, "frames_uint8": to_uint8(video)}


def to_uint8(frames: Tensor) -> Tensor:
    """(N, H, W, 3) levels of (N, 3, H, W) frames, rounded half to even as the reference does."""
    return (frames * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


CASES = {
    "sadtalker/kp_extractor_256": run_kp_extractor,
    "sadtalker/kp_extractor_512": run_kp_extractor,
    "sadtalker/generator_256": lambda inputs, seed, meta: run_generator(inputs, seed, False),
    "sadtalker/generator_512": lambda inputs, seed, meta: run_generator(inputs, seed, False),
    "sadtalker/generator_settled_256": lambda inputs, seed, meta: run_generator(inputs, seed, True),
    "sadtalker/pipeline_crop_256": run_pipeline,
    "sadtalker/pipeline_full_256": run_pipeline,
    "sadtalker/pipeline_settled_256": lambda inputs, seed, meta: run_pipeline(
        inputs, seed, meta, settled=True
    ),
}

FAST = {
    "sadtalker/kp_extractor_256": lambda inputs, seed, meta: {
        "value": kp_extractor(seed)(inputs["image"])
    },
    "sadtalker/generator_256": lambda inputs, seed, meta: run_fast_generator(inputs, seed, False),
    "sadtalker/generator_settled_256": lambda inputs, seed, meta: run_fast_generator(
        inputs, seed, True
    ),
    "sadtalker/pipeline_crop_256": lambda inputs, seed, meta: run_fast_pipeline(
        inputs, seed, False
    ),
    "sadtalker/pipeline_settled_256": lambda inputs, seed, meta: run_fast_pipeline(
        inputs, seed, True
    ),
}
FAST["sadtalker/kp_extractor_512"] = FAST["sadtalker/kp_extractor_256"]
FAST["sadtalker/generator_512"] = FAST["sadtalker/generator_256"]
FAST["sadtalker/pipeline_full_256"] = FAST["sadtalker/pipeline_crop_256"]
