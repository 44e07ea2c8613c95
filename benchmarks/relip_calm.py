"""Seam and flicker of new lips, on clips of one's own.

    python -m benchmarks.relip_calm CLIP [CLIP ...] [--frames 16]

The built-in engine is whole. The networks of VideoReTalking and Wav2Lip are stand-ins that paint
what they see, so that what is measured is what these engines do besides: cutting out, steadying,
blending, pasting. For the seam they paint it lighter by 15 levels and lower by a hundredth of its
height; a hard edge in plain skin would have 12 to 15. Flicker is over that of the clip
(``metrics.flicker``), of the face and of the mouth; the motion of new speech counts as well.
``texture`` is flicker of the mouth with a stand-in for GFPGAN and one for GPEN that add texture
which stands still in the crop, with smoothing ``steady`` and ``none``: it shows how crops tremble.
The enhancer's seam is that of a face restored 15 levels lighter, with its colours.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.animate import describe_machine
from benchmarks.paired import commit
from sadtalker_core.enhance.align import ffhq_points
from sadtalker_core.enhance.frames import enhance_frames
from sadtalker_core.enhance.load import Enhancer
from sadtalker_core.enhance.options import EnhanceOptions
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.media.video_in import open_video
from sadtalker_core.metrics.flicker import compare_flicker
from sadtalker_core.metrics.seam import change_seam
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import FrameStream
from tests.jobs.new_lips import (
    LIGHTER,
    as_it_is,
    by_lite,
    by_videoretalking,
    by_wav2lip,
    lower_and_lighter,
)
from tests.systems.videoretalking.stand_ins import stand_ins, textured

_PAINTING = {"videoretalking": by_videoretalking, "wav2lip": by_wav2lip}


def _row(name: str, calm: Tensor, seamed: Tensor, frames: Tensor, nets: FaceNets) -> None:
    seams = change_seam(seamed, frames)
    face, mouth = (
        compare_flicker([frames], [calm], nets, region).ratio for region in ("face", "mouth")
    )
    print(
        f"  {name:16}seam {seams.mean():5.2f}, worst {seams.max():5.2f}   "
        f"flicker of the face {face:.2f}, of the mouth {mouth:.2f}",
        flush=True,
    )


def _enhanced(frames: Tensor, fps: Fraction, nets: FaceNets) -> Tensor:
    size = int(frames.shape[2]), int(frames.shape[3])
    lighter = Enhancer(
        "stand-in", lambda faces: faces + 2 * LIGHTER, 512, ffhq_points(512), torch.device("cpu")
    )
    options = EnhanceOptions(keep_colour=False, enhance_strength=1.0)
    stream = FrameStream(iter(frames.split(8)), len(frames), size, fps)
    return torch.cat(list(enhance_frames(stream, nets, lighter, options, Runtime()).frames))


def main() -> None:
    """Print the measures of every clip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=16)
    args = parser.parse_args()
    torch.set_num_threads(1)
    nets = load_face_nets()
    print(f"commit {commit()}, {describe_machine()}")
    for clip in args.clips:
        video = open_video(clip)
        chunks = [chunk for chunk, _ in zip(video.frames(8), range(0, args.frames, 8))]
        frames, fps = torch.cat(chunks)[: args.frames], video.fps
        print(f"{clip.name}, {frames.shape[3]}x{frames.shape[2]}, {len(frames)} frames")
        spoken = by_lite(frames, nets, fps)
        _row("built-in", spoken, spoken, frames, nets)
        for name, engine in _PAINTING.items():
            made = functools.partial(engine, frames, nets, fps=fps)
            _row(name, made(as_it_is), made(lower_and_lighter), frames, nets)
        hard = by_wav2lip(frames, nets, lower_and_lighter, fps, paste="hard")
        _row("wav2lip, hard", by_wav2lip(frames, nets, fps=fps, paste="hard"), hard, frames, nets)
        brighter = _enhanced(frames, fps, nets)
        seams = change_seam(brighter, frames)
        print(f"  {'enhance':16}seam {seams.mean():5.2f}, worst {seams.max():5.2f}", flush=True)
        networks: dict[str, Callable[[], Any]] = {
            "GFPGAN": lambda: stand_ins(nets, restore=textured),
            "GPEN": lambda: stand_ins(nets, sharpen=textured),
        }
        for name, build in networks.items():
            ratios = [
                compare_flicker(
                    [frames],
                    [by_videoretalking(frames, build(), fps=fps, smoothing=smoothing)],
                    nets,
                    "mouth",
                ).ratio
                for smoothing in ("steady", "none")
            ]
            print(f"  texture, {name:7}steady {ratios[0]:.2f}, none {ratios[1]:.2f}", flush=True)


if __name__ == "__main__":
    main()
