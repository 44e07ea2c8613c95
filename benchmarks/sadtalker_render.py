"""Speed of SadTalker's renderer: ``python -m benchmarks.sadtalker_render --reference DIR``.

The published code (a checkout of OpenTalker/SadTalker in DIR), our plain generator and the fast one
in each precision, see ``paired``. Without ``--reference`` its turn is left out and ratios are to
the plain generator.

Encoding the portrait is timed apart: the published code repeats it in every call.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import types
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.animate import describe_machine
from benchmarks.paired import Run, commit, compare
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.blocks.fast.precision import choose_mix, cpu_has_bfloat16
from sadtalker_core.systems.sadtalker.fast import optimise
from sadtalker_core.systems.sadtalker.nets.generator import Generator
from sadtalker_core.systems.sadtalker.render import RenderNets, prepare_source, render_chunk
from tests.parity import sadtalker_render as seeded

# Sizes in the published facerender.yaml.
PUBLISHED: dict[str, Any] = {
    "image_channel": 3,
    "feature_channel": 32,
    "num_kp": 15,
    "block_expansion": 64,
    "max_features": 512,
    "num_down_blocks": 2,
    "reshape_channel": 32,
    "reshape_depth": 16,
    "num_resblocks": 6,
    "estimate_occlusion_map": True,
    "dense_motion_params": {
        "block_expansion": 32,
        "max_features": 1024,
        "num_blocks": 5,
        "reshape_depth": 16,
        "compress": 4,
    },
}


def published_generator(folder: Path, weights: dict[str, Tensor]) -> Any:
    """The generator of the published code with our weights."""
    # Only what its modules import and the renderer never calls is stood in for.
    for name in ("scipy", "scipy.spatial", "tqdm"):
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = types.ModuleType(name)
    sys.path.insert(0, str(folder))
    module = importlib.import_module("src.facerender.modules.generator")
    net = module.OcclusionAwareSPADEGenerator(**PUBLISHED)
    net.load_state_dict(weights, strict=True)
    return net.eval()


def moved_keypoints(frames: int, seed: int) -> tuple[Tensor, Tensor]:
    """(1, 15, 3) of a portrait and (frames, 15, 3) as a talking head moves them."""
    random = torch.Generator().manual_seed(seed)
    source = torch.rand(1, 15, 3, generator=random) * 1.2 - 0.6
    return source, source + 0.05 * torch.randn(frames, 15, 3, generator=random)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, help="Checkout of OpenTalker/SadTalker.")
    parser.add_argument("--size", type=int, default=256, choices=(256, 512))
    parser.add_argument("--frames", type=int, default=2, help="Frames in one call.")
    parser.add_argument("--repeat", type=int, default=5, help="Turns; the fastest counts.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="Of weights, picture and keypoints.")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    plain: Generator = seeded.generator(args.seed, settled=True)
    detector = seeded.kp_extractor(args.seed)
    random = torch.Generator().manual_seed(args.seed)
    picture = torch.rand(3, args.size, args.size, generator=random)
    source, driving = moved_keypoints(args.frames, args.seed)
    precisions = ["float32", *(["bfloat16"] if cpu_has_bfloat16() else [])]

    runs: dict[str, Run] = {}
    if args.reference is not None:
        theirs = published_generator(args.reference, plain.state_dict())

        def run_theirs() -> Tensor:
            with torch.no_grad():
                return theirs(
                    picture.expand(args.frames, -1, -1, -1),
                    kp_source={"value": source.expand(args.frames, -1, -1)},
                    kp_driving={"value": driving},
                )["prediction"]

        runs["published code"] = run_theirs
    generators: dict[str, Any] = {"plain float32": plain}
    for precision in precisions:
        mix = choose_mix(precision, torch.device("cpu"))
        generators[f"fast {precision}"] = optimise(plain, mix)
    for name, net in generators.items():
        nets = RenderNets(detector, net)
        features = prepare_source(nets, picture, Runtime())

        def run_ours(nets: RenderNets = nets, features: Any = features) -> Tensor:
            return render_chunk(nets, features, source, driving)

        runs[name] = run_ours

    print(f"{describe_machine()}, torch {torch.__version__}, {args.threads} threads")
    print(f"commit {commit()}, {args.size}x{args.size}, {args.frames} frames in one call")
    compare(runs, "plain float32", frames=args.frames, repeat=args.repeat, threads=args.threads)
    start = time.perf_counter()
    prepare_source(RenderNets(detector, plain), picture, Runtime())
    print(f"encoding the portrait, once a job: {time.perf_counter() - start:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
