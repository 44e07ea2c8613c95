"""Toy networks through the real pipeline: repeated videos, lost faces, several faces, memory."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.audio.wav2lip_mel import wav2lip_mel
from sadtalker_core.engines.wav2lip import WAV2LIP
from sadtalker_core.errors import Cancelled, FaceIndexError, NoFaceError, OptionError
from sadtalker_core.faces.nets.s3fd import S3fd, S3fdConfig
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.media.repeat import repeated_frames
from sadtalker_core.motion_request import MotionRequest
from sadtalker_core.relip_request import Relipped, RelipVideo
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.wav2lip import boxes
from sadtalker_core.systems.wav2lip.config import Wav2LipOptions
from sadtalker_core.systems.wav2lip.files import needed_files
from sadtalker_core.systems.wav2lip.nets.generator import Wav2Lip, Wav2LipConfig
from sadtalker_core.systems.wav2lip.pipeline import relip
from sadtalker_core.systems.wav2lip.weights import Wav2LipNets
from tests.conftest import speech_like
from tests.parity.seeded_weights import describe, fill

FPS = Fraction(25)


@pytest.fixture(scope="module")
def face_nets() -> FaceNets:
    return load_face_nets()


@pytest.fixture(scope="module")
def networks() -> Wav2LipNets:
    net = Wav2Lip(Wav2LipConfig(2))
    # torch's own first weights let the sound fade on its way
    net.load_state_dict(fill(describe(net.state_dict()), 2))
    return Wav2LipNets(net.eval().requires_grad_(False))


@pytest.fixture(scope="module")
def scene(demo_portrait: Path) -> Tensor:
    """(3, 224, 224)"""
    return read_picture(demo_portrait).flattened()[:, :224, 114:338]


def walking(scene: Tensor, count: int) -> list[Tensor]:
    return [torch.roll(scene, 2 * k, 2) for k in range(count)]


def video(
    frames: list[Tensor], length: int, repeat: str = "loop", fps: Fraction = FPS
) -> RelipVideo:
    def opened() -> Iterator[Tensor]:
        yield from torch.stack(frames).split(3)

    size = int(frames[0].shape[1]), int(frames[0].shape[2])
    return repeated_frames(opened, fps, len(frames), size, length, repeat, 4)


def speech(seconds: float = 1.0, fps: Fraction = FPS) -> MotionRequest:
    sound = speech_like(seconds)

    def opened() -> Iterator[Tensor]:
        yield from sound.split(3000)

    return MotionRequest(None, Fraction(len(sound), 16000), fps, opened, len(sound))


def made(
    networks: Wav2LipNets,
    shown: RelipVideo,
    nets: FaceNets | None = None,
    runtime: Runtime | None = None,
    who: int | None = None,
    faces: FaceOptions | None = None,
    sound: MotionRequest | None = None,
    **options: object,
) -> tuple[Tensor, Relipped]:
    result = relip(
        networks,
        shown,
        faces or FaceOptions(),
        who,
        sound or speech(fps=shown.fps),
        Wav2LipOptions(**options),  # type: ignore[arg-type]
        runtime or Runtime(),
        nets,
    )
    return torch.cat(list(result.frames)), result


def test_lips_move_and_all_else_stays(
    scene: Tensor, networks: Wav2LipNets, face_nets: FaceNets
) -> None:
    frames = walking(scene, 11)
    found, result = made(networks, video(frames, 11), face_nets)
    assert found.shape == (11, 3, 224, 224)
    assert found.dtype == torch.uint8
    assert (result.report.frames, result.report.frames_without_face) == (11, 0)
    assert result.report.faces_seen == 1
    assert (result.frames.length, result.frames.size, result.frames.fps) == (11, (224, 224), FPS)
    changed = (found != torch.stack(frames)).any(1)
    rows = torch.nonzero(changed.any(2).any(0)).flatten()
    assert rows.min() > 90  # the mouth of the portrait is at row 150
    assert changed.flatten(1).any(1).all()
    assert changed.float().mean() < 0.2


@pytest.fixture(scope="module")
def spoken(scene: Tensor, networks: Wav2LipNets, face_nets: FaceNets) -> Tensor:
    return made(networks, video(walking(scene, 4), 11, "ping-pong"), face_nets)[0]


@pytest.mark.parametrize("chunk", [1, 3, 50])
def test_chunks_change_nothing(
    scene: Tensor, networks: Wav2LipNets, face_nets: FaceNets, spoken: Tensor, chunk: int
) -> None:
    shown = video(walking(scene, 4), 11, "ping-pong")
    found, result = made(networks, shown, face_nets, Runtime(chunk=chunk))
    assert torch.equal(found, spoken)
    assert result.report.frames == 11


def test_frames_that_repeat_have_the_same_place_and_their_own_sound(
    scene: Tensor, networks: Wav2LipNets, face_nets: FaceNets
) -> None:
    frames = walking(scene, 5)
    found, _ = made(networks, video(frames, 10), face_nets, smoothing="none")
    assert not torch.equal(found[:5], found[5:])
    silent = MotionRequest(None, Fraction(1), FPS, lambda: iter([torch.zeros(16000)]), 16000)
    found, _ = made(networks, video(frames, 10), face_nets, sound=silent, smoothing="none")
    assert torch.equal(found[:5], found[5:])


def test_frames_without_a_face_are_passed_on(
    scene: Tensor, networks: Wav2LipNets, face_nets: FaceNets
) -> None:
    frames = walking(scene, 12)
    for index in (0, 1, 5, 6, 7, 11):
        frames[index] = torch.full_like(scene, 90)
    fast = FaceOptions(face_search="fast")
    found, result = made(networks, video(frames, 12, "trim"), face_nets, faces=fast)
    report = result.report
    same = [bool(torch.equal(a, b)) for a, b in zip(found, frames)]
    assert same == [index in (0, 1, 5, 6, 7, 11) for index in range(12)]
    assert report.ranges_without_face == [(0, 1), (5, 7), (11, 11)]
    assert (report.frames, report.frames_without_face) == (12, 6)


def test_every_frame_hears_its_own_sound(
    scene: Tensor, networks: Wav2LipNets, face_nets: FaceNets
) -> None:
    heard: list[Tensor] = []
    hook = networks.generator.register_forward_pre_hook(lambda _, given: heard.append(given[0]))
    gone = torch.full_like(scene, 90)
    frames = [scene, scene, gone, scene, scene, gone, scene, scene, gone, scene]
    try:
        fast = FaceOptions(face_search="fast")
        made(networks, video(frames, 10, "trim"), face_nets, faces=fast)
    finally:
        hook.remove()
    mel = wav2lip_mel(speech_like(1.0), mirrored=True)
    numbers = [index for index in range(10) if frames[index] is scene]
    assert [len(each) for each in heard] == [6, 1]
    for window, number in zip(torch.cat(heard), numbers):
        start = int(3.2 * number)
        assert torch.equal(window[0], mel[:, start : start + 16])


def test_no_face_at_all(networks: Wav2LipNets, face_nets: FaceNets, scene: Tensor) -> None:
    frames = [torch.full_like(scene, 90)] * 3
    with pytest.raises(
        NoFaceError, match=r"any of 9 frames .*or lower detection_threshold \(now 0.50\)"
    ):
        made(networks, video(frames, 9), face_nets, faces=FaceOptions(face_search="fast"))
    with pytest.raises(FaceIndexError):
        made(networks, video(walking(scene, 3), 3), face_nets, who=4)


def test_a_still_picture_and_odd_rates(
    scene: Tensor, networks: Wav2LipNets, face_nets: FaceNets
) -> None:
    fps = Fraction(30000, 1001)
    odd = scene[:, :223, :221].contiguous()
    found, _ = made(networks, video([odd], 20, "hold", fps), face_nets)
    assert found.shape == (20, 3, 223, 221)
    assert not torch.equal(found[0], found[10])
    # after the sound's end the last window is heard
    short, _ = made(networks, video([odd], 20, "hold", fps), face_nets, sound=speech(0.3, fps))
    assert torch.equal(short[15], short[19])


def test_static_shows_the_first_frame_alone(
    scene: Tensor, networks: Wav2LipNets, face_nets: FaceNets
) -> None:
    frames = walking(scene, 6)
    found, _ = made(networks, video(frames, 9), face_nets, static=True)
    still, _ = made(networks, video(frames[:1], 9, "hold"), face_nets)
    assert torch.equal(found, still)


def test_a_fixed_box_needs_no_face_and_hard_paste_fills_it(networks: Wav2LipNets) -> None:
    frames = [torch.full((3, 60, 80), 90, dtype=torch.uint8)] * 5
    found, result = made(networks, video(frames, 5), box="10,50,20,70", paste="hard")
    assert result.report.face_box_px == (20, 10, 70, 50)
    changed = (found != 90).any(1)
    inside = torch.zeros_like(changed)
    inside[:, 10:50, 20:70] = True
    assert not (changed & ~inside).any()
    assert changed[inside].float().mean() > 0.9
    with pytest.raises(OptionError, match="80x60"):
        made(networks, video(frames, 5), box="10,50,20,90")


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "9,9,1,2", "-1,9,1,2", "1.5,9,1,2"])
def test_wrong_boxes(text: str) -> None:
    with pytest.raises(OptionError, match="box"):
        Wav2LipOptions(box=text)


def test_pads_that_leave_nothing_of_the_face_are_told(
    scene: Tensor, networks: Wav2LipNets, face_nets: FaceNets
) -> None:
    shown = video([scene], 1)
    with pytest.raises(OptionError, match=r"pad_left -60 and pad_right -60 leave nothing .* wide"):
        made(networks, shown, face_nets, pad_left=-60, pad_right=-60)
    with pytest.raises(OptionError, match=r"pad_top -300 and pad_bottom 10 leave nothing .* high"):
        made(networks, shown, face_nets, pad_top=-300)


def test_pads_belong_to_their_sides(scene: Tensor, face_nets: FaceNets) -> None:
    nets = Wav2LipNets(Wav2Lip(Wav2LipConfig(2)))

    def box(**pads: int) -> tuple[int, int, int, int]:
        plain = {"pad_bottom": 0, "smoothing": "none"} | pads
        options = Wav2LipOptions(**plain)  # type: ignore[arg-type]
        shown = video([scene], 1)
        (moment,) = boxes.moments(
            shown, FaceOptions(), None, nets, face_nets, options, Runtime(), 1
        )
        assert moment.place is not None
        return moment.place.box

    x0, y0, x1, y1 = box()
    assert box(pad_top=3) == (x0, y0 - 3, x1, y1)
    assert box(pad_bottom=-4) == (x0, y0, x1, y1 - 4)
    assert box(pad_left=5) == (x0 - 5, y0, x1, y1)
    assert box(pad_right=6) == (x0, y0, x1 + 6, y1)


def test_cancel_stops_between_groups(
    scene: Tensor, networks: Wav2LipNets, face_nets: FaceNets
) -> None:
    with pytest.raises(Cancelled):
        made(
            networks,
            video(walking(scene, 3), 30),
            face_nets,
            Runtime(cancelled=lambda: True),
        )


def test_few_frames_are_held(networks: Wav2LipNets) -> None:
    alive: list[weakref.ref[Any]] = []
    most = 0

    def opened() -> Iterator[Tensor]:
        nonlocal most
        for _ in range(60):
            # An array lives as long as any part of a tensor over it; a tensor object does not.
            pixels = np.full((1, 3, 48, 48), 90, np.uint8)
            alive.append(weakref.ref(pixels))
            yield torch.from_numpy(pixels)
            del pixels
            most = max(most, sum(ref() is not None for ref in alive))

    shown = RelipVideo(opened, FPS, 60, (48, 48))
    options = Wav2LipOptions(box="4,44,4,44")
    result = relip(networks, shown, FaceOptions(), None, speech(2.4), options, Runtime())
    assert sum(len(chunk) for chunk in result.frames) == 60
    assert 0 < most < 25


def test_the_engine_names_its_files() -> None:
    assert [file.name for file in needed_files(Wav2LipOptions())] == ["wav2lip-gan"]
    original = Wav2LipOptions(finder="original", model="exact")
    assert [file.name for file in WAV2LIP.weights(original)] == ["wav2lip-exact", "s3fd"]
    boxed = Wav2LipOptions(finder="original", box="1,9,1,9")
    assert [file.name for file in WAV2LIP.weights(boxed)] == ["wav2lip-gan"]


@pytest.mark.parametrize("finder", ["tracker", "original"])
def test_published_layouts_load(finder: str, networks: Wav2LipNets, tmp_path: Path) -> None:
    torch.manual_seed(3)
    detector = S3fd(S3fdConfig(4))
    state = {f"module.{key}": value for key, value in networks.generator.state_dict().items()}
    torch.save({"state_dict": state, "optimizer": {"x": [1]}, "global_step": 3}, tmp_path / "a.pth")
    torch.save(detector.state_dict(), tmp_path / "b.pth", _use_new_zipfile_serialization=False)
    files = {"wav2lip-gan": tmp_path / "a.pth", "s3fd": tmp_path / "b.pth"}
    loaded = WAV2LIP.load(files, Wav2LipOptions(finder=finder), Runtime())
    assert loaded.generator.config.width == 2
    assert not loaded.generator.training
    assert (loaded.detector is None) == (finder == "tracker")


@pytest.mark.jobs
@pytest.mark.parametrize("rate", ["22.13", "25", "30000/1001", "30"])
def test_lips_are_in_step_with_the_sound(
    scene: Tensor, networks: Wav2LipNets, face_nets: FaceNets, rate: str
) -> None:
    """Two sounds part at 0.4 s: so do the lips, at the first frame whose 0.2 s reach there."""
    fps = Fraction(rate)
    sound = speech_like(1.0)
    other = torch.cat((sound[:6400], torch.randn(9600) * 0.3))
    shown = video([scene], 11, fps=fps)
    first, second = (
        made(networks, shown, face_nets, sound=MotionRequest(None, Fraction(1), fps, each, 16000))
        for each in (lambda: iter([sound]), lambda: iter([other]))
    )
    parted = int(torch.nonzero((first[0] != second[0]).flatten(1).any(1))[0])
    assert abs(parted / fps - Fraction(2, 10)) <= 1 / fps
