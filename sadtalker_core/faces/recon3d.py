"""3D face coefficients of pictures: alignment to 224 pixels, the network, its numbers by name.

The method is Deng et al. 2019 (Deep3DFaceRecon_pytorch, ``util/preprocess.py``), which SadTalker
and VideoReTalking share. Landmarks are 68 points in pixels of the picture, y down, (0, 0) the
centre of the top left pixel; inside, the model's axes point up.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import FaceError, StructureError
from ..geometry.resize import resize_bicubic
from .nets.recon3d import Recon3D

ALIGNED_SIZE = 224
_FACE_SCALE = 102.0  # pixels of the aligned picture for a unit of the model
_LARGEST = 20000  # pixels: a picture enlarged beyond this means landmarks that are no face
COEFFICIENTS = 257
_PARTS = (80, 64, 80, 3, 27, 3)

Points3D = tuple[tuple[float, float, float], ...]

# Left eye, right eye, nose tip, left and right mouth corner of the model's mean face: the five of
# similarity_Lm3D_all.mat in model units, x right, y up, z toward the viewer.
STANDARD_POINTS: Points3D = (
    (-0.3114865720272064, 0.29036077857017517, 0.13377952575683594),
    (0.30979886651039124, 0.289720356464386, 0.1317952573299408),
    (0.003253498813137412, -0.04617932438850403, 0.5524424314498901),
    (-0.25216928124427795, -0.3813391625881195, 0.22405731678009033),
    (0.24846619367599487, -0.38128235936164856, 0.22235769033432007),
)


@dataclass(frozen=True)
class Aligned:
    """A face as the network wants to see it.

    Attributes:
        image: (1, 3, 224, 224) RGB in [0, 1]; black outside of the picture.
        trans_params: (5,) width, height, scale, x and y: the picture's size, the enlargement, and
            the face's middle in picture pixels counted from below.
        landmarks_px: (K, 2) the landmarks in the aligned picture.
    """

    image: Tensor
    trans_params: Tensor
    landmarks_px: Tensor


@dataclass(frozen=True)
class FaceCoefficients:
    """The 257 numbers by name, N pictures: identity (N, 80), expression (N, 64), texture (N, 80),
    rotation_rad (N, 3) about x, y, z, light (N, 27), translation (N, 3) in model units."""

    identity: Tensor
    expression: Tensor
    texture: Tensor
    rotation_rad: Tensor
    light: Tensor
    translation: Tensor


def five_points(landmarks: Tensor) -> Tensor:
    """Eyes, nose tip and mouth corners (5, 2) of 68 landmarks (68, 2); five are returned as is."""
    if landmarks.shape[0] == 5:
        return landmarks
    left, right = landmarks[[36, 39]].mean(0), landmarks[[42, 45]].mean(0)
    return torch.stack((left, right, landmarks[30], landmarks[48], landmarks[54]))


def standard_landmarks_px(height: int, width: int) -> Tensor:
    """(5, 2) float64: where the original takes the face to be when it found none.

    The mean face stretched over the picture. The original forgets that y counts from below here,
    so that the numbers are mirrored; kept for the sake of equal results.
    """
    points = torch.tensor(STANDARD_POINTS, dtype=torch.float64)[:, :2]
    x, y = ((points + 1) / 2 * points.new_tensor([width, height])).unbind(1)
    return torch.stack((x, height - 1 - y), 1)


def fit_standard(points_up: Tensor, standard: Points3D = STANDARD_POINTS) -> tuple[Tensor, float]:
    """Scaled orthographic fit of the mean face to five points (5, 2), y up.

    Returns the middle (2,) in pixels and the pixels of a model unit, both in double precision
    (least squares; "POS" in the original).
    """
    design = F.pad(torch.tensor(standard, dtype=torch.float64), (0, 1), value=1.0)
    fitted = torch.linalg.lstsq(design, points_up.double().cpu()).solution  # (4, 2)
    return fitted[3], float(fitted[:3].norm(dim=0).mean())


def align_224(rgb: Tensor, landmarks_px: Tensor, standard: Points3D = STANDARD_POINTS) -> Aligned:
    """The face of ``rgb`` (3, H, W) uint8 enlarged to the size the network was trained on.

    Args:
        rgb: the picture; the work is done on the CPU in 8 bits, as the original does.
        landmarks_px: (68, 2), or (5, 2) as ``five_points`` gives.
        standard: the model's mean face; nobody needs another but to try the method on its own.

    Raises:
        FaceError: when the points cannot be a face (all in one place, not finite).
    """
    if landmarks_px.ndim != 2 or tuple(landmarks_px.shape) not in ((68, 2), (5, 2)):
        raise StructureError(f"Landmarks must be (68, 2) or (5, 2), got {_shape(landmarks_px)}.")
    height, width = int(rgb.shape[1]), int(rgb.shape[2])
    landmarks = landmarks_px.detach().cpu().double()
    x, y = landmarks.unbind(1)
    points_up = torch.stack((x, height - 1 - y), 1)
    if not bool(torch.isfinite(points_up).all()):
        raise FaceError("The landmarks are not finite numbers; use another picture.")
    middle, unit = fit_standard(five_points(points_up), standard)
    if not unit * _LARGEST > _FACE_SCALE * max(height, width):
        raise FaceError(
            f"The landmarks in the {width}x{height} picture span {unit:.3g} pixels, which is no "
            "face. Use a picture with a larger face."
        )
    scale = _FACE_SCALE / unit
    across, down = max(1, int(width * scale)), max(1, int(height * scale))
    # int() cuts toward zero as the original does, also below zero
    left = int(across / 2 - ALIGNED_SIZE / 2 + (float(middle[0]) - width / 2) * scale)
    top = int(down / 2 - ALIGNED_SIZE / 2 + (height / 2 - float(middle[1])) * scale)
    picture = _window(resize_bicubic(rgb, (down, across)), left, top)
    half = points_up.new_tensor([width / 2, height / 2])
    corner = points_up.new_tensor([across / 2, down / 2]) - ALIGNED_SIZE / 2
    moved = (points_up - middle + half) * scale - corner
    moved = torch.stack((moved[:, 0], ALIGNED_SIZE - 1 - moved[:, 1]), 1)
    params = torch.tensor([width, height, scale, *middle.tolist()], dtype=torch.float32)
    return Aligned(picture[None].float() / 255, params, moved.float())


def _window(rgb: Tensor, left: int, top: int) -> Tensor:
    """(3, 224, 224) of ``rgb`` from ``left`` and ``top`` on; black outside."""
    height, width = rgb.shape[1:]
    out = rgb.new_zeros((3, ALIGNED_SIZE, ALIGNED_SIZE))
    x0, x1 = max(left, 0), min(left + ALIGNED_SIZE, width)
    y0, y1 = max(top, 0), min(top + ALIGNED_SIZE, height)
    if x0 < x1 and y0 < y1:
        out[:, y0 - top : y1 - top, x0 - left : x1 - left] = rgb[:, y0:y1, x0:x1]
    return out


def reconstruct(net: Recon3D, images: Tensor) -> Tensor:
    """(N, 257) float32 coefficients of aligned faces (N, 3, 224, 224) RGB in [0, 1].

    The work is done where the network is and in its precision; the result stays there.
    """
    like = next(net.parameters())
    return net(images.to(device=like.device, dtype=like.dtype)).float()


def split_coefficients(coefficients: Tensor) -> FaceCoefficients:
    """The (N, 257) coefficients by name."""
    if coefficients.ndim != 2 or coefficients.shape[1] != COEFFICIENTS:
        raise StructureError(f"Coefficients must be (N, 257), got {_shape(coefficients)}.")
    return FaceCoefficients(*coefficients.split(_PARTS, 1))


def motion_rows(coefficients: Tensor, trans_params: Tensor) -> Tensor:
    """(N, 73) rows as SadTalker keeps them: expression 64, rotation 3, translation 3, and the
    scale, x and y of ``trans_params`` (N, 5), of the (N, 257) coefficients."""
    parts = split_coefficients(coefficients)
    place = trans_params.to(coefficients)[:, 2:]
    return torch.cat((parts.expression, parts.rotation_rad, parts.translation, place), 1)


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))
