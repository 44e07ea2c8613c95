"""What needs the frames around it, windows and boxes, and what happens without a face."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import OptionError
from sadtalker_core.faces.ffhq import ffhq_rectangle
from sadtalker_core.faces.recon3d import five_points
from sadtalker_core.faces.steady_boxes import smooth_boxes
from sadtalker_core.relip_request import RelipVideo
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.finders import moved
from sadtalker_core.systems.videoretalking.moments import (
    Face,
    Look,
    Moment,
    Watcher,
    frame_box,
    in_cut,
    moments,
)
from sadtalker_core.systems.videoretalking.stabilise import (
    crop_ratio,
    to_picture,
    window_of,
    with_expression,
)

from . import toys


def video(length: int, jumps: Sequence[int] = (), fps: int = 25) -> RelipVideo:
    order: list[int] = []
    for index in range(length):
        order.append(0 if index == 0 else order[-1] + (50 if index in jumps else 1))
    size = (40, 50)
    frames = torch.zeros(length, 3, *size, dtype=torch.uint8)
    return RelipVideo(
        open=lambda: iter(frames.split(4)),
        fps=Fraction(fps),
        length=length,
        size=size,
        source_index=order.__getitem__,
    )


def looks(rows: Sequence[Tensor | None], cut: int = 1000) -> Iterator[Look]:
    frame = torch.zeros(3, 40, 50, dtype=torch.uint8)
    for index, row in enumerate(rows):
        face = None
        if row is not None:
            aside = 15 * (index >= cut)
            box = (index + aside, 2 * index, 20 + index + aside, 30 + 3 * index)
            seen = toys.Seen(torch.zeros(68, 2), box, 1, rest_of(index))
            face = Face(seen, box, box, frame, torch.zeros(68, 2), row)
        yield Look(index, index, frame, face)


def rest_of(index: int) -> Tensor:
    """(5, 2) points that walk a pixel a frame and tremble by two."""
    return torch.full((5, 2), 10.0 + index + 2 * (-1) ** index)


def made(
    rows: Sequence[Tensor | None],
    jumps: Sequence[int] = (),
    smoothing: str = "none",
    fps: int = 25,
) -> list[Moment]:
    return list(moments(looks(rows), video(len(rows), jumps, fps), smoothing))


def window(moment: Moment) -> Tensor:
    assert moment.window is not None
    return moment.window


def test_windows_reach_thirteen_back_and_twelve_on() -> None:
    rows = torch.randn(40, 73)
    found = made(list(rows))
    assert [moment.look.index for moment in found] == list(range(40))
    for index, moment in enumerate(found):
        assert torch.equal(window(moment), window_of(rows, index))
    assert torch.equal(window(found[20])[:, 0], rows[7])
    assert torch.equal(window(found[20])[:, -1], rows[32])
    assert torch.equal(window(found[0])[:, 13], rows[0])


def test_windows_end_where_the_video_jumps() -> None:
    rows = torch.randn(10, 73)
    found = made(list(rows), jumps=[4])
    assert torch.equal(window(found[3]), window_of(rows[:4], 3))
    assert torch.equal(window(found[4]), window_of(rows[4:], 0))


@pytest.mark.parametrize("smoothing", ["steady", "none"])
def test_windows_and_boxes_end_at_a_cut(smoothing: str) -> None:
    rows = torch.randn(10, 73)
    found = list(moments(looks(list(rows), cut=5), video(10), smoothing))
    assert torch.equal(window(found[4]), window_of(rows[:5], 4))
    assert torch.equal(window(found[5]), window_of(rows[5:], 0))
    boxes = [moment.box for moment in found]
    alone = [made(list(half), smoothing=smoothing) for half in rows.split(5)]
    assert boxes[:5] == [moment.box for moment in alone[0]]
    assert found[4].strength == found[5].strength == 1.0


def test_the_original_knows_no_cuts() -> None:
    rows = torch.randn(10, 73)
    found = list(moments(looks(list(rows), cut=5), video(10), "original"))
    assert torch.equal(window(found[4]), window_of(rows, 4))


def test_a_lost_face_leaves_its_last_row_to_its_neighbours() -> None:
    rows = torch.randn(6, 73)
    given = [None, rows[1], None, rows[3], rows[4], None]
    found = made(given)
    assert [moment.window is None for moment in found] == [row is None for row in given]
    assert [moment.box is None for moment in found] == [row is None for row in given]
    held = torch.stack([rows[1], rows[1], rows[3], rows[4], rows[4]])
    for number, index in enumerate([1, 2, 3, 4]):
        if given[index] is not None:
            assert torch.equal(window(found[index]), window_of(held, number))


def test_at_most_a_dozen_frames_wait() -> None:
    taken = 0

    def counted() -> Iterator[Look]:
        nonlocal taken
        for look in looks(list(torch.randn(60, 73))):
            taken += 1
            yield look

    for done, _ in enumerate(moments(counted(), video(60), "original")):
        assert taken <= done + 13


def test_boxes_are_steadied_between_losses() -> None:
    rows: list[Tensor | None] = list(torch.randn(14, 73))
    rows[6] = None
    boxes = [(i, 2 * i, 20 + i, 30 + 3 * i) for i in range(14)]
    plain = made(rows)
    assert [moment.box for moment in plain if moment.box] == boxes[:6] + boxes[7:]
    original = made(rows, smoothing="original")
    wanted = [*smooth_boxes(boxes[:6]), None, *smooth_boxes(boxes[7:])]
    assert [moment.box for moment in original] == wanted
    steady = made(rows, smoothing="steady")
    assert steady[3].box == boxes[3]  # the mean of what grows evenly
    assert steady[0].box == boxes[1]  # of the first three
    assert steady[5].box == boxes[4]
    assert steady[7].box == boxes[8]


def test_lips_come_and_go_softly() -> None:
    rows: list[Tensor | None] = list(torch.randn(14, 73))
    rows[1] = rows[12] = None
    strengths = [moment.strength for moment in made(rows) if moment.box]
    assert strengths == [0.25, 0.25, 0.5, 0.75, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0.25]
    assert [moment.strength for moment in made(list(torch.randn(3, 73)))] == [1, 1, 1]


@pytest.mark.parametrize(("fps", "frames"), [(10, 1), (25, 3), (50, 6), (200, 12)])
def test_lips_take_as_long_at_any_rate(fps: int, frames: int) -> None:
    """0.12 s, as far as frames are known ahead."""
    rows: list[Tensor | None] = list(torch.randn(40, 73))
    rows[0] = rows[39] = None
    strengths = [moment.strength for moment in made(rows, fps=fps) if moment.box]
    rise = [(k + 1) / (frames + 1) for k in range(frames)]
    assert strengths == [*rise, *[1.0] * (38 - 2 * frames), *rise[::-1]]


def places(found: Sequence[Moment]) -> list[float]:
    return [float(moment.five.mean()) for moment in found if moment.box is not None]


def test_the_enhancers_points_are_steadied_without_lag() -> None:
    found = places(made(list(torch.randn(40, 73)), smoothing="steady"))
    # in the middle nothing is left of the trembling, and the walk is where it was
    assert found[13:27] == pytest.approx([10.0 + index for index in range(13, 27)], abs=0.02)
    plain = places(made(list(torch.randn(40, 73)), smoothing="none"))
    assert plain == [float(rest_of(index)[0, 0]) for index in range(40)]


def test_the_enhancers_points_end_at_cuts_jumps_and_gaps() -> None:
    rows: list[Tensor | None] = list(torch.randn(12, 73))
    whole = places(made(rows, smoothing="steady"))
    first = places(made(rows[:6], smoothing="steady"))
    assert whole[:6] != pytest.approx(first)
    cut = places(list(moments(looks(rows, cut=6), video(12), "steady")))
    jump = places(made(rows, jumps=[6], smoothing="steady"))
    assert cut[:6] == jump[:6] == first
    assert cut[6:] == jump[6:]
    rows[6] = None
    gap = places(made(rows, smoothing="steady"))
    assert gap[:6] == first
    alone = [rest_of(index) for index in range(7, 12)]
    weights = [math.exp(-0.5 * (away / 2.5) ** 2) for away in range(5)]
    wanted = sum(w * rest for w, rest in zip(weights, alone)) / sum(weights)
    assert gap[6] == pytest.approx(float(torch.as_tensor(wanted).mean()))


def test_landmarks_do_where_the_head_at_rest_is_not_known() -> None:
    landmarks = toys.face_landmarks(100, 70, 50)
    [look] = watched([(100, 70, 50)])
    [moment] = moments(iter([look]), video(1), "steady")
    assert moment.steady_five is None
    assert torch.equal(moment.five, five_points(landmarks))


def watched(places: Sequence[tuple[float, float, float] | None], **options: Any) -> list[Look]:
    size = (150, 220)
    frames = torch.randint(0, 255, (len(places), 3, *size), dtype=torch.uint8)
    given = RelipVideo(lambda: iter(frames.split(2)), Fraction(25), len(places), size)
    finder = toys.Scripted(places)
    recon = toys.toy(lambda: toys.Recon3D(toys.RECON))
    return list(Watcher(given, finder, recon, VideoReTalkingOptions(**options)).looks())


def test_the_first_box_stays_while_the_face_is_in_it() -> None:
    found = watched([(100, 70, 50), (104, 72, 50), (170, 70, 50), (170, 70, 90), None])
    boxes = [look.face.cut_box for look in found if look.face]
    assert len(boxes) == 4
    assert boxes[0] == boxes[1]  # as the original
    assert boxes[1] != boxes[2]  # it walked out of it
    assert boxes[2] != boxes[3]  # it came nearer
    assert found[4].face is None


def test_landmarks_follow_into_the_cut() -> None:
    face = watched([(100, 70, 50)])[0].face
    assert face is not None
    x0, y0, x1, y1 = face.cut_box
    assert face.cut.shape == (3, 256, 256)
    corners = torch.tensor([[x0 - 0.5, y0 - 0.5], [x1 - 0.5, y1 - 0.5]])
    torch.testing.assert_close(
        in_cut(corners, face.cut_box), torch.tensor([[-0.5, -0.5], [255.5, 255.5]])
    )
    torch.testing.assert_close(face.landmarks, in_cut(face.seen.landmarks, face.cut_box))
    assert face.landmarks.min() > 0
    assert face.landmarks.max() < 255
    assert face.row.shape == (73,)


def test_pads_box_and_crop() -> None:
    seen = watched([(100, 70, 50)])[0].face
    assert seen is not None
    x0, y0, x1, y1 = seen.seen.box
    assert seen.box == (x0, y0, x1, y1 + 20)  # the original's default
    padded = watched([(100, 70, 50)], pad_top=3, pad_bottom=-2, pad_left=500, pad_right=4)[0].face
    assert padded is not None
    assert padded.box == (0, y0 - 3, x1 + 4, y1 - 2)
    fixed = watched([(100, 70, 50)], box="10,90,20,80")[0].face
    assert fixed is not None
    assert fixed.box == (20, 10, 80, 90)
    with pytest.raises(OptionError, match="frames have 220x150"):
        watched([(100, 70, 50)], box="10,151,20,80")
    # the face is looked for at the right; the finder's places are those of the part
    part = watched([(100, 70, 50)], crop="5,-1,90,-1")[0].face
    assert part is not None
    assert part.seen.box == (x0 + 90, y0 + 5, x1 + 90, y1 + 5)
    rest = torch.arange(10.0).view(5, 2)
    whole = moved(dataclasses.replace(seen.seen, rest=rest), 90, 5)
    assert whole.rest is not None
    assert torch.equal(whole.rest, rest + torch.tensor([90.0, 5.0]))


@pytest.mark.parametrize("option", ["box", "crop"])
@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "9,8,0,10", "0,10,-2,5", "0,10,9,9"])
def test_wrong_places_are_refused(option: str, text: str) -> None:
    given: dict[str, Any] = {option: text}
    with pytest.raises(OptionError, match=option):
        VideoReTalkingOptions(**given)


def test_a_face_that_is_next_to_nothing_is_none() -> None:
    assert watched([(100, 70, 50), (219, 149, 4)], pad_bottom=0)[1].face is None


def test_large_faces_are_cut_out_whole() -> None:
    landmarks = toys.face_landmarks(1500, 1400, 1300)
    found = ffhq_rectangle((3000, 3000), landmarks)
    assert found.shrink > 1
    x0, y0, x1, y1 = frame_box(found, (3000, 3000), like_original=False)
    assert x0 < landmarks[:, 0].min()
    assert landmarks[:, 0].max() < x1
    assert y0 < landmarks[:, 1].min()
    assert landmarks[:, 1].max() < y1


def test_tall_frames_keep_the_chin() -> None:
    landmarks = toys.face_landmarks(100, 330, 150)
    found = ffhq_rectangle((450, 200), landmarks)
    theirs = frame_box(found, (450, 200), like_original=True)
    ours = frame_box(found, (450, 200), like_original=False)
    assert theirs[:3] == ours[:3]
    assert theirs[3] < ours[3]
    assert landmarks[:, 1].max() < ours[3]


def test_expression_replaces_the_first_rows_alone() -> None:
    window = torch.randn(73, 26)
    shown = with_expression(window, torch.arange(64.0))
    assert torch.equal(shown[:64], torch.arange(64.0)[:, None].expand(-1, 26))
    assert torch.equal(shown[64:], window[64:])


def test_the_ratio_is_one_among_its_own() -> None:
    rows = torch.randn(9, 73)
    assert all(float(crop_ratio(row, rows)) == 1.0 for row in rows)


def test_pictures_are_cut_off_not_rounded() -> None:
    values = torch.tensor([-2.0, -1.0, 0.0, 0.999, 3.0]).view(1, 1, 5).expand(3, 1, 5)
    assert to_picture(values)[0, 0].tolist() == [0, 0, 127, 254, 255]
