"""Data between stages refuse what does not fit, and survive a wire."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import pytest
import torch

from sadtalker_core.errors import StructureError
from sadtalker_core.structures import (
    AudioClip,
    FaceTrack,
    FrameStream,
    LiteMotion,
    VideoClip,
    frames_for,
    in_chunks,
)

FPS = Fraction(25)


@pytest.mark.parametrize(
    ("seconds", "fps", "frames"),
    [
        (Fraction(1), Fraction(25), 25),
        (Fraction(101, 100), Fraction(25), 26),
        (Fraction(1, 1000), Fraction(12), 1),
        (Fraction(0), Fraction(25), 1),
        (Fraction(10), Fraction(30000, 1001), 300),
        (Fraction(1001, 100), Fraction(30000, 1001), 300),
        (Fraction(36000), Fraction(120), 4320000),
    ],
)
def test_frames_cover_the_sound(seconds: Fraction, fps: Fraction, frames: int) -> None:
    assert frames_for(seconds, fps) == frames
    assert frames / fps >= seconds
    assert frames == 1 or (frames - 1) / fps < seconds


def test_motion_names_the_field_that_is_wrong() -> None:
    good = LiteMotion.rest(4, FPS)
    for field in dataclasses.fields(good):
        if field.name in ("fps", "open"):
            continue
        short = getattr(good, field.name)[:3]
        with pytest.raises(StructureError, match=field.name):
            dataclasses.replace(good, **{field.name: short})
    with pytest.raises(StructureError, match="fps"):
        dataclasses.replace(good, fps=25)  # type: ignore[arg-type]
    with pytest.raises(StructureError, match="fps"):
        dataclasses.replace(good, fps=Fraction(0))


def test_motion_slices_all_fields() -> None:
    motion = dataclasses.replace(LiteMotion.rest(6, FPS), open=torch.arange(6.0))
    part = motion[2:5]
    assert len(part) == 3
    assert part.open.tolist() == [2, 3, 4]
    assert part.lids.shape == (3, 2)
    assert part.rotation_rad.shape == (3, 3)


def test_dictionary_round_trip_and_its_refusals() -> None:
    motion = dataclasses.replace(LiteMotion.rest(3, Fraction(30000, 1001)), jaw=torch.rand(3))
    values = motion.to_dict()
    assert values["fps"] == "30000/1001"
    again = LiteMotion.from_dict(values)
    assert again.fps == motion.fps
    assert torch.equal(again.jaw, motion.jaw)
    with pytest.raises(StructureError, match="AudioClip"):
        AudioClip.from_dict(values)
    with pytest.raises(StructureError, match="version 99"):
        LiteMotion.from_dict({**values, "version": 99})


def test_to_changes_only_floating_point_tensors() -> None:
    track = FaceTrack(
        crops=torch.zeros(2, 3, 8, 8),
        landmarks_px=torch.zeros(2, 5, 2),
        image_from_crop=torch.eye(3).repeat(2, 1, 1),
        valid=torch.tensor([True, False]),
        frame_size=(8, 8),
    )
    moved = track.to("cpu", torch.float64)
    assert moved.crops.dtype == torch.float64
    assert moved.valid.dtype == torch.bool
    assert track.crops.dtype == torch.float32
    assert len(moved) == 2
    with pytest.raises(StructureError, match="valid"):
        dataclasses.replace(track, valid=torch.tensor([True]))


def test_audio_clip() -> None:
    clip = AudioClip(torch.zeros(2, 8000), 16000)
    assert clip.duration_s == 0.5
    with pytest.raises(StructureError, match="samples"):
        AudioClip(torch.zeros(8000), 16000)
    with pytest.raises(StructureError, match="sample_rate"):
        AudioClip(torch.zeros(1, 8000), 0)


def test_stream_collects_in_order() -> None:
    chunks = [torch.full((n, 3, 2, 2), float(i)) for i, n in enumerate((2, 1, 3))]
    clip = FrameStream(iter(chunks), 6, (2, 2), FPS).collect()
    assert isinstance(clip, VideoClip)
    assert clip.frames[:, 0, 0, 0].tolist() == [0, 0, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("count", "size", "lengths"), [(5, 2, [2, 2, 1]), (4, 2, [2, 2]), (1, 3, [1]), (0, 3, [])]
)
def test_frames_travel_in_chunks(count: int, size: int, lengths: list[int]) -> None:
    frames = [torch.full((3, 2, 4), float(number)) for number in range(count)]
    chunks = list(in_chunks(iter(frames), size))
    assert [len(chunk) for chunk in chunks] == lengths
    assert [float(frame[0, 0, 0]) for chunk in chunks for frame in chunk] == list(range(count))
    assert all(chunk.shape[1:] == (3, 2, 4) for chunk in chunks)
