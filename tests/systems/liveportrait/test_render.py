"""Rendering in chunks: progress, cancel, memory, and frames that do not depend on any of it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled, OptionError
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import KeypointTrack
from sadtalker_core.systems.blocks import memory
from sadtalker_core.systems.blocks.memory import RenderMemoryError
from sadtalker_core.systems.liveportrait.render import (
    RenderNets,
    SourceFeatures,
    prepare_features,
    render,
    render_chunk,
    render_frames,
)

from .toy_nets import toy_appearance, toy_keypoints, toy_render_nets

SIDE = 64
FPS = Fraction(25)


@pytest.fixture(scope="module")
def nets() -> RenderNets:
    return toy_render_nets()


@pytest.fixture(scope="module")
def still(nets: RenderNets) -> SourceFeatures:
    return prepare_features(nets, pictures(1), Runtime())


def pictures(count: int) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, SIDE, SIDE), dtype=torch.uint8, generator=random)


def track(frames: int, sources: int = 1) -> KeypointTrack:
    source, driving = toy_keypoints(frames)
    return KeypointTrack(source + 0.02 * torch.arange(sources).view(-1, 1, 1), driving, FPS)


def test_source_is_prepared_once(nets: RenderNets, still: SourceFeatures) -> None:
    assert still.size == (2 * SIDE, 2 * SIDE)
    assert still.volume.shape == (1, 4, 2, SIDE // 4, SIDE // 4)
    assert still.compressed.shape == (1, 1, 2, SIDE // 4, SIDE // 4)
    again = prepare_features(nets, pictures(1).float() / 255, Runtime())
    torch.testing.assert_close(again.volume, still.volume)
    with pytest.raises(OptionError, match=r"\(B, 3, S, S\) crops, got \(3, 8, 8\)"):
        prepare_features(nets, torch.zeros(3, 8, 8), Runtime())


def test_preparing_can_be_cancelled(nets: RenderNets) -> None:
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        prepare_features(nets, pictures(5), Runtime(cancelled=lambda: next(asked)))


@pytest.mark.parametrize("chunk", [1, 3, 8])
@pytest.mark.parametrize("is_video", [False, True], ids=["still", "video"])
def test_frames_do_not_depend_on_the_chunk(
    nets: RenderNets,
    still: SourceFeatures,
    chunk: int,
    is_video: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "CPU_FRAMES", 100)
    features = prepare_features(nets, pictures(5), Runtime()) if is_video else still
    clip = track(5, 5 if is_video else 1)
    want = render_chunk(nets, features, clip.source, clip.driving)
    assert want.shape == (5, 3, 2 * SIDE, 2 * SIDE)
    assert 0 <= want.min() < want.max() <= 1
    assert (want[0] - want[1]).abs().max() > 1e-4
    done: list[tuple[str, int, int]] = []
    runtime = Runtime(chunk=chunk, progress=lambda *args: done.append(args))
    stream = render(nets, features, clip, runtime)
    assert (stream.length, stream.size, stream.fps) == (5, (2 * SIDE, 2 * SIDE), FPS)
    parts = list(stream)
    assert [len(part) for part in parts] == [min(chunk, 5 - i) for i in range(0, 5, chunk)]
    torch.testing.assert_close(torch.cat(parts), want, atol=1e-5, rtol=1e-5)
    assert done[-1] == ("render", 5, 5)
    assert len(done) == len(parts)


def test_every_frame_of_a_source_video_is_its_own(nets: RenderNets) -> None:
    features = prepare_features(nets, pictures(2), Runtime())
    clip = track(2, 2)
    both = render_chunk(nets, features, clip.source, clip.driving)
    second = render_chunk(nets, features[1:], clip.source[1:], clip.driving[1:])
    torch.testing.assert_close(both[1:], second, atol=1e-5, rtol=1e-5)
    with pytest.raises(OptionError, match="3 frames need one source picture or as many, got 2"):
        render_chunk(nets, features, clip.source, track(3).driving)


def test_a_processor_takes_few_frames_at_once(nets: RenderNets, still: SourceFeatures) -> None:
    parts = [len(part) for part in render(nets, still, track(5), Runtime(chunk=8))]
    assert max(parts) == memory.CPU_FRAMES


def test_pieces_are_read_one_at_a_time(nets: RenderNets, still: SourceFeatures) -> None:
    clip, read = track(4), 0
    want = render(nets, still, clip, Runtime()).collect().frames

    def pieces() -> Iterator[tuple[SourceFeatures, KeypointTrack]]:
        nonlocal read
        for kp in clip.driving.split(2):
            read += 1
            yield still, KeypointTrack(clip.source, kp, FPS)

    frames = render_frames(nets, pieces(), Runtime(chunk=1))
    first = next(frames)
    assert read == 1
    torch.testing.assert_close(torch.cat([first, *frames]), want, atol=1e-5, rtol=1e-5)


def test_cancel_is_seen_between_chunks(nets: RenderNets, still: SourceFeatures) -> None:
    asked = iter([False, False, True])
    frames = iter(render(nets, still, track(5), Runtime(chunk=1, cancelled=lambda: next(asked))))
    next(frames)
    next(frames)
    with pytest.raises(Cancelled):
        next(frames)


class Hungry:
    """A renderer that runs out of memory with more than ``most`` frames."""

    def __init__(self, most: int, error: Exception) -> None:
        self.most, self.error = most, error
        self.tried: list[int] = []

    def compress(self, volume: Tensor) -> Tensor:
        return volume

    def frames(
        self, volume: Tensor, compressed: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        self.tried.append(len(kp_driving))
        if len(kp_driving) > self.most:
            raise self.error
        return kp_driving[:, :1, :, None].expand(-1, 3, -1, 4)


@pytest.mark.parametrize("sources", [1, 10], ids=["still", "video"])
def test_chunk_is_halved_when_memory_runs_out(
    still: SourceFeatures, sources: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CPU_FRAMES", 100)
    greedy = Hungry(2, RuntimeError("CUDA error: out of memory"))
    clip = track(10, sources)
    many = SourceFeatures(
        still.volume.expand(sources, -1, -1, -1, -1),
        still.compressed.expand(sources, -1, -1, -1, -1),
        still.size,
    )
    frames = list(render(RenderNets(toy_appearance(), greedy), many, clip, Runtime(chunk=8)))
    # Once found, the size that fits is kept.
    assert greedy.tried == [8, 4, 2, 2, 2, 2, 2]
    assert torch.cat(frames)[:, 0, :, 0].equal(clip.driving[:, 0])


def test_memory_for_not_even_one_frame(still: SourceFeatures) -> None:
    greedy = Hungry(0, torch.cuda.OutOfMemoryError("dry"))
    frames = render(RenderNets(toy_appearance(), greedy), still, track(3), Runtime(chunk=2))
    with pytest.raises(RenderMemoryError, match=f"one frame of {2 * SIDE}x{2 * SIDE}"):
        next(iter(frames))
    assert greedy.tried == [2, 1]


def test_other_errors_are_not_swallowed(still: SourceFeatures) -> None:
    broken = Hungry(0, RuntimeError("shapes do not match"))
    frames = render(RenderNets(toy_appearance(), broken), still, track(3), Runtime())
    with pytest.raises(RuntimeError, match="shapes do not match"):
        next(iter(frames))
    assert broken.tried == [2]
