"""Seams and speed of both ways to paste a face back: ``python -m benchmarks.composite PICTURES``.

PICTURES is a folder of portraits. From each the face is cut as SadTalker's full modes cut it; the
built-in engine then animates the cut-out as if that were all there is, so that hair, neck and
shoulders move at its border as a neural renderer moves them, and every frame is pasted back.

Columns, each for still heads (only the face moves) and for moving ones:

- seam: ``metrics.seam.seam_energy`` in levels of 255, mean over frames; ``hard`` is the crop
  copied into its box, ``blend`` a soft edge alone;
- tint: by how many levels pasting changes the mean colour of the middle of the face;
- fps: frames a second of ``composite``, the whole frame included, from the quickest pair.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sadtalker_core.errors import TalkingPortraitsError
from sadtalker_core.faces.composite import CompositeOptions, composite
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.landmarks98 import mesh_to_68
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.media.pictures import read_picture, write_picture
from sadtalker_core.metrics.seam import seam_energy
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import LiteMotion
from sadtalker_core.systems.lite.config import LiteRenderOptions
from sadtalker_core.systems.lite.pipeline import animate, prepare
from sadtalker_core.systems.sadtalker.crop import cut, plan_crop

WAYS = {
    "soft": CompositeOptions(),
    "blend": CompositeOptions(bend=False, match_colour=False),
    "poisson": CompositeOptions(paste="poisson"),
}
_STEP = 4  # every fourth frame of 25 a second: different poses


@dataclasses.dataclass(frozen=True)
class Sequence:
    """One portrait whose crop was animated."""

    picture: Tensor  # (3, H, W) uint8
    faces: Tensor  # (N, 3, S, S)
    box: tuple[float, float, float, float]


def speaking(frames: int, amount: float) -> LiteMotion:
    """A speaking mouth and a head that turns, nods and leans by ``amount`` (1 is lively)."""
    t = torch.arange(frames * _STEP) / 25
    wave = {hz: torch.sin(2 * math.pi * hz * t + 4 * hz) for hz in (0.4, 0.5, 0.6, 0.75, 4.0)}
    return dataclasses.replace(
        LiteMotion.rest(len(t), Fraction(25)),
        open=0.04 * (1 + wave[4.0]),
        rotation_rad=amount * torch.stack((0.1 * wave[0.6], 0.13 * wave[0.4], 0.08 * wave[0.5]), 1),
        translation=amount * 0.05 * torch.stack((wave[0.5], wave[0.6], wave[0.75]), 1),
    )[::_STEP]


def sequence(path: Path, nets: FaceNets, mode: str, size: int, motion: LiteMotion) -> Sequence:
    """Cut, animate. Raises a ``TalkingPortraitsError`` where there is no such face."""
    picture = read_picture(path).flattened()
    landmarks = mesh_to_68(find_faces(nets, picture)[0].mesh_px)
    plan = plan_crop((int(picture.shape[1]), int(picture.shape[2])), landmarks, mode, size)
    crop = cut(picture, plan)
    prepared = prepare(crop, find_faces(nets, crop)[0], LiteRenderOptions())
    frames = animate(prepared, motion, Runtime()).collect().frames.float() / 255
    return Sequence(picture, frames, plan.box_px)


def hard(found: Sequence) -> Tensor:
    """The crop copied into its box."""
    x0, y0, x1, y1 = (round(value) for value in found.box)
    faces = interpolate(found.faces, size=(y1 - y0, x1 - x0), mode="bilinear", antialias=True)
    frames = found.picture[None].repeat(len(faces), 1, 1, 1)
    frames[:, :, y0:y1, x0:x1] = (faces * 255).round().to(torch.uint8)
    return frames


def middle(frames: Tensor, box: tuple[float, ...]) -> Tensor:
    """(N, 3) mean colour of the middle of the face."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    rows = slice(round(y0 + 0.42 * height), round(y0 + 0.75 * height))
    return (
        frames[..., rows, round(x0 + 0.35 * width) : round(x0 + 0.65 * width)].float().mean((2, 3))
    )


def measured(found: Sequence) -> Iterator[tuple[str, float, float, float]]:
    """Way, seam, tint, frames a second."""
    plain = hard(found)
    yield "hard", float(seam_energy(plain, found.picture, found.box).mean()), 0.0, 0.0
    for name, options in WAYS.items():
        parts: list[Tensor] = []
        shortest = math.inf
        for faces in found.faces.split(2):  # the quickest pair counts: others may use the machine
            start = time.perf_counter()
            parts.append(composite(found.picture, faces, found.box, options))
            shortest = min(shortest, (time.perf_counter() - start) / len(faces))
        frames, rate = torch.cat(parts), 1 / shortest
        tint = (middle(frames, found.box) - middle(plain, found.box)).abs().mean()
        yield name, float(seam_energy(frames, found.picture, found.box).mean()), float(tint), rate


def sheet(found: Sequence, path: Path) -> None:
    """Rows of hard, blend, poisson and soft; columns are frames, cut around the box."""
    x0, y0, x1, y1 = found.box
    margin = 0.2 * (x1 - x0)
    height, width = found.picture.shape[1:]
    rows = slice(round(max(0, y0 - margin)), round(min(height, y1 + margin)))
    columns = slice(round(max(0, x0 - margin)), round(min(width, x1 + margin)))
    ways = [hard(found)]
    ways += [
        composite(found.picture, found.faces, found.box, WAYS[way])
        for way in ("blend", "poisson", "soft")
    ]
    lines = [torch.cat(list(frames[:4, :, rows, columns]), -1) for frames in ways]
    write_picture(path, torch.cat(lines, -2))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, help="folder of portraits")
    parser.add_argument("--mode", choices=("full", "extfull"), default="full")
    parser.add_argument("--size", type=int, choices=(256, 512), default=256)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--amount", type=float, default=1.0, help="how lively moving heads are")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sheets", type=Path, help="folder for pictures of the moving heads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    nets = load_face_nets()
    ways = ("hard", *WAYS)
    print(f"{'':26}{'box':>6}" + "".join(f"{way:>9}" for way in ways) + "   (seam | tint | fps)")
    totals: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for path in sorted(arguments.pictures.iterdir()):
        for kind, amount in (("still", 0.0), ("moving", arguments.amount)):
            motion = speaking(arguments.frames, amount)
            try:
                found = sequence(path, nets, arguments.mode, arguments.size, motion)
            except (TalkingPortraitsError, IndexError):
                print(f"{path.stem[:18]:19}left out: no face that can be animated")
                break
            results = {way: numbers for way, *numbers in measured(found)}
            side = found.box[2] - found.box[0]
            for index, unit in enumerate(("seam", "tint", "fps")):
                texts = "".join(f"{results[way][index]:9.2f}" for way in ways)
                name = f"{path.stem[:18]:19}{kind:7}" if index == 0 else " " * 26
                print(
                    f"{name}{side:6.0f}{texts}   {unit}"
                    if index == 0
                    else f"{'':32}{texts}   {unit}"
                )
            for way in ways:
                seam, tint, rate = results[way]
                totals.setdefault((kind, way), []).append((seam, tint, rate))
            if arguments.sheets is not None and kind == "moving":
                arguments.sheets.mkdir(parents=True, exist_ok=True)
                sheet(found, arguments.sheets / f"{path.stem}.png")
    print("\nmean over portraits: seam, tint, fps")
    for (kind, way), numbers in totals.items():
        mean = torch.tensor(numbers).mean(0)
        print(f"  {kind:7}{way:8}{mean[0]:8.2f}{mean[1]:8.2f}{mean[2]:9.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
