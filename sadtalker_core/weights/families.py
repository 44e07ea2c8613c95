"""Signatures of the published networks: enough to say what a file is without building a network.

Systems make full ``Architecture``s of these (``dataclasses.replace`` with ``config_from``,
``build`` and ``default``); commands that only look at files use them as they are.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from ..errors import WeightsError
from .architecture import Architecture, Shapes


def _no_config(shapes: Shapes) -> Any:
    raise WeightsError("This network is known by its signature only and cannot be built here.")


def _no_module(config: Any) -> nn.Module:
    raise WeightsError("This network is known by its signature only and cannot be built here.")


def _family(
    name: str, title: str, signature: dict[str, tuple[int | None, ...] | None], prefix: str = ""
) -> Architecture[nn.Module]:
    return Architecture(name, title, signature, _no_config, _no_module, prefix)


FACE_3DRECON = _family(
    "sadtalker/face_3drecon",
    "SadTalker's 3D face reconstruction",
    {
        "backbone.conv1.weight": (None, 3, 7, 7),
        "backbone.layer4.2.bn3.running_var": (None,),
        "final_layers.0.weight": (80, None, 1, 1),
        "final_layers.1.weight": (64, None, 1, 1),
        "final_layers.6.bias": (1,),
    },
    "face_3drecon",
)
AUDIO2EXP = _family(
    "sadtalker/audio2exp",
    "SadTalker's ExpNet",
    {
        "audio_encoder.0.conv_block.0.weight": (None, 1, 3, 3),
        "audio_encoder.12.conv_block.0.weight": None,
        "mapping1.weight": (64, None),
        "mapping1.bias": (64,),
    },
    "audio2exp",
)
AUDIO2POSE = _family(
    "sadtalker/audio2pose",
    "SadTalker's PoseVAE",
    {
        "audio_encoder.audio_encoder.0.conv_block.0.weight": (None, 1, 3, 3),
        "netG.decoder.MLP.L0.weight": None,
        "netG.decoder.classbias": None,
        "netG.decoder.pose_linear.weight": None,
    },
    "audio2pose",
)
MAPPING = _family(
    "sadtalker/mapping",
    "SadTalker's MappingNet",
    {
        "first.0.weight": (None, None, 7),
        "encoder0.1.weight": None,
        "fc_roll.weight": None,
        "fc_exp.weight": None,
    },
)
KP_EXTRACTOR = _family(
    "sadtalker/kp_extractor",
    "SadTalker's keypoint detector",
    {
        "predictor.down_blocks.down0.conv.weight": (None, 3, 3, 3),
        "kp.weight": None,
        "kp.bias": None,
        "down.weight": None,
    },
    "kp_extractor",
)
GENERATOR = _family(
    "sadtalker/generator",
    "SadTalker's renderer",
    {
        "dense_motion_network.hourglass.encoder.down_blocks.0.conv.weight": None,
        "dense_motion_network.mask.weight": None,
        "first.conv.weight": None,
        "decoder.conv_img.weight": (3, None, 3, 3),
    },
    "generator",
)
FAN_98 = _family(
    "faces/fan98",
    "the 98-landmark network (FAN, 4 hourglasses)",
    {
        "conv1.conv.weight": (None, 6, 7, 7),
        "m0.coordconv.conv.weight": None,
        "l3.weight": (99, None, 1, 1),
        "l3.bias": (99,),
    },
)
RETINAFACE = _family(
    "faces/retinaface",
    "the face detector RetinaFace with ResNet-50",
    {
        "body.conv1.weight": (None, 3, 7, 7),
        "fpn.output1.0.weight": None,
        "ssh1.conv3X3.0.weight": None,
        "LandmarkHead.2.conv1x1.weight": (20, None, 1, 1),
    },
)

APPEARANCE = _family(
    "liveportrait/appearance",
    "LivePortrait's appearance extractor",
    {
        "first.conv.weight": (None, 3, 3, 3),
        "second.weight": None,
        "resblocks_3d.3dr0.conv1.weight": None,
    },
)
MOTION_EXTRACTOR = _family(
    "liveportrait/motion",
    "LivePortrait's motion extractor",
    {
        "detector.downsample_layers.0.0.weight": (None, 3, 4, 4),
        "detector.stages.0.0.grn.gamma": (1, 1, 1, None),
        "detector.fc_kp.weight": None,
        "detector.fc_exp.weight": None,
    },
)
# 22 proposals: 21 keypoints and the background.
WARPING = _family(
    "liveportrait/warping",
    "LivePortrait's warping network",
    {
        "dense_motion_network.mask.weight": (22, None, None, None, None),
        "third.conv.weight": None,
        "fourth.weight": None,
    },
)
SPADE_GENERATOR = _family(
    "liveportrait/generator",
    "LivePortrait's generator",
    {
        "fc.weight": (None, None, 3, 3),
        "G_middle_0.conv_0.weight_orig": None,
        "conv_img.0.weight": (12, None, 3, 3),
    },
)
# The three small networks are told apart by what goes in and comes out.
STITCHING = _family(
    "liveportrait/stitching",
    "LivePortrait's stitching",
    {"mlp.0.weight": (None, 126), "mlp.6.bias": (65,)},
    "retarget_shoulder",
)
RETARGET_EYES = _family(
    "liveportrait/eyes",
    "LivePortrait's eye retargeting",
    {"mlp.0.weight": (None, 66), "mlp.10.bias": (63,)},
    "retarget_eye",
)
RETARGET_LIPS = _family(
    "liveportrait/lips",
    "LivePortrait's lip retargeting",
    {"mlp.0.weight": (None, 65), "mlp.6.bias": (63,)},
    "retarget_mouth",
)

GFPGAN = _family(
    "enhance/gfpgan",
    "GFPGAN (clean)",
    {
        "conv_body_first.weight": (None, 3, 1, 1),
        "toRGB.0.weight": (3, None, 1, 1),
        "stylegan_decoder.style_mlp.1.weight": None,
        "condition_scale.0.2.weight": None,
    },
)
GPEN = _family(
    "enhance/gpen",
    "GPEN",
    {
        "generator.conv1.conv.modulation.weight": None,
        "generator.convs.0.conv.blur.kernel": None,
        "ecd1.0.0.kernel": None,
        "final_linear.0.weight": None,
    },
)
PARSENET = _family(
    "enhance/parsenet",
    "the face parser ParseNet",
    {
        "encoder.0.conv2d.weight": (None, 3, 3, 3),
        "encoder.1.shortcut_func.conv2d.weight": None,
        "out_mask_conv.conv2d.weight": None,
    },
)
BISENET = _family(
    "enhance/bisenet",
    "the face parser BiSeNet",
    {
        "cp.resnet.conv1.weight": (None, 3, 7, 7),
        "cp.arm16.conv_atten.weight": None,
        "ffm.convblk.conv.weight": None,
        "conv_out.conv_out.weight": None,
    },
)
# Their networks come from spandrel; here they are only told apart.
CODEFORMER = _family(
    "enhance/codeformer",
    "CodeFormer",
    {
        "position_emb": (None, None),
        "idx_pred_layer.1.weight": None,
        "quantize.embedding.weight": None,
        "ft_layers.0.self_attn.in_proj_weight": None,
    },
)
RESTOREFORMER = _family(
    "enhance/restoreformer",
    "RestoreFormer",
    {
        "quantize.embedding.weight": None,
        "quant_conv.weight": None,
        "encoder.down.0.block.0.norm1.weight": None,
        "decoder.conv_out.weight": (3, None, 3, 3),
    },
    "vqvae",
)

FAMILIES: tuple[Architecture[nn.Module], ...] = (
    FACE_3DRECON,
    AUDIO2EXP,
    AUDIO2POSE,
    KP_EXTRACTOR,
    GENERATOR,
    MAPPING,
    FAN_98,
    RETINAFACE,
    APPEARANCE,
    MOTION_EXTRACTOR,
    WARPING,
    SPADE_GENERATOR,
    STITCHING,
    RETARGET_EYES,
    RETARGET_LIPS,
    GFPGAN,
    GPEN,
    PARSENET,
    BISENET,
)
# Known by name alone: their code is another package's.
FOREIGN: tuple[Architecture[nn.Module], ...] = (CODEFORMER, RESTOREFORMER)
