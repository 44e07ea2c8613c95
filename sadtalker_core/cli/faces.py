"""The command faces: which faces a picture has, by number."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import OutputError
from ..faces.options import FaceOptions
from ..jobs.values import read_value
from ..options import option_specs
from .console import Console, table
from .flags import given_values


def run(args: argparse.Namespace, console: Console) -> int:
    """List the faces, largest first, and draw them if asked to."""
    given = given_values(args)
    options = FaceOptions(
        **{
            spec.name: read_value(spec, given[spec.name])
            for spec in option_specs(FaceOptions)
            if spec.name in given
        }
    )
    from ..faces.choose import choose_face
    from ..faces.find import find_faces
    from ..faces.networks import load_face_nets
    from ..faces.overlay import draw_faces
    from ..media.files import check_output_path
    from ..media.pictures import read_picture, write_picture

    picture = Path(args.picture)
    rgb = read_picture(picture).flattened()
    height, width = int(rgb.shape[1]), int(rgb.shape[2])
    overlay = Path(args.overlay) if args.overlay else None
    if overlay:
        if overlay.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
            raise OutputError(f"{overlay} must be a picture: .png, .jpg, .jpeg or .webp.")
        check_output_path(overlay, [picture])
    faces = find_faces(load_face_nets(), rgb, options)
    chosen = choose_face(faces, options, (height, width))
    if overlay:
        write_picture(overlay, draw_faces(rgb, faces))
    entries = [
        {
            "index": index,
            "box_px": [round(value, 1) for value in face.box_px.tolist()],
            "size_px": round(face.size_px, 1),
            "score": round(face.score, 3),
            "presence": round(face.presence, 3),
            "chosen": face is chosen,
        }
        for index, face in enumerate(faces)
    ]
    rows = [
        [
            f"{'*' if face is chosen else ' '}{index}",
            f"{face.size_px:.0f} px",
            " ".join(f"{value:.0f}" for value in face.box_px.tolist()),
            f"{face.score:.2f}",
            f"{face.presence:.2f}",
        ]
        for index, face in enumerate(faces)
    ]
    lines = [
        f"{picture}: {width}x{height}, {len(faces)} face{'s' if len(faces) != 1 else ''}",
        *table(["face", "size", "box (x0 y0 x1 y1)", "score", "presence"], rows),
        "* is the one that these options choose; others with --face-index.",
    ]
    if overlay:
        lines.append(f"Drawn in {overlay}")
    values = {"picture": str(picture), "width": width, "height": height, "faces": entries}
    console.result({**values, "overlay": str(overlay) if overlay else None}, lines)
    return 0
