"""Face boxes by S3FD: anchors, decoding and the choice among overlaps.

After Wav2Lip (``face_detection/detection/sfd``) and face-alignment 1.3.4 (``detection/sfd``), which
differ in two habits: Wav2Lip subtracts the mean with the colours the wrong way round and decodes
in single precision. Pixels are counted as these do: the centre of the first cell of a map with
stride s is at s / 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .nets.s3fd import STRIDES, S3fd
from .retina import decode_boxes, suppress

_MEAN_BGR = (104.0, 117.0, 123.0)
_ANCHOR = 4.0  # sides of an anchor, in strides
_POSSIBLE = 0.05  # score from which a cell takes part at all
THRESHOLD = 0.5
OVERLAP = 0.3

RawMaps = Sequence[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class S3fdFaces:
    """N faces of one picture, the surest first.

    Attributes:
        boxes_px: (N, 4) x0, y0, x1, y1, float; may reach outside of the picture.
        scores: (N,) 0.5 to 1.
    """

    boxes_px: Tensor
    scores: Tensor

    def __len__(self) -> int:
        return self.boxes_px.shape[0]


def pictures_for_net(rgb: Tensor, reads_rgb_as_bgr: bool = False) -> Tensor:
    """(B, 3, H, W) uint8 RGB -> float, blue first, the mean subtracted.

    ``reads_rgb_as_bgr`` leaves red first and subtracts blue's mean from it, as Wav2Lip does.
    """
    pixels = rgb.float() if reads_rgb_as_bgr else rgb.flip(1).float()
    return pixels - pixels.new_tensor(_MEAN_BGR)[:, None, None]


def candidates(maps: RawMaps, *, in_double: bool = True) -> Tensor:
    """Boxes and scores of all cells that may show a face.

    A cell where one picture of the batch may show a face is listed for all of them, and once for
    each that does, as Wav2Lip has it. It changes no choice: such cells are unsure or the same.

    Args:
        maps: class logits (B, 2, h, w) and boxes (B, 4, h, w) for strides 4, 8, ...
        in_double: decode in double precision, as face-alignment does; Wav2Lip does not.

    Returns:
        (B, M, 5) x0, y0, x1, y1 in pixels of the net's picture, score; on the maps' device.
    """
    found: list[Tensor] = []
    for stride, (logits, raw) in zip(STRIDES, maps):
        scores = logits.float().softmax(1)[:, 1]
        _, rows, columns = torch.nonzero(scores > _POSSIBLE, as_tuple=True)
        centers = torch.stack((columns, rows), 1) * stride + stride / 2
        sides = torch.full_like(centers, _ANCHOR * stride)
        anchors = torch.cat((centers, sides), 1)
        anchors = anchors.double() if in_double else anchors.float()
        for_each = anchors.repeat(raw.shape[0], 1)
        boxes = decode_boxes(raw.float()[:, :, rows, columns].mT.reshape(-1, 4), for_each)
        boxes = boxes.reshape(raw.shape[0], -1, 4)
        found.append(torch.cat((boxes, scores[:, rows, columns, None].to(boxes)), 2))
    return torch.cat(found, 1)


def choose(possible: Tensor, threshold: float = THRESHOLD, overlap: float = OVERLAP) -> S3fdFaces:
    """The faces among the candidates (M, 5) of one picture: overlaps dropped, sure ones kept."""
    scores = possible[:, 4]
    # numpy's order read backward, as the originals do it: equal scores go the same way
    order = np.argsort(scores.cpu().numpy())[::-1].copy()
    kept = suppress(possible[:, :4], scores, overlap, torch.from_numpy(order).to(possible.device))
    kept = kept[scores[kept] > threshold]
    return S3fdFaces(possible[kept, :4], scores[kept])


def detect_s3fd(
    net: S3fd,
    rgb: Tensor,
    threshold: float = THRESHOLD,
    *,
    reads_rgb_as_bgr: bool = False,
    in_double: bool = True,
) -> list[S3fdFaces]:
    """Faces of each picture of ``rgb`` (B, 3, H, W) uint8, on the net's device.

    Args:
        threshold: score from which a box is a face.
        reads_rgb_as_bgr: see ``pictures_for_net``.
        in_double: see ``candidates``. As they stand the two are face-alignment's; Wav2Lip has both
            the other way round.
    """
    like = next(net.parameters())
    images = pictures_for_net(rgb.to(like.device), reads_rgb_as_bgr).to(like.dtype)
    return [choose(each, threshold) for each in candidates(net(images), in_double=in_double)]


def surest_rectangle(faces: S3fdFaces) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 of the surest face in whole pixels: cut at 0, then truncated; None without a
    face. Not cut at the picture's right and lower edge, as in Wav2Lip."""
    if not len(faces):
        return None
    x0, y0, x1, y1 = (int(value) for value in faces.boxes_px[0].clamp(min=0).tolist())
    return x0, y0, x1, y1
