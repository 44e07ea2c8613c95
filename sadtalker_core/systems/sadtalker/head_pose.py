"""Head motion: PoseVAE over chunks of 32 frames, then smoothing over time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...geometry.savgol import savgol
from .nets.posevae import PoseVAE

_SMOOTH_WINDOW = 13
_SMOOTH_ORDER = 2


def head_motion(
    net: PoseVAE, speech: Tensor, start: Tensor, style: Tensor, latents: Iterator[Tensor]
) -> Tensor:
    """Change of the head's pose since the first frame.

    The first frame is still. The others go in chunks of 32, each with a z of its own; chunks do
    not know of each other. A remainder r takes the LAST 32 frames and keeps the last r results;
    clips of less than 32 other frames repeat the first of them in front.

    Args:
        net: the network.
        speech: (T, 6) ``net.hear`` of each frame.
        start: (1, 6) pose of the source.
        style: (1,) int64, 0 to 45.
        latents: gives z, (1, 64), for each chunk in order.

    Returns:
        (T, 6) rotation and translation. Source: ``Audio2Pose.test``.
    """
    size = net.config.frames
    heard = speech[1:]
    count = heard.shape[0]
    parts = [torch.zeros_like(start)]
    for begin in range(0, count - count % size, size):
        chunk = heard[None, begin : begin + size]
        parts.append(net(chunk, start, style, next(latents))[0])
    if rest := count % size:
        chunk = torch.cat([heard[:1].expand(max(0, size - count), -1), heard[-size:]])
        parts.append(net(chunk[None], start, style, next(latents))[0, -rest:])
    return torch.cat(parts)


def smoothed(pose: Tensor) -> Tensor:
    """(T, 6) poses with the jumps between chunks damped: Savitzky-Golay of 13 frames, order 2.

    Clips below 13 frames take the longest odd window that fits; those of one or two frames, where
    the reference fails, stay as they are.
    """
    frames = pose.shape[0]
    window = min(_SMOOTH_WINDOW, (frames - 1) // 2 * 2 + 1)
    return savgol(pose, window, _SMOOTH_ORDER) if window > _SMOOTH_ORDER else pose


def seeded_latents(net: PoseVAE, generator: torch.Generator, like: Tensor) -> Iterator[Tensor]:
    """z of one chunk after the other, (1, 64), standard normal, on the device of ``like``.

    One draw for each chunk, so that a clip's beginning does not depend on its length.
    """
    while True:
        yield torch.randn((1, net.config.latent), generator=generator).to(like)
