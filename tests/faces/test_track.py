from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import FaceIndexError, NoFaceError
from sadtalker_core.faces.appearance import reach_after
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.networks import FaceNets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.faces.track import FaceTracker, TrackedFace, track_face

FAST = FaceOptions(face_search="fast")


def chunks(frames: list[Tensor], size: int = 3) -> Iterator[Tensor]:
    for start in range(0, len(frames), size):
        yield torch.stack(frames[start : start + size])


def shifted(portrait: Tensor, x: int) -> Tensor:
    """A 320x320 window that moves right, so that the face moves left."""
    return portrait[:, :320, 60 + x : 380 + x]


def track(nets: FaceNets, frames: list[Tensor], options: FaceOptions = FAST) -> list[TrackedFace]:
    return list(track_face(nets, chunks(frames), options))


def test_follows_a_moving_face(nets: FaceNets, portrait: Tensor, face: Face) -> None:
    moves = [0, 4, 8, 20, 40, 44]
    tracked = track(nets, [shifted(portrait, x) for x in moves])
    assert [t.valid for t in tracked] == [True] * 6
    for x, t in zip(moves, tracked):
        expected = face.mesh_px[:, :2] - torch.tensor([60.0 + x, 0.0])
        assert (t.face.mesh_px[:, :2] - expected).norm(dim=-1).mean() < 2.0


def test_a_lost_face_is_held_reported_and_found_again(
    nets: FaceNets, portrait: Tensor, caplog: pytest.LogCaptureFixture
) -> None:
    empty = torch.full((3, 320, 320), 90, dtype=torch.uint8)
    frames = [shifted(portrait, 0), empty, empty, shifted(portrait, 10)]
    with caplog.at_level(logging.WARNING):
        tracked = track(nets, frames)
    assert [t.valid for t in tracked] == [True, False, False, True]
    assert tracked[1].face is tracked[0].face
    assert tracked[2].face is tracked[0].face
    assert abs(tracked[3].face.center_px[0] - tracked[0].face.center_px[0] + 10) < 2
    assert "lost in 2 of 4 frames" in caplog.text


def test_frames_before_the_face_get_the_first_face(nets: FaceNets, portrait: Tensor) -> None:
    empty = torch.full((3, 320, 320), 90, dtype=torch.uint8)
    tracked = track(nets, [empty, empty, shifted(portrait, 0)])
    assert [t.valid for t in tracked] == [False, False, True]
    assert tracked[0].face is tracked[2].face


def test_another_person_does_not_take_over(nets: FaceNets, portrait: Tensor) -> None:
    left = torch.full((3, 300, 900), 90, dtype=torch.uint8)
    right = left.clone()
    left[:, :, :300] = portrait[:, :300, 75:375]
    right[:, :, 600:] = someone_else(portrait)
    tracked = track(nets, [left, right, left])
    assert [t.valid for t in tracked] == [True, False, True]
    assert tracked[2].face.center_px[0] < 300


def someone_else(portrait: Tensor) -> Tensor:
    """(3, 300, 300) mirrored, with slightly other hair and skin."""
    mirrored = portrait[:, :300, 75:375].flip(2).float()
    return torch.lerp(mirrored, 0.8 * mirrored[[2, 0, 1]], 0.2).to(torch.uint8)


def seat(portrait: Tensor, *, speaker: int | None, other: int | None) -> Tensor:
    """(3, 300, 900) the speaker and someone else, each at x or not there."""
    frame = torch.full((3, 300, 900), 90, dtype=torch.uint8)
    if speaker is not None:
        frame[:, :, speaker : speaker + 300] = portrait[:, :300, 75:375]
    if other is not None:
        frame[:, :, other : other + 300] = someone_else(portrait)
    return frame


