"""Driving a picture while frames arrive: no bit depends on the chunks, no frame is kept."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.structures import ImplicitMotion
from sadtalker_core.systems.liveportrait.config import LivePortraitMotionOptions
from sadtalker_core.systems.liveportrait.motion import drive, drive_chunks
from sadtalker_core.systems.liveportrait.retarget import Mlp, RetargetNets
from sadtalker_core.systems.liveportrait.smoothing import OneEuro

from .toy_points import faces, motion, nets, ratios

STILL, DRIVER, NETS = faces(1, 1), motion(9, 2), nets()
OPTIONS = LivePortraitMotionOptions()


def _uneven(net: Mlp) -> Mlp:
    return lambda x: net(x) + 1e-3 * torch.arange(len(x))[:, None] + 1e-2 * len(x)


CHUNKS: list[list[int]] = [[70], [1] * 70, [31, 2, 37], [32, 32, 6], [5, 0, 64, 1]]


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize(
    "case", [{}, {"animal": True}, {"relative": False, "lip_retargeting": True}]
)
def test_chunks_change_no_bit(sizes: list[int], case: dict[str, Any]) -> None:
    long = motion(70, 3)
    animal = case.get("animal", False)
    chosen = LivePortraitMotionOptions(
        **{name: value for name, value in case.items() if name != "animal"}
    )
    opening = ratios(1, 5)
    # Networks as they might be: a row's rounding depends on its place.
    uneven = RetargetNets(_uneven(NETS.stitching), _uneven(NETS.eye), _uneven(NETS.lip))
    whole = drive(STILL, long, chosen, uneven, ratios=opening, animal=animal)
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    chunks = [long[start : start + size] for start, size in zip(starts, sizes)]
    parts = list(drive_chunks(STILL, chunks, chosen, uneven, ratios=opening, animal=animal))
    assert torch.equal(torch.cat([part.driving for part in parts]), whole.driving)
    assert [len(part) for part in parts] == [size for size in sizes if size]


def test_frames_are_made_as_they_arrive() -> None:
    read: list[int] = []

    def camera() -> Iterator[ImplicitMotion]:
        for number in range(5):
            read.append(number)
            yield DRIVER[number : number + 1]

    stream = drive_chunks(STILL, camera(), OPTIONS, NETS)
    next(stream)
    assert read == [0]
    next(stream)
    assert read == [0, 1]


@pytest.mark.parametrize("sizes", [[9], [1] * 9, [4, 0, 5]])
def test_a_camera_can_be_calmed(sizes: list[int]) -> None:
    calm = OneEuro(cutoff_hz=1.0)
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    chunks = [DRIVER[start : start + size] for start, size in zip(starts, sizes)]
    parts = list(drive_chunks(STILL, chunks, OPTIONS, NETS, stitching=False, calm=calm))
    rows = {name: calm.over(getattr(DRIVER, name)) for name in ("expression", "rotation")}
    calmed = dataclasses.replace(DRIVER, **rows)
    want = drive(STILL, calmed, OPTIONS, NETS, stitching=False).driving
    assert torch.equal(torch.cat([part.driving for part in parts]), want)


def test_no_frame_is_kept_of_a_stream() -> None:
    alive: list[weakref.ref[Tensor]] = []

    def camera() -> Iterator[ImplicitMotion]:
        for number in range(4):
            frame = motion(1, number)
            alive.append(weakref.ref(frame.expression))
            yield frame
            del frame

    for track in drive_chunks(STILL, camera(), OPTIONS, NETS, first=DRIVER[:1]):
        alive.append(weakref.ref(track.driving))
        del track
    gc.collect()
    assert [reference() for reference in alive] == [None] * 8


def test_chunks_without_frames_give_none() -> None:
    assert list(drive_chunks(STILL, [DRIVER[:0]], OPTIONS, NETS)) == []
    assert list(drive_chunks(STILL, [], OPTIONS, NETS)) == []
