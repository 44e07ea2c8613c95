"""The face mesh: its triangles, its neutral shape and the names of its points.

Indices are MediaPipe's. Left is the viewer's left (MediaPipe calls it right). Lines of points run
from the viewer's left to right unless they are rings.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ..geometry.pose import Similarity, fit_similarity
from ..weights.reader import read_weights
from .face import Face

POINTS = 468
SHAPE = Path(__file__).parent / "data" / "face_shape.safetensors"

# Ring, clockwise from the middle of the forehead (as seen by the viewer).
FACE_OVAL: tuple[int, ...] = (
    10,
    338,
    297,
    332,
    284,
    251,
    389,
    356,
    454,
    323,
    361,
    288,
    397,
    365,
    379,
    378,
    400,
    377,
    152,
    148,
    176,
    149,
    150,
    136,
    172,
    58,
    132,
    93,
    234,
    127,
    162,
    21,
    54,
    103,
    67,
    109,
)

# Lips, corner to corner. Outer and inner lines share no points.
LIPS_OUTER_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LIPS_OUTER_LOWER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
LIPS_INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LIPS_INNER_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)

# Eyelids, corner to corner, viewer's left eye first: outer to inner, then inner to outer.
EYE_UPPER = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (362, 398, 384, 385, 386, 387, 388, 466, 263),
)
EYE_LOWER = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133),
    (362, 382, 381, 380, 374, 373, 390, 249, 263),
)
EYE_CORNERS = ((33, 133), (362, 263))

# Brows, viewer's left brow first.
BROW_UPPER = ((70, 63, 105, 66, 107), (336, 296, 334, 293, 300))
BROW_LOWER = ((46, 53, 52, 65, 55), (285, 295, 282, 283, 276))

NOSE_BRIDGE = (168, 6, 197, 195, 5, 4)  # top to tip
NOSE_TIP = 1
NOSE_BASE = (98, 97, 2, 326, 327)
CHIN = 152
FOREHEAD = 10
MOUTH_CORNERS = (61, 291)
INNER_MOUTH_CORNERS = (78, 308)
INNER_LIPS = (13, 14)  # middle of the upper and of the lower one
EYE_OUTER = (33, 263)  # their distance is E, the unit of motion
EYE_INNER = (133, 362)
LID_MIDDLES = ((159, 145), (386, 374))
CHEEK_SIDES = (234, 454)

# Points that keep their place in the head when the face speaks or blinks: for head pose.
RIGID: tuple[int, ...] = (
    10,
    109,
    338,
    151,
    9,
    8,
    168,
    6,
    197,
    195,
    5,
    4,
    1,
    33,
    263,
    133,
    362,
    127,
    356,
    234,
    454,
    162,
    389,
    21,
    251,
    54,
    284,
    103,
    332,
    67,
    297,
    122,
    351,
    196,
    419,
    48,
    278,
    98,
    327,
    2,
    93,
    323,
    71,
    301,
    104,
    333,
)

# Mesh point of each of the 71 points of the iris net: lower lid 0 to 8 (corner to corner, outer
# first), upper lid 9 to 15 (without corners), then rings around the eye, and the brow.
_LEFT_EYE_TO_MESH: tuple[int, ...] = (
    33,
    7,
    163,
    144,
    145,
    153,
    154,
    155,
    133,
    246,
    161,
    160,
    159,
    158,
    157,
    173,
    130,
    25,
    110,
    24,
    23,
    22,
    26,
    112,
    243,
    247,
    30,
    29,
    27,
    28,
    56,
    190,
    226,
    31,
    228,
    229,
    230,
    231,
    232,
    233,
    244,
    113,
    225,
    224,
    223,
    222,
    221,
    189,
    35,
    124,
    46,
    53,
    52,
    65,
    143,
    111,
    117,
    118,
    119,
    120,
    121,
    128,
    245,
    156,
    70,
    63,
    105,
    66,
    107,
    55,
    193,
)
_RIGHT_EYE_TO_MESH: tuple[int, ...] = (
    263,
    249,
    390,
    373,
    374,
    380,
    381,
    382,
    362,
    466,
    388,
    387,
    386,
    385,
    384,
    398,
    359,
    255,
    339,
    254,
    253,
    252,
    256,
    341,
    463,
    467,
    260,
    259,
    257,
    258,
    286,
    414,
    446,
    261,
    448,
    449,
    450,
    451,
    452,
    453,
    464,
    342,
    445,
    444,
    443,
    442,
    441,
    413,
    265,
    353,
    276,
    283,
    282,
    295,
    372,
    340,
    346,
    347,
    348,
    349,
    350,
    357,
    465,
    383,
    300,
    293,
    334,
    296,
    336,
    285,
    417,
)
EYE_TO_MESH = (_LEFT_EYE_TO_MESH, _RIGHT_EYE_TO_MESH)

# The lids among those 71 points, for either eye, from the outer to the inner corner.
EYE_POINT_LOWER = (0, 1, 2, 3, 4, 5, 6, 7, 8)
EYE_POINT_UPPER = (0, 9, 10, 11, 12, 13, 14, 15, 8)
EYE_POINT_RING = (*EYE_POINT_UPPER, 7, 6, 5, 4, 3, 2, 1)


@lru_cache(maxsize=1)
def _shape() -> dict[str, Tensor]:
    return read_weights(SHAPE)


def triangles() -> Tensor:
    """(852, 3) int64 indices of the mesh's triangles; eyes and mouth are holes."""
    return _shape()["triangles"].long()


def canonical_points() -> Tensor:
    """(468, 3) neutral frontal face in centimetres: x right, y down, z away from the viewer."""
    return _shape()["canonical"].clone()


@lru_cache(maxsize=1)
def mirror_points() -> Tensor:
    """(468,) int64: for each point, the one in its place on the other half of the face."""
    points = _shape()["canonical"]
    return torch.cdist(points * torch.tensor([-1.0, 1.0, 1.0]), points).argmin(1)


def head_pose(mesh_px: Tensor) -> Similarity:
    """Where the head of a mesh (..., 468, 3) is: ``picture pixels from neutral centimetres``.

    Fitted on points that speech and blinks leave alone. ``.angles_rad`` are pitch, yaw and roll;
    ``.undo(mesh_px)`` is the mesh as a frontal face in centimetres.
    """
    rigid = list(RIGID)
    return fit_similarity(canonical_points().to(mesh_px)[rigid], mesh_px[..., rigid, :])


def mesh_with_eyes(face: Face) -> Tensor:
    """The face's mesh (468, 3) with lids and brows taken from the iris net, which sees blinks.

    z stays the mesh's own.
    """
    mesh = face.mesh_px.clone()
    for side in (0, 1):
        mesh[list(EYE_TO_MESH[side]), :2] = face.eyes_px[side]
    return mesh
