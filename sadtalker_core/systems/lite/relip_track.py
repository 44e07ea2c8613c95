"""The speaker's face in every frame of a video: found, steadied, and known at rest.

The first frames are studied before any is shown: they tell what the face is like at rest and how
much its landmarks tremble. What was found in them is kept and not looked for again.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import NoFaceError
from ...faces.crop import to_image
from ...faces.face import Face
from ...faces.find import find_in_image
from ...faces.measures import lip_measures
from ...faces.mesh import EYE_OUTER, INNER_LIPS, MOUTH_CORNERS, head_pose
from ...faces.networks import FaceNets
from ...faces.options import FaceOptions
from ...faces.track import FaceTracker
from ...relip_request import RelipVideo
from ...runtime import Runtime
from .driver import DriverRest, find_rest
from .driver_rows import DriverRows, SeenFace, measure_faces
from .relip_face import pose_frame
from .relip_inside import LEAST_CONTRAST, LEAST_OPEN, LEAST_ROWS, inner_contrast

STUDIED = 600  # frames with the face that are looked at before the first is shown
_STEADY_S = 0.045  # standard deviation of the smoothing over time
_MOST_AHEAD = 6  # frames that wait for the ones after them
_NOISE = 2.5  # a deviation of so many times the noise is half kept
_EASE_S = 0.16  # in which new lips come and go where the face comes and goes
_MOST_LEAN_DEG = 60.0
_WIDE_ENOUGH = 0.09  # E of gap: more shows no more teeth
_WIDTH_WORTH = 0.3  # E of gap that an E of width is worth: all teeth show
_CLEAR_TEETH, _TEETH_WORTH = 0.3, 0.08  # contrast inside the mouth, and E of gap that it is worth
_TURN_COST = 0.15  # E of gap that a radian of turn is worth


@dataclass(frozen=True)
class Moment:
    """One frame and the face in it.

    Attributes:
        index: number of the frame.
        rgb: (3, H, W) uint8.
        seen: the face with steadied landmarks, None where it is not seen.
        strength: 0 where the face is just about to be lost or was just found, 1 else.
    """

    index: int
    rgb: Tensor
    seen: SeenFace | None
    strength: float


@dataclass(frozen=True)
class Study:
    """What the first frames told.

    Attributes:
        rest: the face at rest.
        noise_e: (468,) how much each landmark trembles, E.
        faces: in the first frame that shows the speaker.
        best: frame and face from which colours are taken.
        widest: frame and face whose open mouth shows its inside best, None where none does.
        line_e: (3,) frontal place where the lips meet at rest, E.
    """

    rest: DriverRest
    noise_e: Tensor
    faces: int
    best: tuple[Tensor, Face]
    widest: tuple[Tensor, Face] | None
    line_e: NDArray[np.float32]


class Watcher:
    """Looks for one face in the frames of a video, in order, and again where they repeat."""

    def __init__(
        self, video: RelipVideo, faces: FaceOptions, nets: FaceNets, runtime: Runtime
    ) -> None:
        self._video = video
        # trembling is taken out here, from both sides in time and without a lag
        self._faces = replace(faces, landmark_smoothing=0.0)
        self._nets = nets
        self._runtime = runtime
        self._tracker = FaceTracker(nets, self._faces, waits=True)
        self._after_study = self._tracker
        self._known: dict[int, SeenFace | None] = {}
        self._latest = -1

    def study(self) -> Study:
        """Look at the first frames.

        Raises:
            NoFaceError: no frame shows the face.
            FaceIndexError: no frame has as many faces as are asked for.
        """
        found: list[SeenFace] = []
        count = 0
        best, widest = _Best(), _Best()
        for index, rgb in enumerate(_frames(self._video)):
            source = self._video.source_index(index)
            if source in self._known or len(found) >= STUDIED:
                break
            if index % self._runtime.chunk == 0:
                self._runtime.check_cancelled()
                self._runtime.progress("source", index, min(self._video.length, STUDIED))
            seen = self._known[source] = self._look(rgb)
            if seen is None:
                continue
            count = count or len(find_in_image(self._nets, to_image(rgb), self._faces))
            found.append(seen)
            best.offer(_worth(seen.face), rgb, seen.face)
            gap, turn = _openness(seen.face)
            if gap <= LEAST_OPEN or _gap_px(seen.face) <= LEAST_ROWS:
                continue
            contrast = inner_contrast(rgb, seen.face.mesh_px)
            if contrast > LEAST_CONTRAST:
                teeth = min(contrast / _CLEAR_TEETH, 1.0)
                worth = min(gap, _WIDE_ENOUGH) + _TEETH_WORTH * teeth - _TURN_COST * turn
                worth += _WIDTH_WORTH * float(lip_measures(seen.face.mesh_px[None])[0, 1])
                widest.offer(worth, rgb, seen.face)
        self._after_study = copy.copy(self._tracker)
        if best.kept is None:
            if (few := self._tracker.too_few()) is not None:
                raise few
            height, width = self._video.size
            raise NoFaceError(
                f"No face was found in any of {len(self._known)} frames ({width}x{height}). Use a "
                "video where a face looks toward the viewer, or lower detection_threshold "
                f"(now {self._faces.detection_threshold:.2f})."
            )
        rows = measure_faces(found, self._video.fps)
        return Study(
            find_rest(rows),
            _noise(found, rows.unit_px),
            max(count, 1),
            best.kept,
            widest.kept,
            _closed_line(found, rows),
        )

    def moments(self, study: Study) -> Iterator[Moment]:
        """Every frame with its face, steadied."""
        fps = float(self._video.fps)
        reach = min(_MOST_AHEAD, max(1, math.ceil(3 * _STEADY_S * fps)))
        ease = max(2, round(_EASE_S * fps))
        waiting: deque[tuple[int, Tensor]] = deque()
        faces: deque[SeenFace | None] = deque()  # from reach before the waiting ones on
        back = max(reach, ease)
        ahead = max(reach, min(ease, _MOST_AHEAD))
        faces.extend([None] * back)
        fresh: deque[bool] = deque([True] * back)  # whether the frame follows on the one before

        def next_moment() -> Moment:
            moment = _moment(waiting.popleft(), faces, fresh, back, reach, ease, study)
            faces.popleft()
            fresh.popleft()
            return moment

        for index, rgb in enumerate(_frames(self._video)):
            waiting.append((index, rgb))
            faces.append(self.at(index, rgb))
            fresh.append(not self._video.begins_anew(index))
            if len(waiting) > ahead:
                yield next_moment()
        while waiting:
            yield next_moment()

    def at(self, index: int, rgb: Tensor) -> SeenFace | None:
        """The face in frame ``index``; frames must come in order."""
        source = self._video.source_index(index)
        if source in self._known:
            self._latest = source
            return self._known[source]
        if self._latest in self._known:  # on from where the study ended
            self._tracker = copy.copy(self._after_study)
        self._latest = source
        return self._look(rgb)

    def _look(self, rgb: Tensor) -> SeenFace | None:
        tracked = self._tracker.update(rgb)
        if tracked is None or not tracked.valid or not _is_usable(tracked.face, rgb):
            return None
        return SeenFace.of(tracked.face, rgb)


class _Best:
    """The frame and face of the highest worth so far."""

    def __init__(self) -> None:
        self.kept: tuple[Tensor, Face] | None = None
        self._worth = 0.0

    def offer(self, worth: float, rgb: Tensor, face: Face) -> None:
        if self.kept is None or worth > self._worth:
            self.kept, self._worth = (rgb.clone(), face), worth


def _frames(video: RelipVideo) -> Iterator[Tensor]:
    for chunk in video.open():
        yield from chunk


def _is_usable(face: Face, rgb: Tensor) -> bool:
    """Whether the whole mouth is in the picture of a face that is about upright."""
    left, right = face.mesh_px[list(EYE_OUTER), :2]
    lean = math.degrees(math.atan2(float(right[1] - left[1]), float(right[0] - left[0])))
    mouth = face.mesh_px[[*MOUTH_CORNERS, *INNER_LIPS], :2]
    last = mouth.new_tensor([rgb.shape[2] - 1, rgb.shape[1] - 1])
    return abs(lean) <= _MOST_LEAN_DEG and bool(((mouth >= 0) & (mouth <= last)).all())


def _worth(face: Face) -> float:
    """How well a frame shows the colours of a face: large and frontal."""
    left, right = face.mesh_px[[234, 454], 0]
    nose = face.mesh_px[1, 0]
    side = float((nose - left) / (right - left).clamp(min=1e-3))
    return face.size_px * (1 - 2 * abs(side - 0.5))


def _openness(face: Face) -> tuple[float, float]:
    """Gap of the lips in E, and how far the head is turned, in radians."""
    mesh = face.mesh_px[None]
    pitch, yaw, _ = head_pose(mesh.double()).angles_rad[0].tolist()
    return float(lip_measures(mesh)[0, 0]), abs(yaw) + 0.5 * abs(pitch)


def _gap_px(face: Face) -> float:
    return float((face.mesh_px[INNER_LIPS[1]] - face.mesh_px[INNER_LIPS[0]]).norm())


def _closed_line(found: list[SeenFace], rows: DriverRows) -> NDArray[np.float32]:
    """(3,) E: middle of the inner lips in the frontal frame, where they are closed most."""
    order = rows.measures[:, 0].argsort()[: max(1, len(found) // 5)]
    places = [
        pose_frame(mesh).frontal(mesh[list(INNER_LIPS)]).mean(0)
        for mesh in (found[int(k)].face.mesh_px.numpy() for k in order)
    ]
    return np.median(np.stack(places), axis=0).astype(np.float32)


def _noise(found: list[SeenFace], unit_px: Tensor) -> Tensor:
    """(468,) E: how far points lie from the middle of their neighbours in time."""
    points = torch.stack([one.face.mesh_px for one in found]) / unit_px[:, None, None]
    if len(points) < 3:
        return points.new_zeros(points.shape[1])
    aside = (points[1:-1] - (points[2:] + points[:-2]) / 2).norm(dim=-1)
    return 1.4826 * aside.median(0).values / math.sqrt(1.5)


def _moment(
    frame: tuple[int, Tensor],
    faces: deque[SeenFace | None],
    fresh: deque[bool],
    at: int,
    reach: int,
    ease: int,
    study: Study,
) -> Moment:
    index, rgb = frame
    here = faces[at]
    if here is None:
        return Moment(index, rgb, None, 0.0)
    before: list[SeenFace] = []
    for step in range(1, at + 1):
        other = faces[at - step]
        if other is None or not fresh[at - step + 1]:
            break
        before.append(other)
    after: list[SeenFace] = []
    lost_after = False
    for step in range(1, len(faces) - at):
        other = faces[at + step]
        if not fresh[at + step]:
            break
        if other is None:
            lost_after = True
            break
        after.append(other)
    # the very first frames, and a cut to another place of the video, begin at once
    lost_before = len(before) < at and index > len(before) and fresh[at - len(before)]
    strength = 1.0
    if lost_before:
        strength = min(strength, _eased((len(before) + 1) / (ease + 1)))
    if lost_after:
        strength = min(strength, _eased((len(after) + 1) / (ease + 1)))
    mesh = _steadied(here, before[:reach], after[:reach], study.noise_e, reach)
    return Moment(index, rgb, replace(here, face=replace(here.face, mesh_px=mesh)), strength)


def _eased(t: float) -> float:
    t = min(max(t, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def _steadied(
    here: SeenFace, before: list[SeenFace], after: list[SeenFace], noise_e: Tensor, reach: int
) -> Tensor:
    """(468, 3) landmarks without trembling; what moves is kept."""
    now = here.face.mesh_px
    rows = [one.face.mesh_px for one in (*reversed(before), here, *after)]
    first = -len(before)
    sigma = max(reach / 3, 1e-3)
    total, weight = torch.zeros_like(now), 0.0
    for step in range(-reach, reach + 1):
        share = math.exp(-0.5 * (step / sigma) ** 2)
        # where there is no more, the mirror image of the other side: a head that moves on is
        # not held back
        at = step - first
        if 0 <= at < len(rows):
            value = rows[at]
        else:
            other = -step - first
            value = 2 * now - rows[other] if 0 <= other < len(rows) else now
        total, weight = total + share * value, weight + share
    calm = total / weight
    off = now - calm
    left, right = now[list(EYE_OUTER)]
    limit = _NOISE * noise_e * float((right - left).norm())
    size = off.square().sum(-1, keepdim=True)
    kept = size / (size + limit.square()[:, None] + 1e-9)
    return calm + kept * off
