"""Parity cases of VideoReTalking's plain functions."""

from __future__ import annotations

import torch
from torch import Tensor

from sadtalker_core.enhance.restore import softened
from sadtalker_core.faces.ffhq import ffhq_quad, ffhq_rectangle
from sadtalker_core.faces.recon3d import align_224, five_points, motion_rows
from sadtalker_core.faces.steady_boxes import smooth_boxes
from sadtalker_core.geometry.pyramid import blend_pyramids
from sadtalker_core.geometry.quad import cut_quad, paste_window, window_from_picture
from sadtalker_core.systems.videoretalking.lips import at_box, face_batch, keep_upper, to_bytes
from sadtalker_core.systems.videoretalking.nets.dnet import deformation_of, warp_by
from sadtalker_core.systems.videoretalking.stabilise import (
    crop_ratio,
    to_picture,
    window_of,
    window_rows,
)


def blocky(image: Tensor, times: int) -> Tensor:
    """(3, H, W) uint8 of a recipe (h, w, 3) in [0, 256): pixels repeated in both directions."""
    levels = image.floor().to(torch.uint8)
    return levels.repeat_interleave(times, 0).repeat_interleave(times, 1).permute(2, 0, 1)


def _shown(planes: Tensor) -> Tensor:
    return planes.permute(1, 2, 0)


def _pyramids(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    above, below = blocky(inputs["lap_a"], 8), blocky(inputs["lap_b"], 8)
    mask = inputs["lap_m"].repeat_interleave(16, 0).repeat_interleave(16, 1)
    return {
        "lap_blend6": _shown(blend_pyramids(above, below, mask, 6)),
        "lap_blend10": _shown(blend_pyramids(above, below, mask, 10)),
        "lap_blend6_float": _shown(blend_pyramids(above.float(), below.float(), mask, 6)),
    }


def _smoothed(boxes: Tensor) -> Tensor:
    return torch.tensor(list(smooth_boxes(tuple(box) for box in boxes.tolist())))


def _windows(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    semantic = inputs["semantic"]
    rows = motion_rows(semantic[:, :257], semantic[:, 257:])
    count = rows.shape[0]
    return {
        **{f"semantic_{i}": window_of(rows, i, 1.25) for i in range(count)},
        "crop_ratio": torch.stack([crop_ratio(rows[j], rows[4:]) for j in range(4)]),
        "seq_index": torch.stack([window_rows(i, count) for i in range(count)]),
    }


def _alignment(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    image, landmarks = blocky(inputs["align_image"], 4), inputs["lm68"].double()
    up = torch.stack((landmarks[:, 0], image.shape[1] - 1 - landmarks[:, 1]), 1)
    standard = tuple((x, y, z) for x, y, z in inputs["lm3d5"].tolist())
    aligned = align_224(image, landmarks, standard)
    x, y = aligned.landmarks_px.double().unbind(1)
    return {
        "lm5": five_points(up),
        "align_params": aligned.trans_params.double(),
        "align_crop": _shown((aligned.image[0] * 255).round().to(torch.uint8)),
        "align_lm": torch.stack((x, 223 - y), 1),
    }


def _first_crop(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for end in ("", "_edge"):
        rectangle = ffhq_rectangle((400, 480), inputs[f"crop_lm{end}"])
        found[f"crop_box{end}"] = torch.tensor(rectangle.crop)
        found[f"crop_quad{end}"] = torch.tensor([int(value) for value in rectangle.inner])
    return found


def _reference_paste(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    quad, _ = ffhq_quad(inputs["stit_lm"])
    window = cut_quad(blocky(inputs["align_image"], 4), quad, 256)
    coefficients = window_from_picture(quad, 256)
    pasted = paste_window(blocky(inputs["stit_back"], 4), window, coefficients)
    return {
        "stit_quad": quad,
        "stit_crop": _shown(window),
        "stit_coeff": coefficients,
        "stit_paste": _shown(pasted),
    }


def _lips(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    # The golden's pictures are blue first, ours red first.
    face, reference = (blocky(inputs[name], 5)[:, :180, :160].flip(0) for name in ("face", "ref"))
    batch = face_batch([face], [reference])
    made = inputs["enet_pred"].clamp(0, 1)
    whole = face_batch([reference], [face])[:, 3:]
    return {
        "dnet_uint8": _shown(to_picture(1.2 * inputs["dnet_out"])[0].flip(0)),
        "lnet_batch": batch,
        "enet_paste": _shown(at_box(to_bytes(inputs["enet_pred"])[0], (180, 160)).flip(0)),
        "rl1_blend": keep_upper(made, batch[:, :3], whole),
    }


def functions(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    flow = deformation_of(2 * inputs["flow"])
    mask = inputs["mask"].repeat_interleave(16, 0).repeat_interleave(16, 1) > 0.5
    return {
        **_pyramids(inputs),
        "boxes_smooth5": _smoothed(inputs["boxes"]),
        "boxes_short_smooth5": _smoothed(inputs["boxes_short"]),
        **_windows(inputs),
        "mask_postprocess": softened(mask.float(), 20, before=True),
        "deformation": flow,
        "warped": warp_by(inputs["flow_image"], flow),
        **_alignment(inputs),
        **_first_crop(inputs),
        **_reference_paste(inputs),
        **_lips(inputs),
    }


CASES = {"retalking/functions": functions}
