"""Faces restored in a stream: where, how calmly, and what stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.enhance import frames as frames_module
from sadtalker_core.enhance.frames import enhance_frames, result_size
from sadtalker_core.enhance.load import Enhancer
from sadtalker_core.enhance.options import EnhanceOptions
from sadtalker_core.enhance.report import EnhanceReport
from sadtalker_core.errors import OptionError
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.geometry.filters import blur
from sadtalker_core.metrics.flicker import compare_flicker
from sadtalker_core.runtime import Runtime

from .toys import enhancer, lighter, portrait, still, stream_of, toy_gfpgan


@pytest.fixture(scope="module")
def nets() -> FaceNets:
    return load_face_nets()


def enhanced(
    nets: FaceNets, frames: Tensor, worker: Enhancer | None = None, chunk: int = 4, **options: Any
) -> tuple[Tensor, EnhanceReport]:
    worker = worker or enhancer(lighter)
    settings = EnhanceOptions(**options)
    done = enhance_frames(stream_of(frames), nets, worker, settings, Runtime(chunk=chunk))
    shown = torch.cat(list(done.frames))
    assert done.frames.length == len(shown)
    assert done.frames.size == tuple(shown.shape[2:])
    return shown, done.report


def changed(before: Tensor, after: Tensor) -> Tensor:
    """(H, W) where any channel of a frame changed."""
    return (before[0] != after[0]).any(0)


def test_the_face_changes_and_nothing_around_it(nets: FaceNets) -> None:
    frames = portrait()[None]
    shown, report = enhanced(nets, frames, keep_colour=False)
    where = changed(frames, shown)
    assert 0.05 < float(where.float().mean()) < 0.5
    assert not where[:, :20].any()
    assert not where[:, -20:].any()
    assert not where[-10:].any()
    assert (report.frames, report.frames_without_face, report.faces_seen) == (1, 0, 1)


def test_a_network_that_changes_nothing_leaves_every_bit(nets: FaceNets) -> None:
    frames = still(2)
    shown, _ = enhanced(nets, frames, enhancer(lambda faces: faces), enhance_strength=1.0)
    assert torch.equal(shown, frames)


def test_strength_and_region(nets: FaceNets) -> None:
    frames = portrait()[None]
    full, _ = enhanced(nets, frames, enhance_strength=1.0, keep_colour=False)
    half, _ = enhanced(nets, frames, enhance_strength=0.5, keep_colour=False)
    none, _ = enhanced(nets, frames, enhance_strength=0.0)
    assert torch.equal(none, frames)
    ratio = (half.float() - frames).abs().sum() / (full.float() - frames).abs().sum()
    assert 0.4 < float(ratio) < 0.6
    mouth, _ = enhanced(nets, frames, enhance_region="mouth", keep_colour=False)
    face, lips = changed(frames, full), changed(frames, mouth)
    assert 0 < int(lips.sum()) < 0.3 * int(face.sum())
    rows = torch.nonzero(lips.any(1))[:, 0]
    assert float(rows.float().mean()) > float(torch.nonzero(face.any(1)).float().mean())


def test_the_skin_keeps_its_colour(nets: FaceNets) -> None:
    frames = portrait()[None]
    kept, _ = enhanced(nets, frames, enhance_strength=1.0)
    loose, _ = enhanced(nets, frames, enhance_strength=1.0, keep_colour=False)
    where = changed(frames, loose)
    grew = [float((x[0].float() - frames[0])[:, where].mean()) for x in (kept, loose)]
    assert abs(grew[0]) < 0.2 * grew[1]
    assert not torch.equal(kept, frames)  # its stripes stay


def noisy(nets: FaceNets, chunk: int) -> Tensor:
    with torch.inference_mode():
        return enhanced(nets, still(5, noise=4.0), enhancer(toy_gfpgan()), chunk=chunk)[0]


@pytest.fixture(scope="module")
def by_twos(nets: FaceNets) -> Tensor:
    return noisy(nets, chunk=2)


@pytest.mark.parametrize("chunk", [1, 3, 50])
def test_the_chunk_changes_nothing(nets: FaceNets, by_twos: Tensor, chunk: int) -> None:
    frames = still(5, noise=4.0)
    shown = noisy(nets, chunk)
    assert torch.equal(shown, by_twos)
    assert not torch.equal(shown, frames)


def test_frames_without_a_face_pass_through_and_are_reported(nets: FaceNets) -> None:
    empty = torch.full((2, 3, 192, 192), 90, dtype=torch.uint8)
    frames = torch.cat((still(4), empty, still(4)))
    shown, report = enhanced(nets, frames)
    assert torch.equal(shown[4:6], empty)
    assert report.frames_without_face == 2
    assert report.ranges_without_face == [(4, 5)]
    assert not torch.equal(shown[0], frames[0])
    strength = (shown.float() - frames).abs().mean((1, 2, 3))
    assert float(strength[3]) < 0.5 * float(strength[0])  # it fades before the face is lost
    tiny = empty[:, :, :40, :40]
    alone, report = enhanced(nets, tiny)
    assert torch.equal(alone, tiny)
    assert report.frames_without_face == report.frames == 2


def test_two_faces_or_the_largest_alone(nets: FaceNets) -> None:
    small = torch.zeros(3, 192, 160, dtype=torch.uint8)
    small[:, 20:148, 10:138] = portrait(128)
    frames = torch.cat((portrait(), small), 2)[None]
    both, report = enhanced(nets, frames, keep_colour=False)
    assert report.faces_seen == 2
    where = changed(frames, both)
    assert where[:, :192].any()
    assert where[:, 192:].any()
    one, report = enhanced(nets, frames, enhance_faces="largest", keep_colour=False)
    assert report.faces_seen == 1
    where = changed(frames, one)
    assert where[:, :192].any()
    assert not where[:, 192:].any()


def test_floats_are_taken_too(nets: FaceNets) -> None:
    frames = portrait()[None]
    shown, _ = enhanced(nets, frames)
    again, _ = enhanced(nets, frames.float() / 255)
    assert torch.equal(shown, again)


def test_enlarged_frames(nets: FaceNets) -> None:
    frames = portrait()[None]
    assert result_size((101, 75), 1.5) == (152, 112)
    assert result_size((101, 75), 1) == (101, 75)
    shown, _ = enhanced(nets, frames, enhancer(lambda faces: faces), upscale=2.0)
    assert shown.shape == (1, 3, 384, 384)
    small = torch.nn.functional.interpolate(shown.float(), (192, 192), mode="area")
    assert float((small - frames).abs().mean()) < 2
    shown, _ = enhanced(nets, frames, upscale=2.0, keep_colour=False)
    plain, _ = enhanced(nets, frames, upscale=2.0, enhance_strength=0.0)
    middle = torch.nonzero(changed(plain, shown)).float().mean(0)
    still_middle = torch.nonzero(changed(frames, enhanced(nets, frames)[0])).float().mean(0)
    assert torch.allclose(middle / 2, still_middle, atol=4)
    with pytest.raises(OptionError, match="by how much"):
        EnhanceOptions(upscaler="x.pth")


def shaky(faces: Tensor) -> Tensor:
    """Detail that hangs on the last bit of the face, as a generator's does."""
    fine = faces - blur(faces, 9, 2.0)
    return faces + 0.3 * fine + 0.06 * torch.sin(fine.mean(1, keepdim=True) * 400)


