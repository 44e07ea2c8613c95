"""Fit the lines of ``faces/ratios.py`` from LivePortrait's templates and the clips beside them:

    python -m sadtalker_core.training.fit_ratios --pairs clip.mp4=template.pkl ...

A template holds how far the original's landmarks saw eyes and lips open in each frame; our own
tracker measures the same frames. For the eyes, slope and rest are those of the least squares, every
clip counting alike; how far clips are off that were left out of the fit is printed too. For the
lips, rest is given and the slope is fitted on frames in which the original sees them open: on
pursed lips our mesh shows a gap that is none, and a free rest would hide small openings from it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import MediaError
from ..faces.face import Face
from ..faces.networks import FaceNets, load_face_nets
from ..faces.ratios import eye_openings, lip_opening, opening_ratios
from ..faces.track import FaceTracker
from ..media.video_in import open_video
from ..transfer.motion_templates import load_template

_OPEN = 0.05  # a ratio of the lips above which they are open


@dataclass(frozen=True)
class Openings:
    """One clip, seen twice.

    Attributes:
        name: of the clip.
        ours: (F,) openings of our tracker.
        wanted: (F,) the original's ratios.
    """

    name: str
    ours: Tensor
    wanted: Tensor


def read_pair(clip: Path, template: Path, nets: FaceNets) -> tuple[Openings, Openings, Openings]:
    """Eyes (both in one row) and lips of a clip, and the lips' ratios as ``faces/ratios.py`` has
    them now, with the picture's help.

    Raises ``MediaError`` when the template holds no ratios or other frames than the clip.
    """
    motion = load_template(template)
    if motion.eye_ratios is None or motion.lip_ratio is None:
        raise MediaError(f"{template} holds no ratios of eyes and lips; use another template.")
    tracker = FaceTracker(nets)
    faces: list[Face] = []
    final: list[Tensor] = []
    for chunk in open_video(clip).frames(8):
        for rgb in chunk:
            tracked = tracker.update(rgb)
            if tracked is None:
                raise MediaError(f"{clip} begins without a face; use another clip.")
            faces.append(tracked.face)
            final.append(opening_ratios(tracked.face, rgb)[1])
    if len(faces) != len(motion):
        raise MediaError(f"{clip} has {len(faces)} frames, {template} has {len(motion)}.")
    eyes = torch.stack([eye_openings(face.eyes_px) for face in faces])
    lips = torch.stack([lip_opening(face.mesh_px) for face in faces])
    return (
        Openings(clip.stem, eyes.flatten().double(), motion.eye_ratios.flatten().double()),
        Openings(clip.stem, lips.flatten().double(), motion.lip_ratio.flatten().double()),
        Openings(clip.stem, torch.cat(final).double(), motion.lip_ratio.flatten().double()),
    )


def line(slope: float, rest: float, ours: Tensor) -> Tensor:
    """Ratios of openings."""
    return slope * (ours - rest).clamp(min=0)


def fit_line(clips: Sequence[Openings]) -> tuple[float, float]:
    """Slope and rest with the least mean square over clips, by trying rests of 0 to 0.2."""
    best = (float("inf"), 0.0, 0.0)
    for step in range(201):
        rest = step / 1000
        parts = [((clip.ours - rest).clamp(min=0), clip.wanted) for clip in clips]
        across = sum(float((x * y).mean()) for x, y in parts)
        square = sum(float((x * x).mean()) for x, _ in parts)
        slope = across / max(square, 1e-12)
        error = sum(float(((slope * x - y) ** 2).mean()) for x, y in parts)
        best = min(best, (error, slope, rest))
    return best[1], best[2]


def fit_slope(clips: Sequence[Openings], rest: float) -> float:
    """Slope with the least squares over frames that are open in the original's eyes."""
    x = torch.cat([clip.ours[clip.wanted > _OPEN] for clip in clips]) - rest
    y = torch.cat([clip.wanted[clip.wanted > _OPEN] for clip in clips])
    return float((x * y).sum() / (x * x).sum().clamp(min=1e-12))


def errors_of(clip: Openings, slope: float, rest: float) -> tuple[float, float]:
    """Root mean square and correlation of the fitted ratios of one clip."""
    found = line(slope, rest, clip.ours)
    rows = torch.stack((found, clip.wanted))
    return float((found - clip.wanted).square().mean().sqrt()), float(torch.corrcoef(rows)[0, 1])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", nargs="+", required=True, help="clip=template, two or more")
    parser.add_argument("--lip-rest", type=float, default=0.06, help="opening of closed lips")
    chosen = parser.parse_args(arguments)
    nets = load_face_nets()
    pairs = [text.rpartition("=") for text in chosen.pairs]
    read = [read_pair(Path(clip), Path(template), nets) for clip, _, template in pairs]
    eyes, lips, final = ([row[i] for row in read] for i in range(3))
    slope, rest = fit_line(eyes)
    print(f"_EYE_SLOPE, _EYE_REST = {slope:.3f}, {rest:.3f}")
    for i, clip in enumerate(eyes):
        off, alike = errors_of(clip, *fit_line(eyes[:i] + eyes[i + 1 :]))
        print(f"# eyes of {clip.name}, left out: off by {off:.3f}, correlation {alike:.2f}")
    slope = fit_slope(lips, chosen.lip_rest)
    print(f"_LIP_SLOPE, _LIP_REST = {slope:.3f}, {chosen.lip_rest:.3f}")
    for what, clips, numbers in (
        ("lips", lips, (slope, chosen.lip_rest)),
        ("lips, with the picture's help,", final, (1.0, 0.0)),
    ):
        for clip in clips:
            off, alike = errors_of(clip, *numbers)
            print(f"# {what} of {clip.name}: off by {off:.3f}, correlation {alike:.2f}")


if __name__ == "__main__":
    main()
