"""What both networks hear of a sound, in groups of frames of one size.

Networks always run on groups of 32 frames that begin at multiples of 32 of the clip, the last one
filled up. So rounding never depends on how the stream is cut or how many frames flow together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ...audio.wav2lip_mel import WAV2LIP_MEL, WINDOW_COLUMNS
from .nets.expnet import ExpNet
from .nets.posevae import PoseVAE

GROUP = 32  # frames


class HeardGroup(NamedTuple):
    """``embedding`` (32, 512) for ExpNet; ``head`` (32, 6) for PoseVAE, None if not wanted."""

    embedding: Tensor
    head: Tensor | None


def hear(expnet: ExpNet, posevae: PoseVAE | None, groups: Iterable[Tensor]) -> Iterator[HeardGroup]:
    """Both speech encoders on (32, 1, 80, 16) mel windows each."""
    for windows in groups:
        head = None if posevae is None else posevae.hear(windows.to(weight_type(posevae)))
        yield HeardGroup(expnet.embed(windows.to(weight_type(expnet))), head)


def hear_nothing(
    expnet: ExpNet, posevae: PoseVAE | None, device: torch.device
) -> Iterator[HeardGroup]:
    """Without end what the networks make of no sound.

    Idle motion was defined with zeros instead of the mel of silence, which is -4: the reference
    does so, and zeros are what its idle faces look like.
    """
    blank = torch.zeros((GROUP, 1, WAV2LIP_MEL.bands, WINDOW_COLUMNS), device=device)
    return itertools.repeat(next(hear(expnet, posevae, [blank])))


def weight_type(net: torch.nn.Module) -> torch.dtype:
    """Floating point type of a network's weights."""
    return next(net.parameters()).dtype