@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_a_video_does_not_flicker(nets: FaceNets, noise: float) -> None:
    frames = still(7, noise=noise)
    worker = enhancer(shaky, 128)
    calm, _ = enhanced(nets, frames, worker)
    loose, _ = enhanced(nets, frames, worker, enhance_steady=0.0)
    steady = compare_flicker([frames], [calm], nets)
    baseline = compare_flicker([frames], [loose], nets)
    assert steady.ratio < 1.1
    assert baseline.ratio > 1.15
    # of the mesh's place alone: another person in the same place would pass
    assert steady.likeness > 0.9


def test_memory_does_not_grow_with_the_video(nets: FaceNets) -> None:
    """Frames that are taken ahead of those that were given: the window, whatever the length."""
    taken = 0

    def frames() -> Any:
        nonlocal taken
        for frame in still(1).expand(16, -1, -1, -1).split(1):
            taken += 1
            yield frame

    stream = stream_of(still(1))
    endless = type(stream)(frames(), 16, stream.size, stream.fps)
    worker = enhancer(lambda faces: faces)
    done = enhance_frames(endless, nets, worker, EnhanceOptions(), Runtime(chunk=2))
    given = 0
    for chunk in done.frames:
        given += len(chunk)
        assert taken - given <= 11
    assert given == 16


def test_a_batch_that_is_too_large_is_halved(
    nets: FaceNets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def four(device: torch.device, options: EnhanceOptions) -> int:
        return options.enhance_batch

    monkeypatch.setattr(frames_module, "faces_at_once", four)
    batches: list[int] = []

    def small(faces: Tensor) -> Tensor:
        batches.append(len(faces))
        if len(faces) > 1:
            raise torch.cuda.OutOfMemoryError("too much")
        return lighter(faces)

    frames = still(4)
    shown, _ = enhanced(nets, frames, enhancer(small))
    assert batches == [4, 2, 1, 1, 1, 1]
    batches.clear()
    whole, _ = enhanced(nets, frames, enhancer(lighter))
    assert torch.equal(shown, whole)

    def never(faces: Tensor) -> Tensor:
        raise torch.cuda.OutOfMemoryError("too much")

    with pytest.raises(torch.cuda.OutOfMemoryError):
        enhanced(nets, frames, enhancer(never))
