"""The renderer: a portrait and a track of keypoints to frames, prepared once, rendered many times.

What depends on the portrait alone (its feature volume, its canonical keypoints) is computed once;
the frames come in chunks, so memory does not grow with length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ...errors import OptionError
from ...runtime import Runtime
from ...structures import FrameStream, KeypointTrack
from ..blocks.memory import ChunkedRender
from .nets.keypoint_detector import KeypointDetector


class FrameGenerator(Protocol):
    """What the renderer asks of a generator: ``nets.generator.Generator`` or its fast form."""

    def encode(self, picture: Tensor) -> Tensor:
        """(1, 3, S, S) in [0, 1] to the feature volume (1, C, D, S/4, S/4)."""
        ...

    def compress(self, volume: Tensor) -> Tensor:
        """What dense motion needs of a feature volume."""
        ...

    def frames(
        self, volume: Tensor, compressed: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        """(N, 3, S, S) in [0, 1] for kp_driving (N, K, 3)."""
        ...


@dataclass(frozen=True)
class RenderNets:
    """The two networks, loaded, in evaluation mode, on one device.

    Attributes:
        kp_extractor: portrait to canonical keypoints, float32.
        generator: the plain generator, or ``optimise`` of it.
    """

    kp_extractor: KeypointDetector
    generator: FrameGenerator


@dataclass(frozen=True)
class SourceFeatures:
    """What depends on the portrait alone. Keep it to render several tracks.

    Attributes:
        canonical: (1, K, 3) keypoints before pose and expression, xyz in [-1, 1].
        volume: (1, C, D, S/4, S/4) feature volume.
        compressed: (1, c, D, S/4, S/4) the same for dense motion.
        size: (S, S) of the frames.
    """

    canonical: Tensor
    volume: Tensor
    compressed: Tensor
    size: tuple[int, int]


def prepare_source(nets: RenderNets, picture: Tensor, runtime: Runtime) -> SourceFeatures:
    """Encode a portrait.

    Args:
        nets: the networks.
        picture: (3, S, S) RGB, uint8 or float in [0, 1], S a multiple of 128.
        runtime: where to; asked for a cancel between the networks.
    """
    if picture.ndim != 3 or picture.shape[0] != 3 or picture.shape[1] != picture.shape[2]:
        raise OptionError(f"The renderer needs a (3, S, S) picture, got {tuple(picture.shape)}.")
    pixels = picture.to(runtime.device)
    pixels = pixels.float() if picture.is_floating_point() else pixels.float() / 255
    with torch.inference_mode():
        runtime.check_cancelled()
        canonical = nets.kp_extractor(pixels[None])
        runtime.check_cancelled()
        volume = nets.generator.encode(pixels[None])
        compressed = nets.generator.compress(volume)
    return SourceFeatures(canonical, volume, compressed, (picture.shape[1], picture.shape[2]))


def render_chunk(
    nets: RenderNets, features: SourceFeatures, kp_source: Tensor, kp_driving: Tensor
) -> Tensor:
    """(N, 3, S, S) float32 RGB frames in [0, 1], all at once.

    Args:
        nets: the networks.
        features: the portrait.
        kp_source: (1, K, 3) where its keypoints are.
        kp_driving: (N, K, 3) where they go.
    """
    with torch.inference_mode():
        frames = nets.generator.frames(features.volume, features.compressed, kp_source, kp_driving)
    return frames.float()


def render(
    nets: RenderNets, features: SourceFeatures, track: KeypointTrack, runtime: Runtime
) -> FrameStream:
    """The frames of a whole track, made while they are read.

    The frames of one network call are handed on together: ``runtime.chunk`` of them, fewer on a
    CPU and when memory runs out. How many never changes a frame beyond rounding.
    """
    if track.source.shape[0] != 1:
        raise OptionError(
            f"A portrait has one set of source keypoints, got {track.source.shape[0]}."
        )
    chunks = render_frames(
        nets, features, track.source, iter([track.driving]), runtime, length=len(track)
    )
    return FrameStream(chunks, len(track), features.size, track.fps)


def render_frames(
    nets: RenderNets,
    features: SourceFeatures,
    kp_source: Tensor,
    kp_driving: Iterable[Tensor],
    runtime: Runtime,
    length: int = 0,
) -> Iterator[Tensor]:
    """Frames (N, 3, S, S) of keypoints that come in pieces of any length.

    Args:
        nets: the networks.
        features: the portrait.
        kp_source: (1, K, 3).
        kp_driving: pieces (n, K, 3); they are read one at a time.
        runtime: chunk size, progress and cancel.
        length: frames altogether for the progress, 0 when unknown.
    """
    at_once = ChunkedRender(
        runtime,
        features.size,
        "Close other programs, choose the 256 renderer, or run on the CPU.",
    )
    kp_source = kp_source.to(runtime.device)
    done = 0
    for piece in kp_driving:

        def make(part: slice, piece: Tensor = piece) -> Tensor:
            return render_chunk(nets, features, kp_source, piece[part].to(runtime.device))

        for frames in at_once.frames(len(piece), make):
            done += len(frames)
            runtime.progress("render", done, length)
            yield frames
