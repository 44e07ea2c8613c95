"""VideoReTalking's networks as architectures: their sizes are read from the shapes in a file."""

from __future__ import annotations

from typing import Any

from ...faces.architectures import RECON, RETINAFACE
from ...weights import families
from ...weights.architecture import Architecture, Shapes, count_keys
from ..blocks.mel_encoder import AudioEncoderConfig
from .nets.dnet import DNet, DNetConfig
from .nets.enet import ENet, ENetConfig
from .nets.ganimation import GANimation, GANimationConfig
from .nets.lnet import LNet, LNetConfig


def _dnet(shapes: Shapes) -> DNetConfig:
    width, coefficients, _ = shapes["mapping_net.first.0.weight"]
    hourglass = "warpping_net.hourglass"
    down = count_keys(shapes, f"{hourglass}.encoder.encoder", ".conv_0.weight")
    up = sum(f"{hourglass}.decoder.decoder{level}.conv_0.weight" in shapes for level in range(down))
    edit = count_keys(shapes, "editing_net.encoder.down", ".model.0.weight")
    return DNetConfig(
        coefficients=coefficients,
        descriptor=width,
        hidden=shapes[f"{hourglass}.encoder.encoder0.norm_0.mlp_shared.0.weight"][0],
        mapping_layers=count_keys(shapes, "mapping_net.encoder", ".1.weight"),
        warp_width=shapes[f"{hourglass}.encoder.input_layer.weight"][0],
        warp_most=shapes[f"{hourglass}.encoder.encoder{down - 1}.conv_0.weight"][0],
        warp_down=down,
        warp_up=up,
        edit_width=shapes["editing_net.encoder.first.model.0.weight"][0],
        edit_most=shapes[f"editing_net.encoder.down{edit - 1}.model.0.weight"][0],
        edit_levels=edit,
        edit_blocks=count_keys(shapes, "editing_net.decoder.res0.res", ".conv1.weight"),
    )


def _lnet(shapes: Shapes) -> LNetConfig:
    return LNetConfig(
        width=shapes["encoder.first_inp.model.0.weight_orig"][0],
        blocks=count_keys(shapes, "decoder.res0.res", ".conv1.ffc.convl2l.weight"),
        hidden=shapes["decoder.res0.res0.conv1.bn_l.mlp_shared.0.weight"][0],
        audio=AudioEncoderConfig(shapes["audio_encoder.0.conv_block.0.weight"][0]),
    )


def _enet(shapes: Shapes) -> ENetConfig:
    downs = count_keys(shapes, "conv_body_down.", ".conv2.weight")
    levels = count_keys(shapes, "to_rgbs.", ".bias")
    return ENetConfig(
        first=shapes["conv_body_first.weight"][0],
        body=tuple(shapes[f"conv_body_down.{i}.conv2.weight"][0] for i in range(downs)),
        last=shapes["final_conv.weight"][0],
        style=shapes["final_linear.weight"][0],
        levels=tuple(shapes[f"style_convs.{2 * i}.bias"][1] for i in range(levels)),
        lnet=None,
    )


def _ganimation(shapes: Shapes) -> GANimationConfig:
    width, channels, _, _ = shapes["model.0.weight"]
    blocks = sum(key.endswith(".conv_block.0.weight") for key in shapes)
    return GANimationConfig(width, blocks, channels - 3)


def _without_lnet() -> ENetConfig:
    return ENetConfig(lnet=None)


DNET = families.DNET.with_network(_dnet, DNet, DNetConfig)
LNET = families.LNET.with_network(_lnet, LNet, LNetConfig)
ENET = families.ENET.with_network(_enet, ENet, _without_lnet)
GANIMATION = families.GANIMATION.with_network(_ganimation, GANimation, GANimationConfig)

ARCHITECTURES: tuple[Architecture[Any], ...] = (DNET, LNET, ENET, GANIMATION, RECON, RETINAFACE)
