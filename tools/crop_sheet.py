"""Draw SadTalker's rectangles on the demo portrait: ``python -m tools.crop_sheet``.

Writes docs/images/sadtalker-crops.jpg: what crop and extcrop cut, and what the renderer gets.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw

from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.landmarks98 import mesh_to_68
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.systems.sadtalker.crop import cut, plan_crop

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "images" / "sadtalker-crops.jpg"
SIDE = 320
COLOURS = {"crop": (255, 90, 60), "extcrop": (60, 140, 255)}


def main() -> int:
    rgb = read_picture(ROOT / "sadtalker_core" / "data" / "demo" / "portrait.png").flattened()
    face = find_faces(load_face_nets("cpu"), rgb, FaceOptions())[0]
    points = mesh_to_68(face.mesh_px)
    size = (int(rgb.shape[1]), int(rgb.shape[2]))
    whole = Image.fromarray(rgb.permute(1, 2, 0).numpy())
    tiles: list[Image.Image] = []
    draw = ImageDraw.Draw(whole)
    for mode, colour in COLOURS.items():
        plan = plan_crop(size, points, mode)
        tiles.append(Image.fromarray(cut(rgb, plan).permute(1, 2, 0).numpy()))
        x0, y0, x1, y1 = plan.box_px
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=colour, width=3)
    resized = cut(rgb, plan_crop(size, None, "resize"))
    tiles = [whole, *tiles, Image.fromarray(resized.permute(1, 2, 0).numpy())]
    names = {"the picture": (0, 0, 0), **COLOURS, "resize": (0, 0, 0)}
    sheet = Image.new("RGB", (SIDE * len(tiles), SIDE + 24), "white")
    for column, (tile, (name, colour)) in enumerate(zip(tiles, names.items())):
        sheet.paste(tile.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (column * SIDE, 0))
        ImageDraw.Draw(sheet).text((column * SIDE + 8, SIDE + 6), name, fill=colour)
    OUT.parent.mkdir(exist_ok=True)
    sheet.save(OUT, quality=85)
    print(OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
