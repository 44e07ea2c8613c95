"""Parity case of the face detector S3FD."""

from __future__ import annotations

from torch import Tensor

from sadtalker_core.faces.nets.s3fd import S3fd

from .sadtalker_faces import filled
from .watched import watch


def s3fd(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(S3fd, "wav2lip/s3fd", seed)
    caught = watch(net, {"conv3_3": "conv3_3", "fc7": "fc7", "conv3_3_norm": "norm3_3"})
    maps = net(inputs["image"])
    for level, pair in enumerate(maps):
        caught[f"cls{level}"], caught[f"reg{level}"] = pair
    return caught


CASES = {"wav2lip/s3fd": s3fd}
