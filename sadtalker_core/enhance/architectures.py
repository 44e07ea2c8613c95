"""The enhancers' networks as architectures: their sizes are read from the shapes in a file."""

from __future__ import annotations

from typing import Any

from ..weights import families
from ..weights.architecture import Architecture, Shapes, count_keys
from .nets.bisenet import BiSeNet, BiSeNetConfig
from .nets.gfpgan import Gfpgan, GfpganConfig
from .nets.gpen import Gpen, GpenConfig
from .nets.parsenet import ParseNet, ParseNetConfig


def _gfpgan(shapes: Shapes) -> GfpganConfig:
    decoder = "stylegan_decoder"
    levels = count_keys(shapes, "conv_body_down.", ".conv1.weight")
    first = shapes[f"{decoder}.constant_input.weight"][1]
    return GfpganConfig(
        size=4 * 2**levels,
        style=shapes[f"{decoder}.style_mlp.1.weight"][0],
        mlp=sum(key.startswith(f"{decoder}.style_mlp.") for key in shapes) // 2,
        channels=(
            first,
            *(shapes[f"{decoder}.style_convs.{2 * i}.bias"][1] for i in range(levels)),
        ),
        unet=(
            shapes["conv_body_first.weight"][0],
            *(shapes[f"conv_body_down.{i}.conv2.weight"][0] for i in range(levels)),
        ),
    )


def _gpen(shapes: Shapes) -> GpenConfig:
    stages = 1
    while f"ecd{stages}.0.1.weight" in shapes:
        stages += 1
    channels = [shapes["ecd0.0.0.weight"][0]]
    channels += [shapes[f"ecd{i}.0.1.weight"][0] for i in range(1, stages)]
    mlp = count_keys(shapes, "generator.style.", ".weight", start=1)
    return GpenConfig(shapes["generator.style.1.weight"][0], mlp, tuple(channels[::-1]))


def _parsenet(shapes: Shapes) -> ParseNetConfig:
    downs = count_keys(shapes, "encoder.", ".conv1.conv2d.weight", start=1)
    channels = [shapes["encoder.0.conv2d.weight"][0]]
    channels += [shapes[f"encoder.{i}.conv1.conv2d.weight"][0] for i in range(1, downs + 1)]
    blocks = count_keys(shapes, "body.", ".conv1.conv2d.weight")
    return ParseNetConfig(tuple(channels), blocks, shapes["out_mask_conv.conv2d.weight"][0])


def _bisenet(shapes: Shapes) -> BiSeNetConfig:
    return BiSeNetConfig(shapes["cp.resnet.conv1.weight"][0], shapes["conv_out.conv_out.weight"][0])


GFPGAN = families.GFPGAN.with_network(_gfpgan, Gfpgan, GfpganConfig)
GPEN = families.GPEN.with_network(_gpen, Gpen, GpenConfig)
PARSENET = families.PARSENET.with_network(_parsenet, ParseNet, ParseNetConfig)
BISENET = families.BISENET.with_network(_bisenet, BiSeNet, BiSeNetConfig)

ARCHITECTURES: tuple[Architecture[Any], ...] = (GFPGAN, GPEN, PARSENET, BISENET)