def test_however_long_the_speaker_is_away_nobody_else_speaks(
    nets: FaceNets, portrait: Tensor
) -> None:
    tracker = FaceTracker(nets, replace(FAST, face_select="left"))
    both = tracker.update(seat(portrait, speaker=0, other=600))
    assert both is not None
    assert both.face.center_px[0] < 300
    vars(tracker)["_lost_for"] = 1000  # so many frames would take long
    alone = tracker.update(seat(portrait, speaker=None, other=600))
    assert alone is not None
    assert not alone.valid
    # nor in the speaker's own seat
    same_seat = tracker.update(seat(portrait, speaker=None, other=0))
    assert same_seat is not None
    assert not same_seat.valid
    # the speaker is known elsewhere, with the other now in the old seat
    back = tracker.update(seat(portrait, speaker=560, other=0))
    assert back is not None
    assert back.valid
    assert back.face.center_px[0] > 600


def test_one_face_is_found_again_elsewhere(nets: FaceNets, portrait: Tensor) -> None:
    here = seat(portrait, speaker=0, other=None)
    turned = torch.full_like(here, 90)
    closer = torch.nn.functional.interpolate(portrait[None, :, :260].float(), scale_factor=1.15)
    turned[:, :298, 400:900] = closer[0, :, :298, :500].to(torch.uint8)
    nobody = torch.full_like(here, 90)
    for gap in ([], [nobody]):  # at a cut, and after a while
        tracked = track(nets, [here, *gap, turned])
        assert [t.valid for t in tracked] == [True, *[False] * len(gap), True]
        assert tracked[-1].face.center_px[0] > 500


@pytest.mark.parametrize(("lost_for", "farthest"), [(0, 1.0), (3, 1.3), (5, 1.5), (5000, 1.5)])
def test_reach_has_an_end(lost_for: int, farthest: float) -> None:
    assert reach_after(lost_for) == pytest.approx(farthest)


def test_a_face_by_number_is_waited_for(nets: FaceNets, portrait: Tensor) -> None:
    alone = seat(portrait, speaker=0, other=None)
    both = seat(portrait, speaker=0, other=600)
    second = replace(FAST, face_index=1)
    tracked = track(nets, [alone, both], second)
    assert [t.valid for t in tracked] == [False, True]
    # one frame decides for those who cannot tell afterwards
    with pytest.raises(FaceIndexError, match="only 1 face"):
        FaceTracker(nets, second).update(alone)
    with pytest.raises(FaceIndexError, match="Face 2 was asked for, .* only 2 faces at once"):
        track(nets, [alone, both], replace(FAST, face_index=2))


def test_chunks_do_not_change_the_result(nets: FaceNets, portrait: Tensor) -> None:
    frames = [shifted(portrait, x) for x in (0, 3, 9)]
    options = replace(FAST, landmark_smoothing=0.5)
    one = list(track_face(nets, chunks(frames, 1), options))
    all_at_once = list(track_face(nets, chunks(frames, 3), options))
    for a, b in zip(one, all_at_once):
        assert torch.equal(a.face.mesh_px, b.face.mesh_px)
        assert torch.equal(a.face.eyes_px, b.face.eyes_px)


def test_smoothing_steadies_a_still_face(nets: FaceNets, portrait: Tensor) -> None:
    noise = torch.Generator().manual_seed(3)
    frames: list[Tensor] = []
    for _ in range(8):
        grain = torch.randn(3, 320, 320, generator=noise) * 12
        frames.append((shifted(portrait, 0) + grain).clamp(0, 255).to(torch.uint8))

    def jitter(options: FaceOptions) -> float:
        points = torch.stack([t.face.mesh_px[:, :2] for t in track(nets, frames, options)])
        return float(points.diff(dim=0).norm(dim=-1).mean())

    assert jitter(replace(FAST, landmark_smoothing=1.0)) < 0.6 * jitter(FAST)


def test_no_face_at_all(nets: FaceNets) -> None:
    empty = torch.full((3, 60, 80), 90, dtype=torch.uint8)
    with pytest.raises(NoFaceError, match="any of 2 frames .80x60"):
        track(nets, [empty, empty])


def test_no_frames_give_no_faces(nets: FaceNets) -> None:
    assert track(nets, []) == []


def test_index_beyond_the_faces(nets: FaceNets, portrait: Tensor) -> None:
    with pytest.raises(FaceIndexError, match="only 1 face"):
        track(nets, [shifted(portrait, 0)], FaceOptions(face_index=1, face_search="fast"))
