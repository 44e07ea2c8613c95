"""Draw our ratios of eyes and lips beside LivePortrait's own, over the frames of clips:

    python -m tools.ratio_plot --pairs clip.mp4=template.pkl ...

Writes docs/images/liveportrait-ratios.png. Blue is our tracker, red the original's template.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.faces.ratios import opening_ratios
from sadtalker_core.faces.track import FaceTracker
from sadtalker_core.media.video_in import open_video
from sadtalker_core.transfer.motion_templates import load_template

OUT = Path(__file__).resolve().parent.parent / "docs" / "images" / "liveportrait-ratios.png"
WIDTH, HEIGHT, MARGIN = 1000, 150, 26
OURS, THEIRS = (40, 80, 210), (215, 70, 40)


def strip(title: str, ours: Tensor, theirs: Tensor) -> Image.Image:
    """One diagram from 0 to the highest value."""
    sheet = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    most = max(float(ours.max()), float(theirs.max()), 0.1)
    for rows, colour in ((theirs, THEIRS), (ours, OURS)):
        across = torch.linspace(MARGIN, WIDTH - MARGIN, len(rows)).tolist()
        down = (HEIGHT - 12 - rows / most * (HEIGHT - MARGIN - 12)).tolist()
        draw.line(list(zip(across, down)), fill=colour, width=2)
    draw.line((MARGIN, HEIGHT - 12, WIDTH - MARGIN, HEIGHT - 12), fill=(190, 190, 190))
    draw.text((MARGIN, 6), f"{title}, 0 to {most:.2f}", fill=(0, 0, 0))
    return sheet


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", nargs="+", required=True, help="clip=template")
    nets = load_face_nets("cpu")
    strips: list[Image.Image] = []
    for text in parser.parse_args(arguments).pairs:
        clip, _, template = text.rpartition("=")
        motion = load_template(Path(template))
        assert motion.eye_ratios is not None
        assert motion.lip_ratio is not None
        tracker = FaceTracker(nets)
        seen: list[tuple[Tensor, Tensor]] = []
        for chunk in open_video(Path(clip)).frames(8):
            for rgb in chunk:
                tracked = tracker.update(rgb)
                assert tracked is not None
                seen.append(opening_ratios(tracked.face, rgb))
        eyes, lips = (torch.stack(rows) for rows in zip(*seen))
        name = Path(clip).stem
        for i, side in enumerate(("left", "right")):
            strips.append(strip(f"{name}, {side} eye", eyes[:, i], motion.eye_ratios[:, i]))
        strips.append(strip(f"{name}, lips", lips[:, 0], motion.lip_ratio[:, 0]))
    sheet = Image.new("RGB", (WIDTH, HEIGHT * len(strips)), "white")
    for row, part in enumerate(strips):
        sheet.paste(part, (0, row * HEIGHT))
    OUT.parent.mkdir(exist_ok=True)
    sheet.quantize(16).save(OUT, optimize=True)
    print(OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
