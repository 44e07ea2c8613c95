"""Draw every slider on the demo portrait: ``python -m tools.slider_sheet``.

Writes docs/images/sliders/<name>.jpg, five values of each slider with the built-in engine, for
docs/editing.md.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from sadtalker_core.expression_sliders import ExpressionSliders
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.options import OptionSpec, option_specs
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.lite.config import LiteDriveOptions, LiteRenderOptions
from sadtalker_core.systems.lite.pipeline import drive, prepare
from sadtalker_core.systems.lite.render import PreparedPortrait

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "images" / "sliders"
SIDE, VALUES = 168, 5
HEAD, FACE = (112, 12, 336, 236), (152, 40, 304, 192)  # x0, y0, x1, y1 in the demo portrait
MIDDLE = {"mov_z": 1.0}


def values_of(spec: OptionSpec) -> list[float]:
    """From the lowest value of a slider to its highest, with the one that changes nothing."""
    low, high = spec.low or 0.0, spec.high or 0.0
    if low >= 0 and spec.name not in MIDDLE:
        return [round(v, 3) for v in np.linspace(low, high, VALUES).tolist()]
    middle = MIDDLE.get(spec.name, 0.0)
    found = [low, (low + middle) / 2, middle, (middle + high) / 2, high]
    return [round(value, 3) for value in found]


def strip(portrait: PreparedPortrait, name: str, values: list[float]) -> Image.Image:
    """The values of one slider side by side."""
    sheet = Image.new("RGB", (SIDE * len(values), SIDE))
    x0, y0, x1, y1 = HEAD if name.startswith(("rotate", "mov")) else FACE
    for column, value in enumerate(values):
        sliders = ExpressionSliders.of(**{name: value})
        stream = drive(portrait, None, LiteDriveOptions(), sliders, 1, Fraction(25), Runtime())
        frame = stream.collect().frames[0, :, y0:y1, x0:x1].permute(1, 2, 0).numpy()
        tile = Image.fromarray(np.ascontiguousarray(frame))
        sheet.paste(tile.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (column * SIDE, 0))
        ImageDraw.Draw(sheet).text((column * SIDE + 5, 4), f"{value:g}", fill=(20, 20, 20))
    return sheet


def main() -> int:
    rgb = read_picture(ROOT / "sadtalker_core" / "data" / "demo" / "portrait.png").flattened()
    portrait = prepare(rgb, find_faces(load_face_nets(), rgb)[0], LiteRenderOptions())
    OUT.mkdir(parents=True, exist_ok=True)
    for spec in option_specs(ExpressionSliders):
        strip(portrait, spec.name, values_of(spec)).save(OUT / f"{spec.name}.jpg", quality=80)
    print(OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
