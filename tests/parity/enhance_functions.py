"""The golden of the enhancers' plain functions: filters, alignment, masks, pasting."""

from __future__ import annotations

import torch
from torch import Tensor

from sadtalker_core.enhance.align import gpen_points, similarity
from sadtalker_core.enhance.gpen_process import GpenFace, gpen_crop, gpen_process
from sadtalker_core.enhance.nets.fir import fused_leaky_relu, upfirdn2d
from sadtalker_core.enhance.restore import (
    align_face,
    from_network,
    from_network_cut,
    image_from_crop,
    restore_picture,
    soft_face_mask,
)

from .sadtalker_faces import retinaface_functions

_BOX = (120.0, 90.0, 270.0, 300.0)


def blocky(recipe: Tensor) -> Tensor:
    """(3, 360, 400) uint8 RGB of a recipe whose channels are blue, green, red."""
    pixels = recipe.floor().to(torch.uint8)
    large = pixels.repeat_interleave(5, 0).repeat_interleave(5, 1)[:360, :400]
    return large.permute(2, 0, 1).flip(0)


def _bgr(picture: Tensor) -> Tensor:
    """(H, W, 3) as the goldens hold pictures."""
    return picture.flip(0).permute(1, 2, 0)


def _whole_face(face: Tensor) -> Tensor:
    """What stands in for the parser in GPEN's process: one large box."""
    mask = torch.zeros(face.shape[1:])
    mask[100:420, 110:400] = 1
    return mask


def _scores(face: Tensor) -> Tensor:
    """What stands in for ParseNet in the restorer: skin with a hat in it."""
    scores = torch.zeros(1, 19, *face.shape[2:])
    scores[:, 0] = 1
    scores[:, 1, 100:420, 110:400] = 2
    scores[:, 14, 200:230, 150:180] = 3
    return scores


def _negative(face: Tensor) -> Tensor:
    """``255 - face`` in the network's range."""
    return -face


def filters(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    x, kernel = inputs["fir_x"], inputs["fir_k"]
    up = upfirdn2d(x, kernel, up=2, pad=(2, 1))
    return {
        "kernel1331": torch.outer(row, row) / 64,
        "fir_up2": up,
        "fir_blur22": upfirdn2d(x, kernel, pad=(2, 2)),
        "fir_blur11": upfirdn2d(x, kernel, pad=(1, 1)),
        "fir_down2": upfirdn2d(x, kernel, down=2, pad=(1, 1)),
        "fir_crop": upfirdn2d(x, kernel, pad=(-1, 2)),
        "fused_lrelu": fused_leaky_relu(x, inputs["flr_b"]),
    }


def gpen(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    points = inputs["points5"]
    source, original = blocky(inputs["gpen_src"]), blocky(inputs["gpen_ori"])
    faces = [GpenFace(points, _BOX)]

    def negative(face: Tensor) -> Tensor:
        return 255 - face

    crop, back = gpen_crop(source, points)
    reference = gpen_process(source, source, faces, _whole_face, negative)
    both = gpen_process(source, original, faces, _whole_face, negative)
    final = gpen_process(
        source, original, faces, _whole_face, box=(95, 310, 115, 275), pyramid=True
    )
    return {
        "gpen_reference5": gpen_points(),
        "gpen_forward": similarity(points.float(), gpen_points().float())[0],
        "gpen_inverse": back,
        "gpen_crop": _bgr(crop),
        "enhance_reference": _bgr(reference.picture),
        "enhance_two_images": _bgr(both.picture),
        "enhance_final": _bgr(final.picture),
        "gp_uint8": _bgr(from_network_cut(1.1 * inputs["gp_out"])[0]),
    }


def restorer(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    points, source = inputs["points5"], blocky(inputs["gpen_src"])
    face = align_face(source, points)
    mask = inputs["mask"].repeat_interleave(16, 0).repeat_interleave(16, 1) > 0.5
    found = {
        "facexlib_mask": soft_face_mask(torch.stack((~mask, mask)).float()[None])[0],
        "fx_affine": face.crop_from_image,
        "fx_crop": _bgr(face.crop),
        "gf_uint8": _bgr(from_network(1.1 * inputs["gf_out"])[0]),
    }
    for upscale in (1, 2):
        found[f"fx_inverse_x{upscale}"] = image_from_crop(face.crop_from_image, upscale)[0]
        for name, parser in (("square", None), ("parse", _scores)):
            pasted = restore_picture(source, [points], _negative, parser=parser, upscale=upscale)
            found[f"fx_paste_x{upscale}_{name}"] = _bgr(pasted)
    return found


def functions(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    return {**retinaface_functions(inputs), **filters(inputs), **gpen(inputs), **restorer(inputs)}


CASES = {"enhance/functions": functions}
