"""Toy networks through the real pipeline."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled, NoFaceError, OptionError
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.motion_request import MotionRequest
from sadtalker_core.relip_request import Relipped, RelipVideo
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.videoretalking import pipeline
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.weights import RetalkingNets

from . import toys

Place = tuple[float, float, float] | None
SIZE = (91, 117)
AT = (60.0, 44.0, 40.0)
# The mouth's enhancer stays: with it a toy face is 64 pixels wide, and 512 without.
PLAIN: dict[str, Any] = {"reference_enhancer": "none"}


@functools.cache
def toy_nets(reference_enhancer: str, mouth_enhancer: str, up_face: str) -> RetalkingNets:
    """Made once: a job does not change its networks."""
    return toys.toy_nets(
        VideoReTalkingOptions(
            reference_enhancer=reference_enhancer, mouth_enhancer=mouth_enhancer, up_face=up_face
        )
    )


def noise(frames: int, size: tuple[int, int] = SIZE) -> Tensor:
    generator = torch.Generator().manual_seed(frames)
    small = torch.randint(0, 255, (frames, 3, 9, 12), generator=generator).float()
    shown = torch.nn.functional.interpolate(small, size, mode="bilinear", align_corners=False)
    return shown.to(torch.uint8)


def relip(
    monkeypatch: pytest.MonkeyPatch,
    frames: Tensor,
    places: Sequence[Place],
    runtime: Runtime | None = None,
    source_index: Any = None,
    nets: Any = None,
    samples: int = 4000,
    opened: Any = None,
    sound: Tensor | None = None,
    fps: Fraction = Fraction(25),
    **options: Any,
) -> Relipped:
    given = VideoReTalkingOptions(**options)
    finder = toys.Scripted(places)
    monkeypatch.setattr(pipeline, "_finder", lambda nets, faces, who: finder)
    size = (frames.shape[2], frames.shape[3])
    more = {} if source_index is None else {"source_index": source_index}
    opens = opened or (lambda: iter(frames.split(2)))
    video = RelipVideo(opens, fps, len(frames), size, **more)
    heard = torch.sin(torch.arange(samples) / 9) * 0.2 if sound is None else sound
    duration = Fraction(len(heard), 16000)
    speech = MotionRequest(given, duration, fps, lambda: iter(heard.split(1000)), len(heard))
    return pipeline.relip(
        nets or toy_nets(given.reference_enhancer, given.mouth_enhancer, given.up_face),
        video,
        FaceOptions(),
        None,
        speech,
        given,
        runtime or Runtime(chunk=3),
    )


def collected(result: Relipped) -> Tensor:
    return torch.cat(list(result.frames))


def changed(before: Tensor, after: Tensor) -> Tensor:
    return (before != after).any(1)


def test_frames_with_and_without_the_face(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = noise(5)
    result = relip(monkeypatch, frames, [None, AT, None, AT, AT])
    assert (result.frames.length, result.frames.size, result.frames.fps) == (5, SIZE, 25)
    shown = collected(result)
    assert shown.shape == frames.shape
    assert shown.dtype == torch.uint8
    moved = changed(frames, shown).flatten(1).any(1)
    assert moved.tolist() == [False, True, False, True, True]
    report = result.report
    assert (report.frames, report.frames_without_face) == (5, 2)
    assert report.ranges_without_face == [(0, 0), (2, 2)]
    # what is around the face stays to the bit
    x, y, width = AT
    rows, columns = torch.nonzero(changed(frames, shown)[1], as_tuple=True)
    assert columns.min() > x - 1.3 * width
    assert columns.max() < x + 1.3 * width
    assert rows.max() < y + 1.6 * width
    assert 0.2 * width**2 < len(rows) < 5 * width**2
    # beside frames without the face, lips come softly
    error = (shown.float() - frames.float()).abs().mean((1, 2, 3))
    assert 0 < error[1] < 0.6 * error[4]


def test_a_still_picture_is_a_video_of_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = noise(1)
    shown = collected(relip(monkeypatch, frames, [AT]))
    assert changed(frames, shown).any()


def test_only_a_dozen_frames_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = noise(1)[0]
    living: list[weakref.ref[Any]] = []

    def opened() -> Iterator[Tensor]:
        for _ in range(26):
            # An array lives as long as any part of a tensor over it; a tensor object does not.
            pixels = frame.numpy().copy()
            living.append(weakref.ref(pixels))
            yield torch.from_numpy(pixels)[None]

    result = relip(
        monkeypatch, noise(26), [AT] * 26, source_index=lambda index: 0, opened=opened, **PLAIN
    )
    most = 0
    for shown in result.frames:
        most = max(most, sum(ref() is not None for ref in living))
        del shown
    assert len(living) == 26
    assert 0 < most < 20


def test_chunks_change_nothing_and_seeds_do(monkeypatch: pytest.MonkeyPatch) -> None:
    frames, places = noise(3), [AT, None, AT]
    first = relip(monkeypatch, frames, places, Runtime(chunk=1))
    first_shown = collected(first)
    second = collected(relip(monkeypatch, frames, places, Runtime(chunk=3)))
    assert torch.equal(first_shown, second)
    other = collected(relip(monkeypatch, frames, places, Runtime(chunk=3, seed=1)))
    assert not torch.equal(second, other)  # the noise of ENet


def test_noise_does_not_flicker(monkeypatch: pytest.MonkeyPatch) -> None:
    # one picture, one piece of sound after the other's end: the frames must be equal
    frames = noise(1).expand(12, -1, -1, -1)
    shown = collected(
        relip(monkeypatch, frames, [AT] * 12, source_index=lambda index: 0, samples=3500)
    )
    assert torch.equal(shown[-1], shown[-2])
    assert not torch.equal(shown[0], shown[-1])  # while there is sound, lips move


def test_what_repeats_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    options = VideoReTalkingOptions()
    nets = toys.toy_nets(options)

    def count(module: Any, given: Any, result: Any) -> None:
        nonlocal calls
        calls += 1

    nets.dnet.register_forward_hook(count)
    frames = noise(1).expand(6, -1, -1, -1)
    result = relip(monkeypatch, frames, [AT], nets=nets, source_index=lambda index: 0)
    collected(result)  # the finder has one place only: it looks once
    assert calls == 1


@pytest.fixture(scope="module")
def usual() -> Tensor:
    with pytest.MonkeyPatch.context() as patch:
        return collected(relip(patch, noise(2), [AT, AT]))


@pytest.mark.parametrize(
    "options",
    [
        {"exp_img": "smile"},
        {"up_face": "angry"},
        {"without_rl1": True},
        {"one_shot": True},
        {"pad_bottom": 5},
        {"pad_top": 5},
        {"pad_left": 5},
        {"pad_right": 5},
        {"box": "20,80,30,90"},
        {"static": True},
        {"smoothing": "none"},
        {"reference_enhancer": "none"},
        {"mouth_enhancer": "none"},
        {"blend": "original"},
    ],
    ids=str,
)
def test_every_option_changes_the_result(
    monkeypatch: pytest.MonkeyPatch, usual: Tensor, options: dict[str, Any]
) -> None:
    places: list[Place] = [AT, AT] if "smoothing" not in options else [AT, (64.0, 48.0, 44.0)]
    frames = noise(2)
    if "smoothing" in options:
        usual = collected(relip(monkeypatch, frames, places))
    shown = collected(relip(monkeypatch, frames, places, **options))
    assert shown.shape == frames.shape
    assert not torch.equal(shown, usual)


def test_emotions_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [
        collected(relip(monkeypatch, noise(1), [AT], up_face=emotion, **PLAIN))
        for emotion in ("original", "sad", "angry", "surprise")
    ]
    assert all(not torch.equal(shown[i], shown[j]) for i in range(len(shown)) for j in range(i))


def test_the_upper_half_is_the_filmed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = noise(1)
    # lips alone: where the drawn face is hidden it is drawn, above it is what was filmed
    shown = collected(
        relip(monkeypatch, frames, [AT], without_rl1=True, box="20,80,30,90", **PLAIN)
    )
    error = (shown[0].float() - frames[0].float()).abs().mean(0)
    assert error[24:40, 40:80].mean() < 0.2 * error[55:72, 40:80].mean()


def test_static_shows_the_first_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = noise(3)
    shown = collected(relip(monkeypatch, frames, [AT], static=True))
    for frame in shown:
        assert torch.equal(frame[:, :4], frames[0][:, :4])


def test_an_expression_from_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    options = VideoReTalkingOptions(exp_img="somebody.png", **PLAIN)
    nets = toys.toy_nets(options)
    face = toys.Scripted([AT])
    picture = noise(1)[0]
    monkeypatch.setattr(pipeline, "_finder", lambda nets, faces, who: face)
    found = pipeline._expression(nets, FaceOptions(), options, picture)
    assert found.shape == (64,)
    nobody = toys.Scripted([None])
    monkeypatch.setattr(pipeline, "_finder", lambda nets, faces, who: nobody)
    with pytest.raises(NoFaceError, match=r"somebody\.png"):
        pipeline._expression(nets, FaceOptions(), options, picture)
    with pytest.raises(OptionError, match="neutral, smile"):
        pipeline._expression(nets, FaceOptions(), options, None)


def test_nobody_in_any_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = noise(3)
    result = relip(monkeypatch, frames, [None] * 3)
    shown: list[Tensor] = []
    with pytest.raises(NoFaceError, match=r"any of 3 frames \(91x117\)|\(117x91\)"):
        shown.extend(result.frames)
    assert torch.equal(torch.cat(shown), frames)


def test_a_face_at_the_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = noise(2)
    places: list[Place] = [(100.0, 20.0, 50.0), (8.0, 80.0, 36.0)]
    for blend in ("region", "original"):
        shown = collected(relip(monkeypatch, frames, places, blend=blend))
        assert changed(frames, shown).flatten(1).any(1).all()


def test_pads_that_leave_nothing_of_the_face_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    result = relip(monkeypatch, noise(1), [AT], pad_left=-30, pad_right=-30, **PLAIN)
    with pytest.raises(OptionError, match="pad_left -30 and pad_right -30 leave nothing"):
        collected(result)


def test_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    result = relip(monkeypatch, noise(2), [AT, AT], Runtime(cancelled=lambda: True))
    with pytest.raises(Cancelled):
        collected(result)


def test_no_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    options = VideoReTalkingOptions()
    video = RelipVideo(lambda: iter([noise(1)]), Fraction(25), 1, SIZE)
    speech = MotionRequest(options, Fraction(1), Fraction(25))
    with pytest.raises(OptionError, match="sound"):
        pipeline.relip(
            toys.toy_nets(options), video, FaceOptions(), None, speech, options, Runtime()
        )


@pytest.mark.jobs
@pytest.mark.parametrize("rate", ["22.13", "25", "30000/1001", "30"])
def test_lips_are_in_step_with_the_sound(monkeypatch: pytest.MonkeyPatch, rate: str) -> None:
    """Two sounds part at 0.4 s: so do the lips, at the first frame whose 0.2 s reach there."""
    fps = Fraction(rate)
    sound = torch.sin(torch.arange(16000) / 9) * 0.2
    other = torch.cat((sound[:6400], torch.sin(torch.arange(9600) / 3) * 0.4))
    frames = noise(1).expand(9, -1, -1, -1)
    first, second = (
        collected(relip(monkeypatch, frames, [AT] * 9, sound=each, fps=fps, **PLAIN))
        for each in (sound, other)
    )
    parted = int(torch.nonzero(changed(first, second).flatten(1).any(1))[0])
    assert abs(parted / fps - Fraction(2, 10)) <= 1 / fps
