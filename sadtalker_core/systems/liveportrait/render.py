"""The renderer: feature volumes and keypoints to frames, prepared once, rendered many times.

What depends on a source picture alone (its feature volume) is computed once; the frames come in
chunks, so memory does not grow with length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ...errors import OptionError
from ...runtime import Runtime
from ...structures import FrameStream, KeypointTrack
from ..blocks.memory import ChunkedRender


class FrameRenderer(Protocol):
    """What is asked of W and G together: ``fast.PlainRenderer`` or ``fast.FastRenderer``."""

    def compress(self, volume: Tensor) -> Tensor:
        """What dense motion needs of feature volumes."""
        ...

    def frames(
        self, volume: Tensor, compressed: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        """(N, 3, 2S, 2S) in [0, 1] for kp_driving (N, K, 3)."""
        ...


@dataclass(frozen=True)
class RenderNets:
    """The three networks, loaded, in evaluation mode, on one device.

    Attributes:
        appearance: F, plain or ``FastEncoder``: (B, 3, S, S) in [0, 1] to (B, C, D, S/4, S/4).
        renderer: W and G.
    """

    appearance: Callable[[Tensor], Tensor]
    renderer: FrameRenderer


@dataclass(frozen=True)
class SourceFeatures:
    """What depends on source pictures alone. Keep it to render them again.

    Attributes:
        volume: (B, C, D, S/4, S/4) feature volume of each picture; one for a still portrait.
        compressed: (B, c, D, S/4, S/4) the same for dense motion.
        size: (2S, 2S) of the frames.
    """

    volume: Tensor
    compressed: Tensor
    size: tuple[int, int]

    def __len__(self) -> int:
        return self.volume.shape[0]

    def __getitem__(self, pictures: slice) -> SourceFeatures:
        """The features of a range of pictures."""
        return SourceFeatures(self.volume[pictures], self.compressed[pictures], self.size)


def prepare_features(nets: RenderNets, pictures: Tensor, runtime: Runtime) -> SourceFeatures:
    """Encode source crops.

    Args:
        nets: the networks.
        pictures: (B, 3, S, S) RGB, uint8 or float in [0, 1]; the published networks take S = 256.
        runtime: where to; asked for a cancel before every picture.
    """
    if pictures.ndim != 4 or pictures.shape[1] != 3 or pictures.shape[2] != pictures.shape[3]:
        raise OptionError(f"The renderer needs (B, 3, S, S) crops, got {tuple(pictures.shape)}.")
    volumes: list[Tensor] = []
    with torch.inference_mode():
        for picture in pictures.split(1):
            runtime.check_cancelled()
            pixels = picture.to(runtime.device)
            pixels = pixels.float() if picture.is_floating_point() else pixels.float() / 255
            volumes.append(nets.appearance(pixels))
        volume = torch.cat(volumes)
        compressed = nets.renderer.compress(volume)
    side = 2 * pictures.shape[2]
    return SourceFeatures(volume, compressed, (side, side))


def render_chunk(
    nets: RenderNets, features: SourceFeatures, kp_source: Tensor, kp_driving: Tensor
) -> Tensor:
    """(N, 3, 2S, 2S) float32 RGB frames in [0, 1], all at once.

    Args:
        nets: the networks.
        features: one picture, or one for each frame.
        kp_source: (1 or N, K, 3) where the pictures' keypoints are (x_s).
        kp_driving: (N, K, 3) where they go (x_d).
    """
    if len(features) not in (1, len(kp_driving)):
        raise OptionError(
            f"{len(kp_driving)} frames need one source picture or as many, got {len(features)}."
        )
    with torch.inference_mode():
        frames = nets.renderer.frames(features.volume, features.compressed, kp_source, kp_driving)
    return frames.float()


def render(
    nets: RenderNets, features: SourceFeatures, track: KeypointTrack, runtime: Runtime
) -> FrameStream:
    """The frames of a whole track, made while they are read.

    The frames of one network call are handed on together: ``runtime.chunk`` of them, fewer on a
    CPU and when memory runs out. How many never changes a frame beyond rounding.
    """
    chunks = render_frames(nets, iter([(features, track)]), runtime, length=len(track))
    return FrameStream(chunks, len(track), features.size, track.fps)


def chunked(runtime: Runtime, size: tuple[int, int]) -> ChunkedRender:
    """Renders frames of ``size`` (H, W) as many at a time as fit."""
    return ChunkedRender(runtime, size, "Close other programs or run on the CPU.")


def render_frames(
    nets: RenderNets,
    pieces: Iterable[tuple[SourceFeatures, KeypointTrack]],
    runtime: Runtime,
    length: int = 0,
    at_once: ChunkedRender | None = None,
) -> Iterator[Tensor]:
    """Frames (N, 3, 2S, 2S) of keypoints that come in pieces of any length.

    Args:
        nets: the networks.
        pieces: features and keypoints; of a still portrait the features are always the same, of a
            source video there are as many as frames in the piece. They are read one at a time.
        runtime: chunk size, progress and cancel.
        length: frames altogether for the progress, 0 when unknown.
        at_once: remembers from call to call how many frames fit into memory.
    """
    done = 0
    for features, track in pieces:
        at_once = at_once or chunked(runtime, features.size)

        def make(
            part: slice, features: SourceFeatures = features, track: KeypointTrack = track
        ) -> Tensor:
            return render_chunk(
                nets,
                features if len(features) == 1 else features[part],
                (track.source if len(track.source) == 1 else track.source[part]).to(runtime.device),
                track.driving[part].to(runtime.device),
            )

        for frames in at_once.frames(len(track), make):
            done += len(frames)
            runtime.progress("render", done, length)
            yield frames
