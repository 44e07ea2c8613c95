"""What is measured of engines that give new lips: somebody who talks, and the engines at work.

Networks are stand-ins that paint what they see, so that what is measured is what these engines do
besides: cutting out, steadying, blending, pasting. The built-in engine is whole.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

from sadtalker_core.faces.networks import FaceNets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.faces.track import FaceTracker
from sadtalker_core.motion_request import MotionRequest
from sadtalker_core.relip_request import Relipped, RelipVideo
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import LiteMotion
from sadtalker_core.systems.lite import relip as lite
from sadtalker_core.systems.lite.config import LiteRelipOptions, LiteRenderOptions
from sadtalker_core.systems.lite.pipeline import animate, prepare
from sadtalker_core.systems.videoretalking import pipeline as videoretalking
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.weights import RetalkingNets
from sadtalker_core.systems.wav2lip import pipeline as wav2lip
from sadtalker_core.systems.wav2lip.config import Wav2LipOptions
from sadtalker_core.systems.wav2lip.weights import Wav2LipNets
from tests.conftest import speech_like
from tests.systems.videoretalking.stand_ins import stand_ins

FPS = Fraction(25)
LIGHTER = 15 / 255


def talking_clip(
    scene: Tensor,
    nets: FaceNets,
    count: int,
    *,
    opens: float = 0.12,
    noise: float = 2.0,
    walks: bool = True,
) -> Tensor:
    """(count, 3, H, W) uint8: ``scene`` (3, H, W) talks.

    Args:
        opens: how far the mouth opens, parts of the eyes' distance.
        noise: of the camera, levels.
        walks: whether the place moves, by 1.5 pixels a frame.
    """
    found = FaceTracker(nets).update(scene)
    assert found is not None
    prepared = prepare(scene, found.face, LiteRenderOptions())
    time = torch.arange(count) / 9
    open_ = opens * (0.5 - 0.5 * torch.cos(2 * math.pi * time))
    motion = dataclasses.replace(LiteMotion.rest(count, FPS), open=open_, jaw=0.6 * open_)
    frames = torch.cat(list(animate(prepared, motion, Runtime()))).float()
    if walks:
        frames = torch.stack([frame.roll(3 * k // 2, 2) for k, frame in enumerate(frames)])
    generator = torch.Generator().manual_seed(1)
    grain = noise * torch.randn(frames.shape, generator=generator)
    return (frames + grain).round().clamp(0, 255).to(torch.uint8)


def as_it_is(faces: Tensor) -> Tensor:
    """What a network paints that changes nothing."""
    return faces


def lower_and_lighter(faces: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1], by a hundredth of the height and 15 levels."""
    rows = faces.shape[2] // 96
    lower = torch.cat((faces[:, :, :1].expand(-1, -1, rows, -1), faces[:, :, :-rows]), 2)
    return (lower + LIGHTER).clamp(0, 1)


class _Painter(nn.Module):
    """Wav2Lip whose lower half of a face is ``change`` of what it sees."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)
        self.change = change

    def forward(self, heard: Tensor, seen: Tensor) -> Tensor:
        whole = seen[:, 3:].clone()
        whole[:, :, 48:] = self.change(whole)[:, :, 48:]
        return whole


def _asked(frames: Tensor, fps: Fraction, options: Any) -> tuple[RelipVideo, MotionRequest]:
    size = int(frames.shape[2]), int(frames.shape[3])
    video = RelipVideo(lambda: iter(frames.split(4)), fps, len(frames), size)
    sound = speech_like(len(frames) / float(fps) + 0.3)[4800:]  # it begins with a syllable
    length = Fraction(len(sound), 16000)
    return video, MotionRequest(options, length, fps, lambda: iter([sound]), len(sound))


def _collected(made: Relipped) -> Tensor:
    return torch.cat(list(made.frames))


def by_lite(frames: Tensor, nets: FaceNets, fps: Fraction = FPS) -> Tensor:
    """The built-in engine's frames (T, 3, H, W) uint8."""
    options = LiteRelipOptions()
    video, speech = _asked(frames, fps, options)
    return _collected(lite.relip(video, FaceOptions(), None, speech, options, Runtime(), nets))


def by_wav2lip(
    frames: Tensor,
    nets: FaceNets,
    change: Callable[[Tensor], Tensor] = as_it_is,
    fps: Fraction = FPS,
    **given: Any,
) -> Tensor:
    """Wav2Lip's frames (T, 3, H, W) uint8, with a generator that paints ``change``."""
    options = Wav2LipOptions(**given)
    painter: Any = _Painter(change)
    video, speech = _asked(frames, fps, options)
    return _collected(
        wav2lip.relip(
            Wav2LipNets(painter), video, FaceOptions(), None, speech, options, Runtime(), nets
        )
    )


def by_videoretalking(
    frames: Tensor,
    nets: FaceNets | RetalkingNets,
    change: Callable[[Tensor], Tensor] = as_it_is,
    fps: Fraction = FPS,
    **given: Any,
) -> Tensor:
    """VideoReTalking's frames (T, 3, H, W) uint8, with an ENet that paints ``change``, or with
    networks of one's own."""
    networks = nets if isinstance(nets, RetalkingNets) else stand_ins(nets, change)
    options = VideoReTalkingOptions(**given)
    video, speech = _asked(frames, fps, options)
    return _collected(
        videoretalking.relip(networks, video, FaceOptions(), None, speech, options, Runtime())
    )
