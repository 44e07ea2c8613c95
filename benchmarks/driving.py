"""How well a driven portrait follows its driver: ``python -m benchmarks.driving --clips *.mp4``.

Each clip drives a picture: its own calmest frame, and whatever ``--portraits`` name. The result is
tracked like the clip was, and both are compared: correlation over time of the mouth's opening,
its width, both lids (mean), gaze to the side, brows (mean), and the three angles of the head. A
control that the driver hardly moves says nothing and is left out (-).
Also: seconds a frame to track and to render. Target: opening and lids above 0.8 where the clip
drives itself.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from sadtalker_core.expression_sliders import ExpressionSliders
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.media.video_in import open_video
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import LiteMotion
from sadtalker_core.systems.lite.config import LiteDriveOptions, LiteRenderOptions
from sadtalker_core.systems.lite.driver import motion_from_driver
from sadtalker_core.systems.lite.driver_rows import read_driver
from sadtalker_core.systems.lite.pipeline import drive, prepare

# Spread of a control in the driver below which it says nothing: E, or radians.
STILL = {
    "open": 0.012,
    "width": 0.01,
    "lids": 0.06,
    "gaze x": 0.008,
    "brows": 0.006,
    "pitch": 0.02,
    "yaw": 0.02,
    "roll": 0.02,
}


def controls(motion: LiteMotion) -> dict[str, Tensor]:
    """(T,) of each control that is compared."""
    return {
        "open": motion.open,
        "width": motion.width,
        "lids": motion.lids.mean(1),
        "gaze x": motion.gaze[:, 0],
        "brows": motion.brows.mean(1),
        "pitch": motion.rotation_rad[:, 0],
        "yaw": motion.rotation_rad[:, 1],
        "roll": motion.rotation_rad[:, 2],
    }


def calmest(motion: LiteMotion) -> int:
    """The frame that is most like rest."""
    off = torch.stack([value / STILL[name] for name, value in controls(motion).items()])
    return int(off.square().sum(0).argmin())


def correlation(a: Tensor, b: Tensor) -> float:
    """Of two curves (T,)."""
    a, b = a.double() - a.double().mean(), b.double() - b.double().mean()
    return float((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-12))


def frame_of(path: Path, index: int) -> Tensor:
    """One frame (3, H, W) of a video."""
    seen = 0
    for chunk in open_video(path).frames(8):
        if index < seen + len(chunk):
            return chunk[index - seen]
        seen += len(chunk)
    raise IndexError(f"{path} has {seen} frames")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, nargs="+", required=True)
    parser.add_argument("--portraits", type=Path, nargs="*", default=[])
    parser.add_argument("--most", type=int, default=200, help="frames of each clip")
    args = parser.parse_args()
    nets, runtime, options = load_face_nets(), Runtime(), LiteDriveOptions()
    print(f"{'clip':24}{'portrait':24}" + "".join(f"{name:>8}" for name in STILL) + "  s/frame")
    for clip in args.clips:
        video = open_video(clip)
        began = time.perf_counter()
        rows = read_driver(
            _first(video.frames(8), args.most), video.fps, FaceOptions(), runtime, nets
        )
        tracking = (time.perf_counter() - began) / len(rows)
        motion = motion_from_driver(rows, options)
        calm = calmest(motion)
        pictures = {"itself": frame_of(clip, calm)}
        pictures |= {path.stem: read_picture(path).flattened() for path in args.portraits}
        for name, rgb in pictures.items():
            faces = find_faces(nets, rgb)
            if not faces:
                print(f"{clip.stem[:22]:24}{name[:22]:24}no face")
                continue
            shown = LiteRenderOptions(frame="resize", frame_size=min(720, max(rgb.shape[1:])))
            portrait = prepare(rgb, faces[0], shown)
            began = time.perf_counter()
            stream = drive(
                portrait, motion, options, ExpressionSliders(), len(motion), motion.fps, runtime
            )
            frames = list(stream)
            rendering = (time.perf_counter() - began) / len(rows)
            result = motion_from_driver(
                read_driver(frames, motion.fps, FaceOptions(), runtime, nets), options
            )
            print(f"{clip.stem[:22]:24}{name[:22]:24}" + _row(motion, result), end="")
            print(f"  {tracking:.3f} + {rendering:.3f}", flush=True)
    return 0


def _row(driver: LiteMotion, result: LiteMotion) -> str:
    text = ""
    given, found = controls(driver), controls(result)
    for name, least in STILL.items():
        moves = float(given[name].std()) > least
        text += f"{correlation(given[name], found[name]):8.2f}" if moves else f"{'-':>8}"
    return text


def _first(chunks: Iterator[Tensor], count: int) -> Iterator[Tensor]:
    for chunk in chunks:
        yield chunk[:count]
        count -= len(chunk)
        if count <= 0:
            return


if __name__ == "__main__":
    sys.exit(main())
