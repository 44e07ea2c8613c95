"""Draw the pack's icon and banner: ``python -m tools.brand_pictures``.

Writes docs/images/icon.png (400 x 400) and docs/images/banner.png (1260 x 540, 21:9) for the
node registry. Drawn, not photographed: nobody's face stands for the pack.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "images"
ICON_PX, BANNER_PX = 400, (1260, 540)
FINER = 4  # drawn larger and averaged, for smooth edges

NIGHT, DUSK = (24, 26, 54), (73, 46, 110)
GOLD, CREAM, HAIR, INK, CORAL = (
    (240, 190, 94),
    (250, 222, 196),
    (92, 52, 60),
    (44, 30, 48),
    (240, 96, 92),
)
# Heights of the bars that are the mouth, as a part of the face: a syllable after another.
MOUTHS = (
    (0.03, 0.07, 0.13, 0.20, 0.13, 0.07, 0.03),
    (0.05, 0.10, 0.06, 0.16, 0.08, 0.11, 0.04),
    (0.03, 0.05, 0.09, 0.06, 0.10, 0.05, 0.03),
)


def background(width: int, height: int) -> Image.Image:
    """From night above to dusk below."""
    down = np.linspace(0, 1, height)[:, None, None]
    rows = np.array(NIGHT) * (1 - down) + np.array(DUSK) * down
    return Image.fromarray(np.broadcast_to(rows, (height, width, 3)).round().astype(np.uint8))


def draw_portrait(pen: ImageDraw.ImageDraw, x: float, y: float, size: float, mouth: int) -> None:
    """A framed face around (x, y), ``size`` high; its mouth is a sound."""

    def oval(at: tuple[float, float], half: tuple[float, float], fill: tuple[int, ...]) -> None:
        cx, cy = x + at[0] * size, y + at[1] * size
        rx, ry = half[0] * size, half[1] * size
        pen.ellipse((cx - rx, cy - ry, cx + rx, cy + ry), fill=fill)

    oval((0, 0), (0.43, 0.5), GOLD)
    oval((0, 0), (0.395, 0.465), (58, 44, 92))
    oval((0, -0.06), (0.275, 0.335), HAIR)
    oval((0, 0.03), (0.235, 0.31), CREAM)
    fringe = [
        (x + math.cos(a) * 0.262 * size, y - 0.09 * size + math.sin(a) * 0.285 * size)
        for a in np.linspace(math.pi, 2 * math.pi, 40)
    ]
    pen.polygon([*fringe, (x + 0.1 * size, y - 0.17 * size)], fill=HAIR)
    for side in (-1, 1):
        oval((side * 0.1, -0.01), (0.026, 0.034), INK)
        oval((side * 0.1 + 0.009, -0.022), (0.009, 0.011), (255, 255, 255))
        brow = (x + side * 0.1 * size, y - 0.085 * size)
        box = (brow[0] - 0.05 * size, brow[1], brow[0] + 0.05 * size, brow[1] + 0.06 * size)
        pen.arc(box, 200, 340, fill=HAIR, width=round(0.014 * size))
    bars = MOUTHS[mouth % len(MOUTHS)]
    step, half = 0.036 * size, 0.0115 * size
    for index, height in enumerate(bars):
        middle = x + (index - (len(bars) - 1) / 2) * step
        reach = height * size / 2
        box = (middle - half, y + 0.165 * size - reach, middle + half, y + 0.165 * size + reach)
        pen.rounded_rectangle(box, radius=half, fill=CORAL)


def icon() -> Image.Image:
    """The emblem alone, with round corners."""
    side = ICON_PX * FINER
    picture = background(side, side)
    draw_portrait(ImageDraw.Draw(picture), side / 2, side / 2, side * 0.88, 0)
    corners = Image.new("L", (side, side))
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, side - 1, side - 1), side * 0.16, fill=255)
    picture.putalpha(corners)
    return picture.resize((ICON_PX, ICON_PX), Image.Resampling.LANCZOS)


def banner() -> Image.Image:
    """The name beside three portraits in the middle of a word."""
    width, height = (value * FINER for value in BANNER_PX)
    picture = background(width, height)
    pen = ImageDraw.Draw(picture)
    title = ImageFont.load_default(height * 0.155)
    line = ImageFont.load_default(height * 0.058)
    left = width * 0.055
    pen.text((left, height * 0.27), "Talking", font=title, fill=CREAM)
    pen.text((left, height * 0.44), "Portraits", font=title, fill=CREAM)
    pen.text((left, height * 0.665), "One picture and one voice", font=line, fill=GOLD)
    pen.text((left, height * 0.74), "become a talking video", font=line, fill=GOLD)
    for index in (0, 2, 1):  # the middle one in front
        size = height * (0.56, 0.68, 0.56)[index]
        draw_portrait(pen, width * (0.515 + 0.185 * index), height * 0.5, size, index)
    return picture.resize(BANNER_PX, Image.Resampling.LANCZOS)


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    icon().save(OUT / "icon.png", optimize=True)
    banner().save(OUT / "banner.png", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
