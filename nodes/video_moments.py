"""Some frames of a prepared video by themselves, so that an editor shows any moment at once."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.motion_request import ReferenceVideo
from .portraits import PortraitValue

# The frames that were looked at last, with what they are of: moving a slider decodes nothing again.
_latest: list[tuple[Callable[[], Any], tuple[int, ...], Tensor]] = []


def at_frames(portrait: PortraitValue, numbers: Sequence[int]) -> PortraitValue:
    """A portrait of these frames alone.

    Args:
        portrait: of a video.
        numbers: of the frames, rising; those beyond the end mean the last one.

    Raises:
        OptionError: the video has no frames.
    """
    from ..sadtalker_core.systems.liveportrait import prepared as liveportrait

    assert portrait.video is not None
    frames = _frames(portrait, tuple(numbers))
    video = ReferenceVideo(lambda: iter([frames]), portrait.video.fps)
    if isinstance(portrait.prepared, liveportrait.PreparedVideo):
        part: Any = liveportrait.at_frames(portrait.prepared, numbers, frames)
    else:
        part = dataclasses.replace(portrait.prepared, video=video)
    return dataclasses.replace(portrait, prepared=part, video=video)


def _frames(portrait: PortraitValue, numbers: tuple[int, ...]) -> Tensor:
    """(N, 3, H, W) uint8."""
    source = portrait.source or {}
    whole = source.get("images") if source.get("video") is None else source.get("video")
    if _latest and whole is not None:
        held, kept, frames = _latest[0]
        if held() is whole and kept == numbers:
            return frames
    assert portrait.video is not None
    frames = _read(portrait.video.open(), numbers)
    _latest.clear()
    if whole is not None:
        _latest.append((weakref.ref(whole, lambda gone: _latest.clear()), numbers, frames))
    return frames


def _read(chunks: Iterator[Tensor], numbers: tuple[int, ...]) -> Tensor:
    found: dict[int, Tensor] = {}
    last: Tensor | None = None
    start = 0
    for chunk in chunks:
        for number in numbers:
            if start <= number < start + len(chunk):
                found[number] = chunk[number - start].clone()
        start, last = start + len(chunk), chunk[-1]
        if start > max(numbers):
            break
    if last is None:
        raise OptionError("the video has no frames; connect another one.")
    end = last.clone()
    return torch.stack([found.get(number, end) for number in numbers])
