"""Parity cases of the 68-point landmark network that VideoReTalking uses."""

from __future__ import annotations

import torch
from torch import Tensor

from sadtalker_core.faces.landmarks68 import cut_256, in_picture, peaks, place_of_box
from sadtalker_core.faces.nets.fan68 import Fan68

from .sadtalker_faces import filled
from .watched import watch

_SIZE = (200, 230)  # rows and columns of the golden's picture


def fan_2d4(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(Fan68, "retalking/fan_2d4", seed)
    caught = watch(net, {"conv4": "conv4", "m0": "hourglass0", "top_m_0": "top0"})
    heatmaps = net(inputs["image"])
    return {**caught, **{f"heatmap{i}": found for i, found in enumerate(heatmaps)}}


def fan_functions(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    image = inputs["image"].floor().repeat_interleave(5, 0).repeat_interleave(5, 1)
    rgb = image[: _SIZE[0], : _SIZE[1]].to(torch.uint8).permute(2, 0, 1)
    places = [place_of_box(box) for box in inputs["boxes"].tolist()]
    found = peaks(inputs["heatmaps"])
    points = [in_picture(each, places[0], inputs["heatmaps"].shape[3]) for each in found]
    return {
        "centers": torch.tensor([place.center for place in places], dtype=torch.float64),
        "scales": torch.tensor([place.scale for place in places], dtype=torch.float64),
        **{f"crop{i}": cut_256(rgb, place).permute(1, 2, 0) for i, place in enumerate(places)},
        "preds": found,
        "points": torch.stack(points),
    }


CASES = {
    "retalking/fan_2d4": fan_2d4,
    "retalking/fan_functions": fan_functions,
}
