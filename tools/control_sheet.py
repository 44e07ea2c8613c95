"""Draw each control of the built-in engine on the demo portrait: ``python -m tools.control_sheet``.

Writes docs/images/controls.jpg, by which changes of the renderer are judged by eye.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import LiteMotion
from sadtalker_core.systems.lite.config import LiteRenderOptions
from sadtalker_core.systems.lite.pipeline import animate, prepare

ROOT = Path(__file__).resolve().parent.parent
PART, SIDE, COLUMNS = (112, 12, 336, 236), 224, 6
CONTROLS: dict[str, dict[str, float | tuple[float, ...]]] = {
    "at rest": {},
    "open 0.05": {"open": 0.05, "jaw": 0.03},
    "open 0.09": {"open": 0.09, "jaw": 0.055},
    "open 0.14": {"open": 0.14, "jaw": 0.09},
    "wide": {"open": 0.05, "jaw": 0.03, "width": 0.08},
    "pucker": {"open": 0.04, "jaw": 0.02, "pucker": 1.0},
    "pressed": {"press": 1.0},
    "corners up": {"corners": 0.04},
    "lids half": {"lids": (0.5, 0.5)},
    "lids closed": {"lids": (1.0, 1.0)},
    "gaze": {"gaze": (0.03, 0.0)},
    "brows": {"brows": (0.05, 0.05)},
    "yaw": {"rotation_rad": (0.0, 0.2, 0.0)},
    "yaw back": {"rotation_rad": (0.0, -0.2, 0.0)},
    "pitch": {"rotation_rad": (0.15, 0.0, 0.0)},
    "pitch back": {"rotation_rad": (-0.15, 0.0, 0.0)},
    "roll": {"rotation_rad": (0.0, 0.0, 0.12)},
}


def main() -> int:
    rgb = read_picture(ROOT / "sadtalker_core" / "data" / "demo" / "portrait.png").flattened()
    prepared = prepare(rgb, find_faces(load_face_nets(), rgb)[0], LiteRenderOptions())
    motion = LiteMotion.rest(len(CONTROLS), Fraction(25))
    for index, values in enumerate(CONTROLS.values()):
        for name, value in values.items():
            getattr(motion, name)[index] = torch.tensor(value)
    frames = [rgb, *animate(prepared, motion, Runtime()).collect().frames]
    rows = -(-len(frames) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * SIDE))
    x0, y0, x1, y1 = PART
    for index, (title, frame) in enumerate(zip(["picture", *CONTROLS], frames, strict=True)):
        part = np.ascontiguousarray(frame[:, y0:y1, x0:x1].permute(1, 2, 0).numpy())
        place = (index % COLUMNS * SIDE, index // COLUMNS * SIDE)
        sheet.paste(Image.fromarray(part), place)
        ImageDraw.Draw(sheet).text((place[0] + 5, place[1] + 4), title, fill=(20, 20, 20))
    path = ROOT / "docs" / "images" / "controls.jpg"
    sheet.save(path, quality=82)
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
