"""Parity cases of the 3D reconstruction, the landmark net, RetinaFace and the crop."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from sadtalker_core.faces.ffhq import ffhq_rectangle
from sadtalker_core.faces.landmarks98 import landmarks_98, points_of_heatmaps, to_68
from sadtalker_core.faces.nets.fan98 import CoordConv, Fan98
from sadtalker_core.faces.nets.recon3d import Recon3D
from sadtalker_core.faces.nets.retinaface import RetinaFace
from sadtalker_core.faces.recon3d import (
    STANDARD_POINTS,
    align_224,
    fit_standard,
    five_points,
    motion_rows,
    reconstruct,
    split_coefficients,
    standard_landmarks_px,
)
from sadtalker_core.faces.retina import anchors, decode_boxes, decode_points, suppress
from sadtalker_core.systems.sadtalker.crop import cut, cut_box, plan_crop

from .seeded_weights import fill, load_manifest

_DATA = Path(__file__).parent / "data"
_Net = TypeVar("_Net", bound=nn.Module)


def filled(build: Callable[[], _Net], manifest: str, seed: int) -> _Net:
    """A full-size net with the seeded weights of ``data/<manifest>.json``, loaded strictly."""
    with torch.device("meta"):
        net = build()
    weights = fill(load_manifest(_DATA / f"{manifest}.json"), seed)
    net.load_state_dict(weights, strict=True, assign=True)
    return net.eval().requires_grad_(False)


def _planar(picture: Tensor) -> Tensor:
    return picture.permute(2, 0, 1)


def face_3drecon(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(Recon3D, "sadtalker/face_3drecon", seed)
    image = inputs["image"]
    stages = net.backbone(image)
    coeff = reconstruct(net, image)
    parts = split_coefficients(coeff)
    return {
        "coeff": coeff,
        **{f"layer{i}": stage for i, stage in enumerate(stages, 1)},
        "pooled": net.pooled(image).flatten(1),
        "split_id": parts.identity,
        "split_exp": parts.expression,
        "split_tex": parts.texture,
        "split_angle": parts.rotation_rad,
        "split_gamma": parts.light,
        "split_trans": parts.translation,
    }


def align_3dmm(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(Recon3D, "sadtalker/face_3drecon", seed)
    rgb, landmarks = _planar(inputs["image"]), inputs["landmarks"].double()
    height = rgb.shape[1]
    up = torch.stack((landmarks[:, 0], height - 1 - landmarks[:, 1]), 1)
    middle, unit = fit_standard(five_points(up))
    aligned = align_224(rgb, landmarks)
    x, y = aligned.landmarks_px.unbind(1)
    # the whole path in resize mode, with the landmarks given in the square picture
    whole = _planar(inputs["picture"])
    plan = plan_crop((whole.shape[1], whole.shape[2]), None, "resize", _pic_size(meta, height))
    picture = cut(whole, plan)
    full, coeff = _read(net, picture, landmarks)
    lost_full, lost_coeff = _read(net, picture, standard_landmarks_px(*picture.shape[1:]))
    return {
        "lm3d_std": torch.tensor(STANDARD_POINTS),
        "lm5p": five_points(up),
        "pos_tx_ty_s": torch.tensor([*middle.tolist(), unit]),
        "trans_params": aligned.trans_params,
        "aligned": (aligned.image[0] * 255).round().to(torch.uint8).permute(1, 2, 0),
        "aligned_landmarks": torch.stack((x, 223 - y), 1),
        "resized_png": picture.permute(1, 2, 0),
        "crop_info_size": torch.tensor([plan.inner_size[1], plan.inner_size[0]]).float(),
        "full_3dmm": full,
        "coeff_3dmm": coeff,
        "noface_full_3dmm": lost_full,
        "noface_coeff_3dmm": lost_coeff,
    }


def _pic_size(meta: dict[str, str], default: int) -> int:
    found = re.search(r"pic_size (\d+)", meta.get("call", ""))
    return int(found.group(1)) if found else default


def _read(net: Recon3D, picture: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
    aligned = align_224(picture, landmarks)
    full = reconstruct(net, aligned.image)
    return full, motion_rows(full, aligned.trans_params[None])


def face_crop(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    rows: list[Tensor] = []
    for (width, height), landmarks in zip(inputs["image_wh"].tolist(), inputs["lm68"]):
        found = ffhq_rectangle((height, width), landmarks)
        numbers = [found.resized[1], found.resized[0], *found.crop, *found.inner]
        rows.append(torch.tensor(numbers, dtype=torch.float32))
    rgb = _planar(inputs["picture"])
    size = (rgb.shape[1], rgb.shape[2])
    crops = {
        mode: cut_box(rgb, plan_crop(size, inputs["lm68"][0], mode)) for mode in ("crop", "extcrop")
    }
    heatmaps = inputs["heatmaps"]
    bottom = heatmaps.clone()
    bottom[0, 0, 63, 20] = 99
    return {
        "rsize2_crop4_quad4": torch.stack(rows),
        "crop_image": crops["crop"].permute(1, 2, 0),
        "extcrop_image": crops["extcrop"].permute(1, 2, 0),
        "lm98_to_68": to_68(inputs["lm98"]),
        "points": points_of_heatmaps(heatmaps),
        "points_bottom_row": points_of_heatmaps(bottom),
    }


def fan_wflw98(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(Fan98, "sadtalker/fan_wflw98", seed)
    caught: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(module: nn.Module, given: object, result: Tensor) -> None:
            caught[name] = result

        return hook

    hooks = [
        module.register_forward_hook(keep(name))
        for name, module in net.named_modules()
        if name in ("conv4", "m0.coordconv", "top_m_0")
    ]
    heatmaps = net(inputs["image"])
    for hook in hooks:
        hook.remove()
    before = heatmaps[2]
    return {
        "conv4": caught["conv4"],
        "m0_in": caught["m0.coordconv"],
        "top0": caught["top_m_0"],
        **{f"heatmaps{i}": found for i, found in enumerate(heatmaps)},
        "boundary0": CoordConv.with_coordinates(caught["conv4"], None)[:, -2:],
        "boundary3": CoordConv.with_coordinates(caught["conv4"], before)[:, -2:],
        "landmarks98": landmarks_98(net, [_planar(inputs["face"])])[0],
    }


def retinaface_r50(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(RetinaFace, "enhance/retinaface_r50", seed)
    image = inputs["image"]
    stages = net.body(image)
    pyramid = net.fpn(*stages[1:])
    loc, logits, landms = net(image)
    return {
        "loc": loc,
        "conf": logits.softmax(-1),
        "landms": landms,
        "layer2": stages[1],
        "layer4": stages[3],
        "fpn8": pyramid[0],
        "fpn32": pyramid[2],
        "ssh1": net.ssh1(pyramid[0]),
        "class_logits": logits,
    }


def retinaface_functions(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """RetinaFace's share of the golden ``enhance/functions``: five of its outputs.

    The picture is 200 x 264 pixels as the fact sheet says; scores above 0.9 take part.
    """
    height, width = 200, 264
    priors = anchors(height, width)
    size = torch.tensor([width, height], dtype=torch.float32)
    boxes = decode_boxes(inputs["loc"], priors) * size.repeat(2)
    points = decode_points(inputs["ldm"], priors) * size
    sure = torch.nonzero(inputs["score"] > 0.9).flatten()
    keep = sure[suppress(boxes[sure], inputs["score"][sure])]
    return {
        "priors": priors,
        "boxes": boxes,
        "landmarks": points.flatten(1),
        "nms_keep": keep,
        "nms_boxes": torch.cat((boxes[keep], inputs["score"][keep, None]), 1),
    }


CASES = {
    "sadtalker/face_3drecon": face_3drecon,
    "sadtalker/align_3dmm": align_3dmm,
    "sadtalker/face_crop": face_crop,
    "sadtalker/fan_wflw98": fan_wflw98,
    "enhance/retinaface_r50": retinaface_r50,
}
