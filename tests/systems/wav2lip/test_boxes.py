"""Where the face is in every frame: the original's finder, and boxes steadied over time."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import FaceIndexError, NoFaceError
from sadtalker_core.faces import s3fd_choice
from sadtalker_core.faces.nets.s3fd import S3fd, S3fdConfig
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.faces.s3fd import S3fdFaces
from sadtalker_core.media.repeat import repeated_frames
from sadtalker_core.relip_request import RelipVideo
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.wav2lip import boxes
from sadtalker_core.systems.wav2lip.boxes import (
    Moment,
    Place,
    _eased,
    _looked_at_together,
    _steadied,
    _steadied_as_original,
)
from sadtalker_core.systems.wav2lip.config import Wav2LipOptions
from sadtalker_core.systems.wav2lip.nets.generator import Wav2Lip, Wav2LipConfig
from sadtalker_core.systems.wav2lip.weights import Wav2LipNets

FPS = Fraction(25)

# The original's finder.


def _detector(monkeypatch: pytest.MonkeyPatch, rows: list[list[list[float]]]) -> list[int]:
    """A detector that finds the boxes of ``rows`` in turn; the sizes of its batches."""
    sizes: list[int] = []
    left = iter(rows)

    def detect(net: object, rgb: Tensor, **habits: bool) -> list[S3fdFaces]:
        assert habits == {"reads_rgb_as_bgr": True, "in_double": False}
        sizes.append(len(rgb))
        found = [next(left, []) for _ in range(len(rgb))]
        return [
            S3fdFaces(torch.tensor(each).reshape(-1, 4), torch.ones(len(each))) for each in found
        ]

    monkeypatch.setattr(s3fd_choice, "detect_s3fd", detect)
    return sizes


def _places(
    faces: FaceOptions, who: int | None, count: int, length: int | None = None, **options: object
) -> list[Place | None]:
    """Of a video of ``count`` frames that is shown again up to ``length``."""
    length = length or count
    nets = Wav2LipNets(Wav2Lip(Wav2LipConfig(2)), S3fd(S3fdConfig(4)))
    frames = torch.zeros((count, 3, 100, 200), dtype=torch.uint8)
    chosen = Wav2LipOptions(finder="original", pad_bottom=0, **options)  # type: ignore[arg-type]
    shown = repeated_frames(lambda: iter([frames]), FPS, count, (100, 200), length, "loop", 4)
    found = list(boxes.moments(shown, faces, who, nets, None, chosen, Runtime(), length))
    assert [moment.index for moment in found] == list(range(length))
    return [moment.place for moment in found]


TWO = [[100.0, 10, 140, 50], [10.0, 10, 90, 90]]  # the surest is the smaller one on the right


@pytest.mark.parametrize(
    ("faces", "who", "first"),
    [
        (FaceOptions(), None, 0),
        (FaceOptions(face_select="best"), None, 0),
        (FaceOptions(face_select="left"), None, 1),
        (FaceOptions(face_select="right"), None, 0),
        (FaceOptions(face_index=0), None, 1),
        (FaceOptions(), 0, 1),
        (FaceOptions(face_index=0), 1, 0),
        (FaceOptions(face_point="120,30"), None, 0),
        (FaceOptions(face_point="50,50"), None, 1),
    ],
)
def test_who_is_meant(
    monkeypatch: pytest.MonkeyPatch,
    faces: FaceOptions,
    who: int | None,
    first: int,
) -> None:
    swapped = TWO[::-1]
    sizes = _detector(monkeypatch, [TWO, TWO, swapped, [], TWO])
    found = _places(faces, who, 5, smoothing="none")
    assert sizes == [1] * 5
    plain = first == 0 and who is None and faces.face_select in ("largest", "best")
    plain = plain and not faces.face_point and faces.face_index is None
    wanted = tuple(int(value) for value in TWO[first])
    for index in (0, 1, 2, 4):
        place = found[index]
        assert place is not None
        if not (plain and index == 2):  # the surest is another one there, and it is taken
            assert place.box == wanted
        assert place.faces == 2
    assert found[3] is None


def test_large_frames_are_looked_at_small_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = _detector(monkeypatch, [[[10.0, 20, 60, 70]]] * 3)
    looked: list[tuple[int, ...]] = []
    faked = s3fd_choice.detect_s3fd

    def detect(net: S3fd, rgb: Tensor, **habits: bool) -> list[S3fdFaces]:
        looked.append(tuple(rgb.shape))
        return faked(net, rgb, **habits)

    monkeypatch.setattr(s3fd_choice, "detect_s3fd", detect)
    monkeypatch.setattr(s3fd_choice, "_MOST_PIXELS", 6000)  # of 20000: half the size is enough
    found = _places(FaceOptions(), None, 3, smoothing="none")
    assert sizes == [1, 1, 1]
    assert looked == [(1, 3, 50, 100)] * 3
    assert [place.box for place in found if place] == [(20, 40, 120, 100)] * 3


@pytest.mark.parametrize("together", [1, 2, 4])
def test_frames_that_are_shown_again_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(boxes, "_looked_at_together", lambda *_: together)
    rows = [[[x, 10.0, x + 40, 50]] for x in (10.0, 20, 30, 40, 50, 60)]
    sizes = _detector(monkeypatch, rows)
    found = _places(FaceOptions(), None, 3, 8, smoothing="none")
    lefts = [place.box[0] for place in found if place]
    if together == 1:
        assert sizes == [1, 1, 1]
        assert lefts == [10, 20, 30, 10, 20, 30, 10, 20]
    else:  # batches of one size; what is added to fill them is not taken for a frame
        assert sizes == [together] * (2 if together == 2 else 1)
        assert lefts[:3] == lefts[3:6] == [10, 20, 30]
    sizes = _detector(monkeypatch, rows)
    found = _places(FaceOptions(), None, 6, smoothing="none")
    assert [place.box[0] for place in found if place] == [10, 20, 30, 40, 50, 60]
    sizes = _detector(monkeypatch, rows)
    found = _places(FaceOptions(), None, 6, smoothing="none", static=True)
    assert [place.box[0] for place in found if place] == [10] * 6
    assert sizes == [together]


def test_a_card_looks_at_frames_together() -> None:
    assert _looked_at_together(torch.device("cpu"), (100, 200)) == 1
    assert _looked_at_together(torch.device("cuda"), (100, 200)) == 4
    assert _looked_at_together(torch.device("cuda"), (1080, 1920)) == 1


def test_the_detector_finds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    _detector(monkeypatch, [])
    with pytest.raises(NoFaceError, match="or use our own finder, tracker"):
        _places(FaceOptions(), None, 3)
    _detector(monkeypatch, [TWO])
    with pytest.raises(FaceIndexError, match="only 2 faces at once"):
        _places(FaceOptions(), 2, 1)
    _detector(monkeypatch, [TWO[:1], TWO])
    first, second = _places(FaceOptions(), 1, 2)
    assert first is None
    assert second is not None


# Steadying.


def _steady(
    rows: list[int | None], smoothing: str, anew: tuple[int, ...] = (), static: bool = False
) -> list[int | None]:
    """Left edges after steadying."""
    order = list(range(len(rows)))
    for jump in anew:
        order[jump:] = [value + 100 for value in order[jump:]]
    shown = RelipVideo(lambda: iter(()), FPS, len(rows), (9, 9), lambda index: order[index])
    frame = torch.zeros(1)
    found = iter(
        [
            Moment(i, frame, None if x is None else Place((x, 0, x + 200, 200), None, 1))
            for i, x in enumerate(rows)
        ]
    )
    options = Wav2LipOptions(smoothing=smoothing, static=static)
    if smoothing == "original":
        steadied = list(_steadied_as_original(found, shown, options, len(rows)))
    else:
        steadied = list(_steadied(found, shown, options))
    assert [moment.index for moment in steadied] == list(range(len(rows)))
    return [moment.place.box[0] if moment.place else None for moment in steadied]


def test_means_around_each_box() -> None:
    assert _steady([0, 10, 20, 30, 40, 100], "steady") == [10, 15, 20, 40, 48, 57]
    assert _steady([7], "steady") == [7]
    assert _steady([0, 10], "steady") == [5, 5]
    assert _steady([0, 10, 20, 30, 40, 100], "none") == [0, 10, 20, 30, 40, 100]


def test_means_as_the_original_takes_them() -> None:
    assert _steady([0, 10, 20, 30, 40, 100], "original") == [20, 40, 46, 51, 55, 58]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 6, 9, 20])
@pytest.mark.parametrize("spoken", [1, 2, 4, 5, 8, 9, 10, 17, 20])
def test_frames_that_the_original_makes_have_its_boxes(count: int, spoken: int) -> None:
    rows = [(index * 37) % 100 for index in range(count)]
    # the original: the frames that are spoken over, steadied in place, shown again from the start
    wanted = np.array(rows[:spoken])
    for index in range(len(wanted)):
        first = index if index + 5 <= len(wanted) else len(wanted) - 5
        wanted[index] = np.mean(wanted[first : index + 5 if first == index else None])
    length = spoken + 4
    frame = torch.zeros(1)
    shown = RelipVideo(lambda: iter(()), FPS, length, (9, 9), lambda index: index % count)
    found = iter(
        [Moment(i, frame, Place((rows[i % count], 0, 200, 200), None, 1)) for i in range(length)]
    )
    options = Wav2LipOptions(smoothing="original")
    steadied = list(_steadied_as_original(found, shown, options, spoken))
    assert [moment.index for moment in steadied] == list(range(length))
    lefts = [moment.place.box[0] for moment in steadied if moment.place]
    assert lefts[:spoken] == [int(wanted[i % len(wanted)]) for i in range(spoken)]


def test_a_video_that_begins_without_its_face_is_shown_again_as_it_was() -> None:
    shown = RelipVideo(lambda: iter(()), FPS, 14, (9, 9), lambda index: index % 8)
    frame = torch.zeros(1)
    places = [Place((index * 3, 0, 200, 200), None, 1) for index in range(8)]
    found = (Moment(i, frame, places[i % 8] if i % 8 else None) for i in range(14))
    options = Wav2LipOptions(smoothing="original")
    steadied = list(_steadied_as_original(found, shown, options, 13))
    boxes = [moment.place and moment.place.box for moment in steadied]
    assert boxes[8:13] == boxes[:5]


def test_frames_after_the_originals_end_go_on_smoothly() -> None:
    rows = list(range(0, 200, 10))
    shown = RelipVideo(lambda: iter(()), FPS, 20, (9, 9))
    frame = torch.zeros(1)
    found = iter([Moment(i, frame, Place((x, 0, 400, 9), None, 1)) for i, x in enumerate(rows)])
    options = Wav2LipOptions(smoothing="original")
    steadied = list(_steadied_as_original(found, shown, options, 16))
    lefts = [moment.place.box[0] for moment in steadied if moment.place]
    assert lefts[10:16] == [120, 130, 134, 136, 138, 137]  # as the original ends
    assert lefts[16:] == [140, 150, 160, 170]


def test_means_end_at_cuts_but_the_originals() -> None:
    rows: list[int | None] = [0, 0, 0, 300, 300, 300]
    assert _steady(rows, "steady") == rows
    assert _steady(rows, "original") != rows
    assert _steady([0, 0, 60, 60], "steady") != [0, 0, 60, 60], "a quick head is no cut"


def test_means_end_where_the_face_or_the_video_does() -> None:
    rows = [0, 0, None, 50, 50, 50, 90, 90]
    assert _steady(rows, "steady", anew=(6,)) == rows
    assert _steady(rows, "original", anew=(6,)) == rows
    # but where one frame is shown throughout the video does not jump
    assert _steady([0, 0, 90, 90], "none", (2,), static=True) == [0, 0, 90, 90]


def _strengths(seen: str, anew: tuple[int, ...] = (), fps: int = 25) -> list[float]:
    """Strength of each frame; in ``seen`` a dot is a frame without the face."""
    order = list(range(len(seen)))
    for jump in anew:
        order[jump:] = [value + 100 for value in order[jump:]]
    shown = RelipVideo(lambda: iter(()), Fraction(fps), len(seen), (9, 9), lambda k: order[k])
    place = Place((0, 0, 9, 9), None, 1)
    frame = torch.zeros(1)
    found = iter([Moment(i, frame, None if x == "." else place) for i, x in enumerate(seen)])
    eased = list(_eased(found, shown, Wav2LipOptions()))
    assert [moment.index for moment in eased] == list(range(len(seen)))
    assert [moment.place is None for moment in eased] == [x == "." for x in seen]
    return [round(moment.strength, 3) for moment in eased]


def test_lips_come_and_go_with_the_face() -> None:
    # three frames at 25 a second: a quarter, a half and three quarters of the way, eased
    low, half, high = 0.156, 0.5, 0.844
    assert _strengths("xxxxxx") == [1] * 6
    assert _strengths("xxxxx.xxxxx") == [1, 1, high, half, low, 1, low, half, high, 1, 1]
    assert _strengths(".xx.x.") == [1, low, low, 1, low, 1]
    assert _strengths(".xxxxx", anew=(3,)) == [1, low, half, 1, 1, 1]
    assert _strengths("xxxx.", anew=(3,)) == [1, 1, 1, low, 1]
    assert _strengths("xx.x", fps=12) == [1, half, 1, half]
    assert len(set(_strengths("." + "x" * 20, fps=120))) == 7
