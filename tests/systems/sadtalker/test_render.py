"""Rendering in chunks: progress, cancel, memory, and frames that do not depend on any of it."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled, OptionError
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import KeypointTrack
from sadtalker_core.systems.blocks import memory
from sadtalker_core.systems.blocks.memory import RenderMemoryError
from sadtalker_core.systems.sadtalker.render import (
    RenderNets,
    SourceFeatures,
    prepare_source,
    render,
    render_chunk,
    render_frames,
)

from .toy_renderer import SIDE, toy_detector, toy_generator, toy_keypoints


@pytest.fixture(scope="module")
def nets() -> RenderNets:
    return RenderNets(toy_detector(), toy_generator())


@pytest.fixture(scope="module")
def features(nets: RenderNets) -> SourceFeatures:
    return prepare_source(nets, picture(), Runtime())


def picture() -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, SIDE, SIDE), dtype=torch.uint8, generator=random)


def track(frames: int) -> KeypointTrack:
    source, driving = toy_keypoints(frames)
    return KeypointTrack(source, driving, Fraction(25))


def test_source_is_prepared_once(nets: RenderNets, features: SourceFeatures) -> None:
    assert features.size == (SIDE, SIDE)
    assert features.canonical.shape == (1, 3, 3)
    assert features.volume.shape == (1, 4, 4, SIDE // 4, SIDE // 4)
    again = prepare_source(nets, picture().float() / 255, Runtime())
    torch.testing.assert_close(again.volume, features.volume)
    with pytest.raises(OptionError, match=r"\(3, S, S\) picture, got \(3, 8, 9\)"):
        prepare_source(nets, torch.zeros(3, 8, 9), Runtime())


def test_preparing_can_be_cancelled(nets: RenderNets) -> None:
    with pytest.raises(Cancelled):
        prepare_source(nets, picture(), Runtime(cancelled=lambda: True))


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_frames_do_not_depend_on_the_chunk(
    nets: RenderNets, features: SourceFeatures, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CPU_FRAMES", 100)
    clip = track(5)
    want = render_chunk(nets, features, clip.source, clip.driving)
    assert want.shape == (5, 3, SIDE, SIDE)
    assert 0 <= want.min() < want.max() <= 1
    assert (want[0] - want[1]).abs().max() > 1e-4
    done: list[tuple[str, int, int]] = []
    runtime = Runtime(chunk=chunk, progress=lambda *args: done.append(args))
    stream = render(nets, features, clip, runtime)
    assert (stream.length, stream.size, stream.fps) == (5, (SIDE, SIDE), Fraction(25))
    parts = list(stream)
    assert [len(part) for part in parts] == [min(chunk, 5 - i) for i in range(0, 5, chunk)]
    torch.testing.assert_close(torch.cat(parts), want, atol=1e-5, rtol=1e-5)
    assert done[-1] == ("render", 5, 5)
    assert len(done) == len(parts)


def test_a_processor_takes_few_frames_at_once(nets: RenderNets, features: SourceFeatures) -> None:
    parts = [len(part) for part in render(nets, features, track(5), Runtime(chunk=8))]
    assert max(parts) == memory.CPU_FRAMES


def test_keypoints_may_come_in_pieces(nets: RenderNets, features: SourceFeatures) -> None:
    clip = track(6)
    want = render(nets, features, clip, Runtime()).collect().frames
    pieces = iter([clip.driving[:1], clip.driving[1:1], clip.driving[1:4], clip.driving[4:]])
    found = list(render_frames(nets, features, clip.source, pieces, Runtime()))
    torch.testing.assert_close(torch.cat(found), want, atol=1e-5, rtol=1e-5)


def test_nothing_is_read_ahead(nets: RenderNets, features: SourceFeatures) -> None:
    clip, read = track(4), 0

    def pieces():
        nonlocal read
        for kp in clip.driving.split(1):
            read += 1
            yield kp

    frames = render_frames(nets, features, clip.source, pieces(), Runtime(chunk=1))
    next(frames)
    assert read == 1


def test_cancel_is_seen_between_chunks(nets: RenderNets, features: SourceFeatures) -> None:
    asked = iter([False, False, True])
    runtime = Runtime(chunk=1, cancelled=lambda: next(asked))
    frames = iter(render(nets, features, track(5), runtime))
    next(frames)
    next(frames)
    with pytest.raises(Cancelled):
        next(frames)


def test_one_set_of_source_keypoints(nets: RenderNets, features: SourceFeatures) -> None:
    clip = track(2)
    many = KeypointTrack(clip.source.expand(2, -1, -1), clip.driving, clip.fps)
    with pytest.raises(OptionError, match="one set of source keypoints, got 2"):
        render(nets, features, many, Runtime())


class Hungry:
    """A generator that runs out of memory with more than ``most`` frames."""

    def __init__(self, most: int, error: Exception) -> None:
        self.most, self.error = most, error
        self.tried: list[int] = []

    def encode(self, picture: Tensor) -> Tensor:
        return picture

    def compress(self, volume: Tensor) -> Tensor:
        return volume

    def frames(
        self, volume: Tensor, compressed: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        self.tried.append(len(kp_driving))
        if len(kp_driving) > self.most:
            raise self.error
        return kp_driving[:, :1, :, None].expand(-1, 3, -1, 4)


OUT_OF_MEMORY = (
    torch.cuda.OutOfMemoryError("CUDA ran dry"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 4 bytes"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes."),
)


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: str(error)[:20])
def test_chunk_is_halved_when_memory_runs_out(
    features: SourceFeatures, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CPU_FRAMES", 100)
    greedy = Hungry(2, error)
    clip = track(10)
    frames = list(render(RenderNets(toy_detector(), greedy), features, clip, Runtime(chunk=8)))
    # Once found, the size that fits is kept.
    assert greedy.tried == [8, 4, 2, 2, 2, 2, 2]
    assert torch.cat(frames)[:, 0, :, 0].equal(clip.driving[:, 0])


def test_memory_for_not_even_one_frame(features: SourceFeatures) -> None:
    greedy = Hungry(0, RuntimeError("out of memory"))
    frames = render(RenderNets(toy_detector(), greedy), features, track(3), Runtime(chunk=2))
    with pytest.raises(RenderMemoryError, match=f"one frame of {SIDE}x{SIDE}"):
        next(iter(frames))
    assert greedy.tried == [2, 1]


def test_other_errors_are_not_swallowed(features: SourceFeatures) -> None:
    broken = Hungry(0, RuntimeError("shapes do not match"))
    frames = render(RenderNets(toy_detector(), broken), features, track(3), Runtime())
    with pytest.raises(RuntimeError, match="shapes do not match"):
        next(iter(frames))
    assert broken.tried == [2]
