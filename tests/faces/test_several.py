"""Several faces keep their numbers, whatever they do."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sadtalker_core.faces import several
from sadtalker_core.faces.appearance import alike, appearance
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import FaceNets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.faces.several import SeveralTracker, track_several
from sadtalker_core.faces.track import TrackedFace

SIZE = 220


def people(portrait: Tensor, differ: float = 1.0) -> tuple[Tensor, Tensor]:
    """Two heads (3, 220, 220): as it is, and mirrored with other hair and skin."""
    head = portrait[:, 20:240, 115:335]
    mirrored = head.flip(2).float()
    other = torch.lerp(mirrored, 0.8 * mirrored[[2, 0, 1]], differ)
    return head, other.to(torch.uint8)


def scene(places: list[tuple[Tensor, int, int]], size: tuple[int, int] = (260, 700)) -> Tensor:
    frame = torch.full((3, *size), 90, dtype=torch.uint8)
    for head, x, y in places:
        frame[:, y : y + head.shape[1], x : x + head.shape[2]] = head
    return frame


def x_of(row: list[TrackedFace]) -> list[int | None]:
    """Where each person is seen, None where not."""
    return [round(seen.face.center_px[0]) if seen.valid else None for seen in row]


def near(found: Sequence[int | None], wanted: Sequence[int | None]) -> bool:
    return len(found) == len(wanted) and all(
        (a is None) == (b is None) and (a is None or b is None or abs(a - b) < 25)
        for a, b in zip(found, wanted)
    )


@pytest.mark.parametrize("differ", [1.0, 0.2])
def test_numbers_stay_through_a_cut_where_two_change_places(
    nets: FaceNets, portrait: Tensor, differ: float
) -> None:
    first, second = people(portrait, differ)
    before = scene([(first, 20, 20), (second, 440, 20)])
    after = scene([(second, 20, 20), (first, 440, 20)])
    rows = list(track_several(nets, [torch.stack((before, before, after, after))]))
    start = x_of(rows[1])
    assert len(start) == 2
    left = min(value for value in start if value is not None)
    right = max(value for value in start if value is not None)
    # the mirrored head lies a little beside
    swapped = [right if value == left else left for value in start]
    assert near(x_of(rows[2]), swapped)
    assert near(x_of(rows[3]), swapped)


def test_one_who_leaves_is_held_and_known_when_back_elsewhere(
    nets: FaceNets, portrait: Tensor
) -> None:
    first, second = people(portrait)
    both = scene([(first, 20, 20), (second, 440, 20)])
    alone = scene([(second, 440, 20)])
    back = scene([(second, 440, 20), (first, 210, 30)])
    rows = list(track_several(nets, [torch.stack((both, both, alone, alone, back))]))
    start = x_of(rows[1])
    gone = min(range(2), key=lambda i: start[i] or 0)
    assert [seen.valid for seen in rows[3]] == [i != gone for i in range(2)]
    assert rows[3][gone].face.center_px == rows[1][gone].face.center_px
    assert len(rows[4]) == 2
    assert rows[4][gone].valid
    assert abs((x_of(rows[4])[gone] or 0) - ((start[gone] or 0) + 190)) < 25


def test_someone_new_gets_the_next_number_up_to_the_limit(
    nets: FaceNets, portrait: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sadtalker_core.faces.several._LOOK", 4)
    first, second = people(portrait)
    alone, both = scene([(first, 20, 20)]), scene([(first, 20, 20), (second, 440, 20)])
    for most in (1, 2):
        tracker = SeveralTracker(nets, most=most)
        for _ in range(2):
            assert len(tracker.update(alone)) == 1
        for _ in range(2):  # frames 2 and 3: it is not yet time to look
            assert len(tracker.update(both)) == 1
        row = tracker.update(both)
        assert len(row) == most
        assert all(seen.valid for seen in row)
        assert (x_of(row)[0] or 999) < 300


def test_someone_half_hidden_is_nobody_new_for_a_while(
    nets: FaceNets, portrait: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sadtalker_core.faces.several._PATIENCE", 4)
    first, second = people(portrait)
    both = scene([(first, 20, 20), (second, 440, 20)])
    # in another light a face is still seen, but not known
    odd = scene([(first, 20, 20), (second[[1, 2, 0]], 440, 20)])
    tracker = SeveralTracker(nets)
    rows = [tracker.update(frame) for frame in (both, odd, odd, both)]
    assert all(len(row) == 2 for row in rows)
    assert [sum(seen.valid for seen in row) for row in rows] == [2, 1, 1, 2]
    rows += [tracker.update(odd) for _ in range(5)]
    assert len(rows[-1]) == 3
    assert sum(seen.valid for seen in rows[-1]) == 2


def test_no_face_is_an_empty_list(nets: FaceNets) -> None:
    assert list(track_several(nets, [torch.zeros(1, 3, 80, 80, dtype=torch.uint8)])) == [[]]


def test_a_video_without_faces_is_looked_at_closely_now_and_then(
    nets: FaceNets, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def find(nets: FaceNets, image: object, options: FaceOptions) -> list[Face]:
        looks.append(options.face_search)
        return []

    monkeypatch.setattr(several, "find_in_image", find)
    list(track_several(nets, [torch.zeros(70, 3, 40, 40, dtype=torch.uint8)]))
    assert [place for place, search in enumerate(looks) if search != "fast"] == [0, 60]


def test_appearance_is_the_same_at_other_sizes_and_brightness(
    nets: FaceNets, portrait: Tensor
) -> None:
    first, second = people(portrait)

    def look(head: Tensor) -> Tensor:
        return appearance(head, find_faces(nets, head)[0])

    bright = (first.float() * 1.15 + 8).clamp(0, 255).to(torch.uint8)
    large = interpolate(first[None].float(), scale_factor=2, mode="bilinear")[0].to(torch.uint8)
    assert alike(look(first), look(bright)) > 0.95
    assert alike(look(first), look(large)) > 0.95
    assert alike(look(first), look(second)) < 0.8
