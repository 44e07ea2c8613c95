"""Speed of LivePortrait's networks: ``python -m benchmarks.liveportrait_render --reference DIR``.

The published code (a checkout of KwaiVGI/LivePortrait in DIR), our plain networks and the fast ones
in each precision, see ``paired``; weights are seeded, the generator's spectral norms settled.
``--parts`` says what is timed: "frame" is W and G together, the work of every frame; "volume" is F,
once a portrait and once for every frame of a source video; "driver" is M, once for every frame of a
driver. Without ``--reference`` ratios are to the plain networks.

On a graphics card (``--device cuda``) the published code runs as it does there, in half precision.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.animate import describe_machine
from benchmarks.paired import Run, commit, compare
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.blocks.fast.encoder import FastEncoder
from sadtalker_core.systems.blocks.fast.precision import cpu_has_bfloat16
from sadtalker_core.systems.liveportrait.fast import PlainRenderer, choose_mix, optimise
from sadtalker_core.systems.liveportrait.render import (
    FrameRenderer,
    RenderNets,
    prepare_features,
    render_chunk,
)
from tests.parity import liveportrait_nets as seeded

# The published src/config/models.yaml.
_MOTION = {
    "block_expansion": 32,
    "max_features": 1024,
    "num_blocks": 5,
    "reshape_depth": 16,
    "compress": 4,
}
_ENCODER = {"block_expansion": 64, "max_features": 512, "num_down_blocks": 2}
PUBLISHED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "F": (
        "appearance_feature_extractor",
        "AppearanceFeatureExtractor",
        {
            **_ENCODER,
            "image_channel": 3,
            "reshape_channel": 32,
            "reshape_depth": 16,
            "num_resblocks": 6,
        },
    ),
    "M": ("motion_extractor", "MotionExtractor", {"num_kp": 21, "backbone": "convnextv2_tiny"}),
    "W": (
        "warping_network",
        "WarpingNetwork",
        {
            **_ENCODER,
            "num_kp": 21,
            "reshape_channel": 32,
            "estimate_occlusion_map": True,
            "dense_motion_params": _MOTION,
        },
    ),
    "G": ("spade_generator", "SPADEDecoder", {**_ENCODER, "upscale": 2}),
}
PARTS = ("frame", "volume", "driver")


def published(folder: Path, name: str, ours: nn.Module, device: torch.device) -> Any:
    """A network of the published code with our weights."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    module, cls, sizes = PUBLISHED[name]
    net = getattr(importlib.import_module(f"src.modules.{module}"), cls)(**sizes)
    net.load_state_dict(ours.state_dict(), strict=True)
    return net.eval().to(device)


def moved_keypoints(frames: int, seed: int) -> tuple[Tensor, Tensor]:
    """(1, 21, 3) of a portrait and (frames, 21, 3) as a talking head moves them."""
    random = torch.Generator().manual_seed(seed)
    source = torch.rand(1, 21, 3, generator=random) * 1.2 - 0.6
    return source, source + 0.05 * torch.randn(frames, 21, 3, generator=random)


def precisions_of(device: torch.device) -> list[str]:
    """What the fast networks can compute in on a device."""
    if device.type == "cpu":
        return ["float32", *(["bfloat16"] if cpu_has_bfloat16() else [])]
    return ["float32", "bfloat16", "float16"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, help="Checkout of KwaiVGI/LivePortrait.")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--frames", type=int, default=2, help="Frames in one call.")
    parser.add_argument("--repeat", type=int, default=5, help="Turns; the fastest counts.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true", help="Let torch compile all networks.")
    parser.add_argument("--seed", type=int, default=0, help="Of weights, picture and keypoints.")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    print(f"{describe_machine()}, torch {torch.__version__}, {args.threads} threads, {device}")
    print(f"commit {commit()}, {args.frames} frames in one call")
    random = torch.Generator().manual_seed(args.seed)
    pictures = torch.rand(args.frames, 3, 256, 256, generator=random).to(device)
    makers = {"frame": frame_runs, "volume": volume_runs, "driver": driver_runs}
    for part in args.parts:
        runs = makers[part](args, pictures, device)
        print(f"\n{part}")
        compare(
            {name: waited(run, device) for name, run in runs.items()},
            "plain float32",
            frames=args.frames,
            repeat=args.repeat,
            threads=args.threads,
        )
    return 0


def waited(run: Run, device: torch.device) -> Run:
    """A run that ends when the device has done the work."""

    def both() -> Tensor:
        with torch.inference_mode():
            result = run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return result.float()

    return both


def _theirs(args: argparse.Namespace, nets: dict[str, nn.Module], device: torch.device) -> Any:
    """The published networks, by letter, compiled if asked for."""
    found = {name: published(args.reference, name, net, device) for name, net in nets.items()}
    if args.compile:
        for net in found.values():
            net.compile()
    return found


def frame_runs(args: argparse.Namespace, pictures: Tensor, device: torch.device) -> dict[str, Run]:
    """W and G."""
    warping, generator = (
        seeded.warping(args.seed).to(device),
        seeded.generator(args.seed).to(device),
    )
    encoder = seeded.appearance(args.seed).to(device)
    source, driving = (kp.to(device) for kp in moved_keypoints(args.frames, args.seed))
    runs: dict[str, Run] = {}
    runtime = Runtime(device=device)
    if args.reference is not None:
        theirs = _theirs(args, {"W": warping, "G": generator}, device)
        volume = encoder(pictures[:1]).expand(args.frames, -1, -1, -1, -1).contiguous()
        sources = source.expand(args.frames, -1, -1).contiguous()

        def run_theirs() -> Tensor:
            with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
                out = theirs["W"](volume, kp_source=sources, kp_driving=driving)["out"]
                return theirs["G"](feature=out)

        runs["published code"] = run_theirs
    renderers: dict[str, FrameRenderer] = {"plain float32": PlainRenderer(warping, generator)}
    for precision in precisions_of(device):
        mix = choose_mix(precision, device)
        renderers[f"fast {precision}"] = optimise(warping, generator, mix, args.compile)
    for name, renderer in renderers.items():
        nets = RenderNets(encoder, renderer)
        features = prepare_features(nets, pictures[:1], runtime)

        def run_ours(nets: RenderNets = nets, features: Any = features) -> Tensor:
            return render_chunk(nets, features, source, driving)

        runs[name] = run_ours
    return runs


def volume_runs(args: argparse.Namespace, pictures: Tensor, device: torch.device) -> dict[str, Run]:
    """F; its volumes are judged as pictures whose range is their standard deviation."""
    plain = seeded.appearance(args.seed).to(device)
    runs: dict[str, Run] = {}
    spread = float(plain(pictures[:1]).std())
    if args.reference is not None:
        theirs = _theirs(args, {"F": plain}, device)["F"]
        runs["published code"] = lambda: theirs(pictures) / spread
    runs["plain float32"] = lambda: plain(pictures) / spread
    fast = FastEncoder(plain, choose_mix("auto", device).encoder).eval()
    runs["fast float32"] = lambda: fast(pictures) / spread
    return runs


def driver_runs(args: argparse.Namespace, pictures: Tensor, device: torch.device) -> dict[str, Run]:
    """M."""
    plain = seeded.motion_extractor(args.seed, calm=True).to(device)
    runs: dict[str, Run] = {}
    if args.reference is not None:
        theirs = _theirs(args, {"M": plain}, device)["M"]
        runs["published code"] = lambda: theirs(pictures)["kp"]
    runs["plain float32"] = lambda: plain(pictures).keypoints
    return runs


if __name__ == "__main__":
    sys.exit(main())
