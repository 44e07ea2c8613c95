"""Flicker of restored faces over that of the frames they were made from.

    python -m benchmarks.enhancer_flicker CLIP [CLIP ...] [--frames 20]

Published weights are not needed: stand-in networks sharpen, and add texture that hangs on the last
bits of what they see, so that it is drawn anew in each frame. 1.1 is what the project aims at.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from sadtalker_core.enhance.align import ffhq_points
from sadtalker_core.enhance.frames import enhance_frames
from sadtalker_core.enhance.load import Enhancer
from sadtalker_core.enhance.options import EnhanceOptions
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.geometry.filters import blur
from sadtalker_core.media.video_in import open_video
from sadtalker_core.metrics.flicker import compare_flicker
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import FrameStream

SIZE = 512
# How much is sharpened, and how strong the texture is.
TEXTURES = {"none": (1.0, 0.0), "a little": (0.8, 0.06), "a lot": (1.0, 0.12)}


def stand_in(sharpening: float, strength: float) -> Callable[[Tensor], Tensor]:
    """A network (N, 3, 512, 512) in [-1, 1] -> the same, that also makes it a little lighter."""
    torch.manual_seed(0)
    inner, outer = torch.randn(8, 1, 5, 5), torch.randn(1, 8, 3, 3) / 5

    def restore(x: Tensor) -> Tensor:
        grey = x.mean(1, keepdim=True)
        waves = torch.sin(F.conv2d((grey - blur(grey, 9, 2.0)) * 12, inner, padding=2) * 3)
        texture = F.conv2d(waves, outer, padding=1)
        return x + sharpening * (x - blur(x, 13, 2.5)) + strength * texture + 0.08

    return restore


def main() -> None:
    """Measure each clip with each texture, frame by frame and with the default steadiness."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=20)
    args = parser.parse_args()
    nets, device = load_face_nets(), torch.device("cpu")
    for clip in args.clips:
        video = open_video(clip)
        rgb = torch.cat([chunk for chunk, _ in zip(video.frames(8), range(0, args.frames, 8))])
        rgb = rgb[: args.frames]
        for texture, parts in TEXTURES.items():
            for steady in (0.0, EnhanceOptions().enhance_steady):
                stream = FrameStream(iter(rgb.split(8)), len(rgb), video.size, video.fps)
                net = Enhancer("stand-in", stand_in(*parts), SIZE, ffhq_points(SIZE), device)
                options = EnhanceOptions(enhance_steady=steady)
                made = enhance_frames(stream, nets, net, options, Runtime(chunk=4)).frames
                found = compare_flicker(rgb.split(8), torch.cat(list(made)).split(8), nets)
                sys.stdout.write(
                    f"{clip.name}, texture {texture}, steady {steady:g}: {found.ratio:.2f} of the "
                    f"input's flicker, likeness {found.likeness:.3f}\n"
                )


if __name__ == "__main__":
    main()
