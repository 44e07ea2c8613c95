"""SadTalker's networks as architectures: their sizes are read from the shapes in a file."""

from __future__ import annotations

from typing import Any

from ...faces.architectures import FAN_98, RETINAFACE
from ...faces.architectures import RECON as FACE_3DRECON
from ...weights import families
from ...weights.architecture import Architecture, Shapes, count_keys
from ..blocks.dense_motion import DenseMotionConfig
from ..blocks.spade import SpadeConfig
from .nets.audio_encoder import AudioEncoderConfig
from .nets.expnet import ExpNet, ExpNetConfig
from .nets.generator import Generator, GeneratorConfig
from .nets.keypoint_detector import KeypointDetector, KeypointDetectorConfig
from .nets.mapping import MappingNet, MappingNetConfig
from .nets.posevae import PoseVAE, PoseVAEConfig


def _expnet(shapes: Shapes) -> ExpNetConfig:
    width = shapes["audio_encoder.0.conv_block.0.weight"][0]
    return ExpNetConfig(AudioEncoderConfig(width), shapes["mapping1.weight"][0])


def _posevae(shapes: Shapes) -> PoseVAEConfig:
    decoder = "netG.decoder"
    pose = shapes[f"{decoder}.pose_linear.weight"][0]
    styles, latent = shapes[f"{decoder}.classbias"]
    levels = ("input_skip.0", "residual_conv_1.conv_skip.0", "residual_conv_2.conv_skip.0")
    filters = [shapes[f"{decoder}.resunet.{level}.weight"][0] for level in levels]
    filters.append(shapes[f"{decoder}.resunet.bridge.conv_skip.0.weight"][0])
    return PoseVAEConfig(
        audio=AudioEncoderConfig(shapes["audio_encoder.audio_encoder.0.conv_block.0.weight"][0]),
        frames=shapes[f"{decoder}.MLP.L1.weight"][0] // pose,
        pose=pose,
        latent=latent,
        styles=styles,
        hidden=shapes[f"{decoder}.MLP.L0.weight"][0],
        filters=(filters[0], filters[1], filters[2], filters[3]),
        critic=(
            shapes["netD_motion.seq.0.conv.weight"][0],
            shapes["netD_motion.seq.1.conv.weight"][0],
            shapes["netD_motion.seq.2.conv.weight"][0],
        ),
    )


def _mapping(shapes: Shapes) -> MappingNetConfig:
    width, coefficients, _ = shapes["first.0.weight"]
    return MappingNetConfig(
        coefficients=coefficients,
        width=width,
        layers=count_keys(shapes, "encoder", ".1.weight"),
        bins=shapes["fc_roll.weight"][0],
        keypoints=shapes["fc_exp.weight"][0] // 3,
    )


def _kp_extractor(shapes: Shapes) -> KeypointDetectorConfig:
    blocks = count_keys(shapes, "predictor.down_blocks.down", ".conv.weight")
    deepest = shapes[f"predictor.down_blocks.down{blocks - 1}.conv.weight"][0]
    return KeypointDetectorConfig(
        keypoints=shapes["kp.weight"][0],
        width=shapes["kp.weight"][1],
        max_width=deepest,
        blocks=blocks,
        depth=shapes["predictor.conv.weight"][0] // deepest,
        # The blur reaches four sigma, sigma being (shrink - 1) / 2.
        shrink=round((shapes["down.weight"][2] - 1) / 4) + 1,
    )


def _generator(shapes: Shapes) -> GeneratorConfig:
    motion = "dense_motion_network"
    down = f"{motion}.hourglass.encoder.down_blocks."
    blocks = count_keys(shapes, down, ".conv.weight")
    proposals = shapes[f"{motion}.mask.weight"][0]
    outputs = shapes[f"{motion}.mask.weight"][1]
    compressed, features = shapes[f"{motion}.compress.weight"][:2]
    return GeneratorConfig(
        width=shapes["first.conv.weight"][0],
        resblocks=count_keys(shapes, "resblocks_3d.3dr", ".conv1.weight"),
        motion=DenseMotionConfig(
            keypoints=proposals - 1,
            feature_channels=features,
            depth=shapes["second.weight"][0] // features,
            compressed=compressed,
            width=outputs - proposals * (compressed + 1),
            max_width=shapes[f"{down}{blocks - 1}.conv.weight"][0],
            blocks=blocks,
            kernel=shapes[f"{motion}.mask.weight"][2],
        ),
        spade=SpadeConfig(
            inputs=shapes["decoder.fc.weight"][1],
            outputs=shapes["decoder.conv_img.weight"][1],
            hidden=shapes["decoder.G_middle_0.norm_0.mlp_shared.0.weight"][0],
        ),
    )


AUDIO2EXP = families.AUDIO2EXP.with_network(_expnet, ExpNet, ExpNetConfig)
AUDIO2POSE = families.AUDIO2POSE.with_network(_posevae, PoseVAE, PoseVAEConfig)
MAPPING = families.MAPPING.with_network(_mapping, MappingNet, MappingNetConfig)
KP_EXTRACTOR = families.KP_EXTRACTOR.with_network(
    _kp_extractor, KeypointDetector, KeypointDetectorConfig
)
GENERATOR = families.GENERATOR.with_network(_generator, Generator, GeneratorConfig)

ARCHITECTURES: tuple[Architecture[Any], ...] = (
    FACE_3DRECON,
    AUDIO2EXP,
    AUDIO2POSE,
    MAPPING,
    KP_EXTRACTOR,
    GENERATOR,
    FAN_98,
    RETINAFACE,
)
