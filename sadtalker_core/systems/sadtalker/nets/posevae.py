"""PoseVAE: speech and a style become head motion, 32 frames at a time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .audio_encoder import AudioEncoder, AudioEncoderConfig


@dataclass(frozen=True)
class PoseVAEConfig:
    """Sizes of PoseVAE; the defaults are the published ones.

    Attributes:
        audio: its speech encoder.
        frames: in a chunk of motion; a multiple of 8.
        pose: numbers of a pose: rotation and translation.
        latent: size of z and of a style.
        styles: number of learnt styles.
        hidden: of the decoder's first layer.
        filters: channels of the four levels of the U-net over (frames, pose).
        critic: channels of the three layers of the critic.
    """

    audio: AudioEncoderConfig = field(default_factory=AudioEncoderConfig)
    frames: int = 32
    pose: int = 6
    latent: int = 64
    styles: int = 46
    hidden: int = 128
    filters: tuple[int, int, int, int] = (32, 64, 128, 256)
    critic: tuple[int, int, int] = (256, 512, 1024)


class ResidualUnit(nn.Module):
    """Pre-activated residual unit; ``stride`` acts on frames, the pose columns stay."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        steps = (stride, 1)
        self.conv_block = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.ReLU(),
            nn.Conv2d(in_channels, out_channels, 3, steps, 1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
        )
        self.conv_skip = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, steps, 1),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_block(x) + self.conv_skip(x)


class Upsample(nn.Module):
    """Twice as many frames."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose2d(channels, channels, (2, 1), (2, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.upsample(x)


class ResUnet(nn.Module):
    """Residual U-net over an image of frames x pose columns."""

    def __init__(self, filters: tuple[int, int, int, int]) -> None:
        super().__init__()
        a, b, c, d = filters
        self.input_layer = nn.Sequential(
            nn.Conv2d(1, a, 3, padding=1),
            nn.BatchNorm2d(a),
            nn.ReLU(),
            nn.Conv2d(a, a, 3, padding=1),
        )
        self.input_skip = nn.Sequential(nn.Conv2d(1, a, 3, padding=1))
        self.residual_conv_1 = ResidualUnit(a, b, 2)
        self.residual_conv_2 = ResidualUnit(b, c, 2)
        self.bridge = ResidualUnit(c, d, 2)
        self.upsample_1 = Upsample(d)
        self.up_residual_conv1 = ResidualUnit(d + c, c, 1)
        self.upsample_2 = Upsample(c)
        self.up_residual_conv2 = ResidualUnit(c + b, b, 1)
        self.upsample_3 = Upsample(b)
        self.up_residual_conv3 = ResidualUnit(b + a, a, 1)
        self.output_layer = nn.Sequential(nn.Conv2d(a, 1, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, 32, 6) -> (B, 1, 32, 6) in (0, 1)."""
        full = self.input_layer(x) + self.input_skip(x)
        half = self.residual_conv_1(full)
        quarter = self.residual_conv_2(half)
        x = self.bridge(quarter)
        x = self.up_residual_conv1(torch.cat([self.upsample_1(x), quarter], 1))
        x = self.up_residual_conv2(torch.cat([self.upsample_2(x), half], 1))
        x = self.up_residual_conv3(torch.cat([self.upsample_3(x), full], 1))
        return self.output_layer(x)


def _layers(config: PoseVAEConfig, inputs: int, decodes: bool) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["L0"] = nn.Linear(inputs, config.hidden)
    layers["A0"] = nn.ReLU()
    if decodes:
        layers["L1"] = nn.Linear(config.hidden, config.frames * config.pose)
        layers["sigmoid"] = nn.Sigmoid()
    return nn.Sequential(layers)


class PoseEncoder(nn.Module):
    """Motion to latent. It is used in training alone; here it holds the checkpoint's tensors."""

    def __init__(self, config: PoseVAEConfig) -> None:
        super().__init__()
        motion = config.frames * config.pose
        self.classbias = nn.Parameter(torch.randn(config.styles, config.latent))
        self.resunet = ResUnet(config.filters)
        self.MLP = _layers(config, 2 * motion + config.pose + config.latent, decodes=False)
        self.linear_means = nn.Linear(config.hidden, config.latent)
        self.linear_logvar = nn.Linear(config.hidden, config.latent)
        self.linear_audio = nn.Linear(config.audio.embedding, config.pose)


class PoseDecoder(nn.Module):
    """Latent, style, speech and the pose to start from become motion."""

    def __init__(self, config: PoseVAEConfig) -> None:
        super().__init__()
        motion = config.frames * config.pose
        self.classbias = nn.Parameter(torch.randn(config.styles, config.latent))
        self.resunet = ResUnet(config.filters)
        self.MLP = _layers(config, motion + config.pose + config.latent, decodes=True)
        self.pose_linear = nn.Linear(config.pose, config.pose)
        self.linear_audio = nn.Linear(config.audio.embedding, config.pose)
        self.image = (1, config.frames, config.pose)

    def forward(self, speech: Tensor, start: Tensor, style: Tensor, z: Tensor) -> Tensor:
        """One chunk of motion.

        Args:
            speech: (B, 32, 6) ``linear_audio`` of the embeddings.
            start: (B, 6) pose of the source.
            style: (B,) int64.
            z: (B, 64).

        Returns:
            (B, 32, 6) change of the pose.
        """
        latent = z + self.classbias[style]
        x = self.MLP(torch.cat([start, latent, speech.flatten(1)], 1))
        x = self.resunet(x.unflatten(1, self.image))
        return self.pose_linear(x.squeeze(1))


class PoseVariationalNet(nn.Module):
    """Encoder and decoder."""

    def __init__(self, config: PoseVAEConfig) -> None:
        super().__init__()
        self.encoder = PoseEncoder(config)
        self.decoder = PoseDecoder(config)


class CriticConv(nn.Module):
    """Convolution over time and its norm, of the critic."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel, stride, 1, bias=False)
        self.norm = nn.BatchNorm1d(out_channels)


class PoseCritic(nn.Module):
    """Judge of motion. It is used in training alone; here it holds the checkpoint's tensors."""

    def __init__(self, config: PoseVAEConfig) -> None:
        super().__init__()
        a, b, c = config.critic
        self.seq = nn.Sequential(
            CriticConv(config.pose, a, 4, 2),
            CriticConv(a, b, 4, 2),
            CriticConv(b, c, 3, 1),
            nn.Conv1d(c, 1, 3, 1, 1),
        )


class PoseVAE(nn.Module):
    """Attribute names are those under ``audio2pose.`` in the published checkpoint."""

    def __init__(self, config: PoseVAEConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PoseVAEConfig()
        self.audio_encoder = AudioEncoder(config.audio)
        self.netG = PoseVariationalNet(config)
        self.netD_motion = PoseCritic(config)

    def hear(self, windows: Tensor) -> Tensor:
        """(N, 1, 80, 16) mel windows -> (N, 6), what the decoder reads of each frame's speech."""
        return self.netG.decoder.linear_audio(self.audio_encoder(windows))

    def forward(self, speech: Tensor, start: Tensor, style: Tensor, z: Tensor) -> Tensor:
        """Motion of one chunk, see ``PoseDecoder.forward``."""
        return self.netG.decoder(speech, start, style, z)
