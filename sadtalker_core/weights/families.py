"""Signatures of the published networks: enough to say what a file is without building a network.

Systems make full ``Architecture``s of these by ``with_network``; commands that only look at files
use them as they are.
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
    name: str,
    title: str,
    signature: dict[str, tuple[int | None, ...] | None],
    prefix: str = "",
    ignored: tuple[str, ...] = (),
) -> Architecture[nn.Module]:
    return Architecture(name, title, signature, _no_config, _no_module, prefix, None, ignored)


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

FAN_68 = _family(
    "faces/fan68",
    "the 68-landmark network (FAN, 4 hourglasses)",
    {
        "conv1.weight": (None, 3, 7, 7),
        "m0.b2_plus_1.conv1.weight": None,
        "top_m_0.conv1.weight": None,
        "l0.weight": (68, None, 1, 1),
    },
)
S3FD = _family(
    "faces/s3fd",
    "the face detector S3FD",
    {
        "conv1_1.weight": (None, 3, 3, 3),
        "conv3_3_norm.weight": None,
        "conv3_3_norm_mbox_conf.weight": (4, None, 3, 3),
        "conv7_2_mbox_loc.weight": (4, None, 3, 3),
    },
)
WAV2LIP = _family(
    "wav2lip/generator",
    "Wav2Lip's generator",
    {
        "face_encoder_blocks.0.0.conv_block.0.weight": (None, 6, 7, 7),
        "audio_encoder.0.conv_block.0.weight": (None, 1, 3, 3),
        "face_decoder_blocks.6.0.conv_block.0.weight": None,
        "output_block.1.weight": (3, None, 1, 1),
    },
)
LIP_EXPERT = _family(
    "metrics/lip_expert",
    "Wav2Lip's lip expert",
    {
        "face_encoder.0.conv_block.0.weight": (None, 15, 7, 7),
        "audio_encoder.0.conv_block.0.weight": (None, 1, 3, 3),
    },
)
SYNCNET_V2 = _family(
    "metrics/syncnet_v2",
    "the original SyncNet",
    {
        "netcnnaud.0.weight": (None, 1, 3, 3),
        "netcnnlip.0.weight": (None, 3, 5, 7, 7),
        "netfclip.3.weight": None,
    },
)

DNET = _family(
    "videoretalking/dnet",
    "VideoReTalking's DNet",
    {
        "mapping_net.first.0.weight": (None, None, 7),
        "warpping_net.hourglass.encoder.input_layer.weight": (None, 3, 7, 7),
        "editing_net.decoder.final.model.0.weight": (3, None, 7, 7),
    },
)
LNET = _family(
    "videoretalking/lnet",
    "VideoReTalking's LNet",
    {
        "encoder.first_inp.model.0.weight_orig": (None, 3, 7, 7),
        "encoder.ca2.layers.0.0.normy.weight": None,
        "decoder.res2.res0.conv1.ffc.convg2g.fu.conv_layer.weight": None,
        "audio_encoder.0.conv_block.0.weight": (None, 1, 3, 3),
    },
)
# The file may hold LNet as it was in training; what counts is LNet's own file.
ENET = _family(
    "videoretalking/enet",
    "VideoReTalking's ENet",
    {
        "conv_body_first.weight": (None, 3, 1, 1),
        "style_convs.0.modulated_conv.weight": (1, None, 3, 3, 3),
        "to_rgbs.0.bias": (1, 3, 1, 1),
        "final_linear.weight": None,
    },
    ignored=("low_res.*",),
)
# Old versions of torch saved statistics of instance norms, which nothing reads.
GANIMATION = _family(
    "videoretalking/ganimation",
    "GANimation's generator",
    {
        "model.0.weight": (None, None, 7, 7),
        "model.9.conv_block.0.weight": None,
        "color_top.0.weight": (3, None, 7, 7),
        "au_top.0.weight": (1, None, 7, 7),
    },
    ignored=("model.*running_mean", "model.*running_var", "model.*num_batches_tracked"),
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
    FAN_68,
    S3FD,
    WAV2LIP,
    LIP_EXPERT,
    SYNCNET_V2,
    DNET,
    LNET,
    ENET,
    GANIMATION,
)
# Known by name alone: their code is another package's.
FOREIGN: tuple[Architecture[nn.Module], ...] = (CODEFORMER, RESTOREFORMER)
