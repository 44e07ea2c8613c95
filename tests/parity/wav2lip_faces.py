"""Parity case of the face detector S3FD."""

from __future__ import annotations

from torch import Tensor

from sadtalker_core.faces.nets.s3fd import S3fd

from .sadtalker_faces import filled


def s3fd(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(S3fd, "wav2lip/s3fd", seed)
    image = inputs["image"]
    caught: dict[str, Tensor] = {}
    watched = {"conv3_3": "conv3_3", "fc7": "fc7", "norm3_3": "conv3_3_norm"}
    hooks = [
        net.get_submodule(name).register_forward_hook(
            # a copy: what follows may work in place
            lambda _module, _given, result, key=key: caught.__setitem__(key, result.clone())
        )
        for key, name in watched.items()
    ]
    maps = net(image)
    for hook in hooks:
        hook.remove()
    for level, pair in enumerate(maps):
        caught[f"cls{level}"], caught[f"reg{level}"] = pair
    return caught


CASES = {"wav2lip/s3fd": s3fd}
