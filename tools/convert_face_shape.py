"""Make sadtalker_core/faces/data/face_shape.safetensors: the neutral face and its triangles.

Run once by a developer. Sources, both of MediaPipe (Apache-2.0):
the vertices of mediapipe/modules/face_geometry/data/canonical_face_model.obj (sha256 below), and
the triangles of the face mesh as a JSON list of 852 index triples: the closed loops of three edges
of FACEMESH_TESSELATION in mediapipe/python/solutions/face_mesh_connections.py. Eyes and mouth are
holes.

    python tools/convert_face_shape.py canonical_face_model.obj face_mesh_triangles.json
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

OUT = Path(__file__).resolve().parents[1] / "sadtalker_core/faces/data/face_shape.safetensors"
OBJ_SHA256 = "8bac80443397e113f41a8b565ea72c59390bc031d9defab289dba7bc0c54e618"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("obj", type=Path)
    parser.add_argument("triangles", type=Path)
    arguments = parser.parse_args()
    text = arguments.obj.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    if digest != OBJ_SHA256:
        raise SystemExit(f"{arguments.obj} has sha256 {digest}, expected {OBJ_SHA256}")
    rows = [line.split()[1:] for line in text.decode().splitlines() if line.startswith("v ")]
    canonical = torch.tensor([[float(number) for number in row] for row in rows])
    # the file has y up and z toward the viewer; pictures have y down and z away
    canonical = canonical * torch.tensor([1.0, -1.0, -1.0])
    triangles = torch.tensor(json.loads(arguments.triangles.read_text()), dtype=torch.int16)
    save_file(
        {"canonical": canonical.contiguous(), "triangles": triangles},
        OUT,
        {"licence": "MediaPipe, Apache-2.0"},
    )
    OUT.chmod(0o644)
    print(f"{OUT}: {len(canonical)} points, {len(triangles)} triangles")


if __name__ == "__main__":
    main()
