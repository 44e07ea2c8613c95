"""What a frame of VideoReTalking costs: each network as the original runs it and as we do.

    python -m benchmarks.relip_speed --repeat 3

The plain networks are the original's operations (they equal its goldens to the bit), so they stand
for it. Weights are random; they cost what trained ones cost. Processor seconds of one thread, the
fastest of several turns, plain and fast in turn. The number of calls for a frame is the original's
(``inference.py`` of OpenTalker/video-retalking) and ours.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.paired import commit
from sadtalker_core.enhance.fast.build import fast_form
from sadtalker_core.enhance.nets.gfpgan import Gfpgan
from sadtalker_core.enhance.nets.gpen import Gpen
from sadtalker_core.enhance.nets.parsenet import ParseNet
from sadtalker_core.faces.nets.fan68 import Fan68
from sadtalker_core.faces.nets.recon3d import Recon3D
from sadtalker_core.faces.nets.retinaface import RetinaFace
from sadtalker_core.faces.nets.s3fd import S3fd
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.systems.videoretalking.fast import choose_dtype, quicken
from sadtalker_core.systems.videoretalking.nets.dnet import DNet
from sadtalker_core.systems.videoretalking.nets.enet import ENet


@dataclass(frozen=True)
class Part:
    """A network: what it is fed, and how often a frame needs it, theirs and ours."""

    name: str
    build: Callable[[], nn.Module]
    shapes: tuple[tuple[int, ...], ...]
    theirs: int
    ours: int
    is_quickened: bool = True


_FRAME = (1, 3, 480, 640)
_PARTS = (
    Part("DNet", DNet, ((1, 3, 256, 256), (1, 73, 26)), 1, 1, False),
    Part("net_recon", Recon3D, ((1, 3, 224, 224),), 1, 1, False),
    Part("ENet with LNet", ENet, ((1, 1, 80, 16), (1, 6, 384, 384), (1, 3, 384, 384)), 1, 1),
    Part("GPEN", Gpen, ((1, 3, 512, 512),), 1, 1),
    Part("GFPGAN", Gfpgan, ((1, 3, 512, 512),), 1, 1),
    Part("ParseNet", ParseNet, ((1, 3, 512, 512),), 3, 1),
    Part("S3FD on the frame", S3fd, (_FRAME,), 1, 0, False),
    Part("S3FD at 256", S3fd, ((1, 3, 256, 256),), 2, 0, False),
    Part("FAN", Fan68, ((1, 3, 256, 256),), 2, 0, False),
    Part("RetinaFace on the frame", RetinaFace, (_FRAME,), 2, 0, False),
    Part("RetinaFace at 256", RetinaFace, ((1, 3, 256, 256),), 1, 0, False),
)


def _seconds(net: nn.Module, given: list[Tensor], repeat: int) -> float:
    best = float("inf")
    for _ in range(repeat):
        begun = time.process_time()
        net(*given)
        best = min(best, time.process_time() - begun)
    return best


def _fast(net: nn.Module, dtype: torch.dtype) -> nn.Module:
    if isinstance(net, (Gfpgan, Gpen, ParseNet)):
        return fast_form(net, dtype)
    return quicken(net, dtype)


def _tracker_seconds(repeat: int) -> float:
    """Our tracker's networks once: mesh and two irises."""
    nets = load_face_nets()
    faces: list[tuple[Any, Tensor]] = [
        (nets.mesh, torch.rand(1, 3, 192, 192)),
        (nets.iris, torch.rand(2, 3, 64, 64)),
    ]
    return sum(_seconds(net, [given], repeat + 1) for net, given in faces)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    dtype = choose_dtype(options.precision, torch.device("cpu"))
    print(f"commit {commit()}, one thread, processor seconds of a call; products in {dtype}")
    print(f"{'network':26}{'plain':>8}{'fast':>8}{'calls theirs':>14}{'ours':>6}")
    theirs = ours = 0.0
    with torch.inference_mode():
        for part in _PARTS:
            net = part.build().eval()
            given = [torch.rand(shape) for shape in part.shapes]
            plain = fast = _seconds(net, given, options.repeat)
            if part.is_quickened:
                fast = _seconds(_fast(net, dtype), given, options.repeat)
            theirs += part.theirs * plain
            ours += part.ours * fast
            print(f"{part.name:26}{plain:8.2f}{fast:8.2f}{part.theirs:14}{part.ours:6}", flush=True)
        tracked = _tracker_seconds(options.repeat)
    ours += tracked
    print(f"{'our tracker':26}{'':8}{tracked:8.2f}{0:14}{1:6}")
    print(f"a frame: theirs {theirs:.1f} s, ours {ours:.1f} s, {theirs / ours:.2f} times as fast")


if __name__ == "__main__":
    main()
