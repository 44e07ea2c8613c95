"""Frame by frame: the face, what is cut out for DNet, its coefficients and its box, and what needs
the frames around it, a dozen frames late."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import FaceError, OptionError
from ...faces.ffhq import FfhqRectangle, ffhq_rectangle
from ...faces.nets.recon3d import Recon3D
from ...faces.recon3d import align_224, five_points, motion_rows, reconstruct
from ...faces.steady_boxes import Box, is_cut, padded_box, smoother_of
from ...geometry.resize import resize_linear
from ...relip_request import RelipVideo
from .config import VideoReTalkingOptions
from .finders import Finder, Seen, moved, region_of
from .stabilise import AFTER, BEFORE, window_rows

CUT = 256  # side of what DNet sees
_LEAST = 8  # pixels: a smaller box holds no face
_EASE_S = 0.12  # in which new lips come and go where the face does
_MOST_EASE = AFTER  # frames: so many are known ahead
_CALM_S = 0.1  # standard deviation of the five points' smoothing: the enhancers' own
_GROWTH = 1.35  # a face that is so many times larger or smaller than at first is cut out anew


@dataclass(frozen=True)
class Face:
    """The face of one frame.

    Attributes:
        seen: where it is.
        box: x0, y0, x1, y1 of the face with its pads, inside of the frame.
        cut_box: the same of what is cut out for DNet.
        cut: (3, 256, 256) uint8, that part squeezed to a square.
        landmarks: (68, 2) in ``cut``.
        row: (73,) coefficients.
    """

    seen: Seen
    box: Box
    cut_box: Box
    cut: Tensor
    landmarks: Tensor
    row: Tensor


@dataclass(frozen=True)
class Look:
    """A frame (3, H, W) uint8, its number, that of the source, and the face if it is seen."""

    index: int
    source: int
    rgb: Tensor
    face: Face | None


@dataclass(frozen=True)
class Moment:
    """A frame whose neighbours are known.

    Attributes:
        look: the frame.
        box: the face's box, steadied; None where no face is seen.
        window: (73, 26) coefficients around the frame; None there too.
        strength: below 1 in the few frames beside ones without the face: lips come and go softly.
        steady_five: (5, 2) eyes, nose tip, mouth corners of the head at rest in the frame, steadied
            with the frames around it; None where they are not known.
    """

    look: Look
    box: Box | None
    window: Tensor | None
    strength: float = 1.0
    steady_five: Tensor | None = None

    @property
    def five(self) -> Tensor:
        """(5, 2) of the frame, by which enhancers cut the face: steadied, or the landmarks'."""
        if self.steady_five is not None:
            return self.steady_five
        assert self.look.face is not None
        return five_points(self.look.face.seen.landmarks)


class Watcher:
    """Looks at the frames of a video in order."""

    def __init__(
        self, video: RelipVideo, finder: Finder, recon: Recon3D, options: VideoReTalkingOptions
    ) -> None:
        self._video, self._finder, self._recon, self._options = video, finder, recon, options
        self._cut_box: Box | None = None
        self._first_size = 0.0
        self._landmarks: Tensor | None = None  # of the last frame, in its cut
        fixed = options.fixed_box()
        height, width = video.size
        if fixed is not None and (fixed[2] > width or fixed[3] > height):
            raise OptionError(
                f"box reaches to {fixed[2]},{fixed[3]} but the frames have {width}x{height} pixels."
            )
        self._fixed = fixed
        part = options.look_in()
        self._part = None if part is None else region_of(part, video.size)

    def looks(self) -> Iterator[Look]:
        """Every frame with its face. A frame that is shown twice running is looked at once."""
        last: Look | None = None
        index = 0
        for chunk in self._video.open():
            for rgb in chunk:
                source = self._video.source_index(index)
                if last is not None and last.source == source:
                    face = last.face
                else:
                    with torch.inference_mode():
                        face = self._face(rgb)
                last = Look(index, source, rgb, face)
                yield last
                index += 1

    def _face(self, rgb: Tensor) -> Face | None:
        seen = self._seen(rgb)
        if seen is None:
            return None
        try:
            return self._cut_out(rgb, seen)
        except FaceError:  # landmarks that are no face
            return None

    def _seen(self, rgb: Tensor) -> Seen | None:
        if self._part is None:
            return self._finder.look(rgb)
        x0, y0, x1, y1 = self._part
        if x1 - x0 < _LEAST or y1 - y0 < _LEAST:
            return None
        seen = self._finder.look(rgb[:, y0:y1, x0:x1].contiguous())
        return None if seen is None else moved(seen, x0, y0)

    def _cut_out(self, rgb: Tensor, seen: Seen) -> Face | None:
        size = (rgb.shape[1], rgb.shape[2])
        if self._cut_box is None and self._fixed is None:  # later a face may be small for a while
            self._options.check_pads(seen.box)
        box = self._fixed or padded_box(seen.box, self._options.pads, size)
        if min(box[2] - box[0], box[3] - box[1]) < _LEAST:
            return None
        cut_box = self._cut_box_for(seen, size)
        if cut_box is None:
            return None
        x0, y0, x1, y1 = cut_box
        cut = resize_linear(rgb[:, y0:y1, x0:x1], (CUT, CUT)).contiguous()
        landmarks = self._finder.within(cut, in_cut(seen.landmarks, cut_box))
        if landmarks is None:  # the original keeps the last ones too
            landmarks = self._landmarks
        if landmarks is None:
            return None
        row = coefficients(self._recon, cut, landmarks)
        self._landmarks = landmarks
        return Face(seen, box, cut_box, cut, landmarks, row)

    def _cut_box_for(self, seen: Seen, size: tuple[int, int]) -> Box | None:
        """The first frame's box as long as the face stays in it; the original keeps it for good."""
        face_size = _spread(seen.landmarks)
        if self._cut_box is not None:
            stays = self._options.finder == "original"
            grown = max(face_size, self._first_size) / max(min(face_size, self._first_size), 1e-6)
            if stays or (grown < _GROWTH and _is_within(seen.landmarks, self._cut_box)):
                return self._cut_box
        found = ffhq_rectangle(size, seen.landmarks)
        box = frame_box(found, size, like_original=self._options.finder == "original")
        if min(box[2] - box[0], box[3] - box[1]) < _LEAST:
            return None
        self._cut_box, self._first_size = box, face_size
        return box


def frame_box(found: FfhqRectangle, size: tuple[int, int], *, like_original: bool) -> Box:
    """x0, y0, x1, y1 in a frame (H, W) of what is cut out for DNet.

    The original ends the box at the frame's width below, too, and does not enlarge it again where
    FFHQ's rule made the picture smaller: ``like_original`` keeps the first mistake. With the second
    one nothing of a large face would be in the box.
    """
    height, width = size
    left, top, right, bottom = found.inner
    if not like_original:
        bottom = found.bottom
    ends = (left, top, right, bottom)
    x0, y0, x1, y1 = (
        (int(end) + found.crop[axis % 2]) * found.shrink for axis, end in enumerate(ends)
    )
    return x0, y0, min(x1, width), min(y1, height)


def in_cut(points: Tensor, box: Box) -> Tensor:
    """Points (K, 2) of the frame in the square that ``box`` was squeezed to; pixel centres are at
    whole numbers."""
    x0, y0, x1, y1 = box
    scale = points.new_tensor([CUT / (x1 - x0), CUT / (y1 - y0)])
    return (points + 0.5 - points.new_tensor([x0, y0])) * scale - 0.5


def coefficients(net: Recon3D, rgb: Tensor, landmarks: Tensor) -> Tensor:
    """(73,) float32 of the face of ``rgb`` (3, H, W) uint8, on the CPU. Raises ``FaceError``."""
    aligned = align_224(rgb, landmarks)
    full = reconstruct(net, aligned.image).cpu()
    return motion_rows(full, aligned.trans_params[None])[0]


def _spread(landmarks: Tensor) -> float:
    return float((landmarks.amax(0) - landmarks.amin(0)).prod().sqrt())


def _is_within(landmarks: Tensor, box: Box) -> bool:
    low, high = landmarks.amin(0), landmarks.amax(0)
    start, end = low.new_tensor(box[:2]), low.new_tensor(box[2:])
    return bool((low >= start).all() and (high <= end).all())


def moments(looks: Iterator[Look], video: RelipVideo, smoothing: str) -> Iterator[Moment]:
    """The frames, in order, with steadied boxes and windows of coefficients.

    Windows end where the video jumps, as the original's do at its ends, and at cuts, of which the
    original knows nothing; where the face is lost its last row stays. At most a dozen frames wait.
    """
    run = _Run(smoothing, float(video.fps))
    last: Box | None = None
    for look in looks:
        begins = look.index > 0 and video.begins_anew(look.index)
        if look.face is not None:
            if smoothing != "original" and last is not None:
                begins = begins or is_cut(last, look.face.box)
            last = look.face.box
        if begins:
            yield from run.finish()
            run = _Run(smoothing, float(video.fps))
        yield from run.push(look)
    yield from run.finish()


class _Run:
    """Frames that follow on each other."""

    def __init__(self, smoothing: str, fps: float) -> None:
        self._smoother = smoother_of(smoothing)
        self._ease = min(_MOST_EASE, max(1, round(_EASE_S * fps)))
        self._calm = _CALM_S * fps if smoothing == "steady" else 0.0
        self._waiting: deque[tuple[Look, int]] = deque()
        self._boxes: deque[Box] = deque()
        self._rows: deque[Tensor] = deque()
        self._rests: deque[Tensor | None] = deque()  # the five points beside each row
        self._dropped = 0  # rows that no window needs any more
        self._since = self._ease + 1  # frames since one without the face

    @property
    def _count(self) -> int:
        return self._dropped + len(self._rows)

    def push(self, look: Look) -> Iterator[Moment]:
        """Take the next frame; those that are ready now."""
        if look.face is not None:
            self._rows.append(look.face.row)
            self._rests.append(look.face.seen.rest)
            self._boxes.extend(self._smoother.push(look.face.box))
        else:
            self._boxes.extend(self._smoother.finish())
            if self._rows:
                self._rows.append(self._rows[-1])
                self._rests.append(None)
        self._waiting.append((look, self._count - 1))
        yield from self._ready(ended=False)

    def finish(self) -> Iterator[Moment]:
        """All frames that still wait."""
        self._boxes.extend(self._smoother.finish())
        yield from self._ready(ended=True)

    def _ready(self, ended: bool) -> Iterator[Moment]:
        while self._waiting:
            look, number = self._waiting[0]
            if look.face is None:
                self._waiting.popleft()
                self._since = 0
                yield Moment(look, None, None)
                continue
            if not ended and (self._count <= number + AFTER or not self._boxes):
                return
            self._waiting.popleft()
            index = (window_rows(number, self._count) - self._dropped).tolist()
            window = torch.stack([self._rows[row] for row in index], 1)
            self._since += 1
            near = min(self._since, self._until_loss(), self._ease + 1)
            five = self._steadied(number - self._dropped)
            yield Moment(look, self._boxes.popleft(), window, near / (self._ease + 1), five)
            while self._dropped < number + 1 - BEFORE:
                self._rows.popleft()
                self._rests.popleft()
                self._dropped += 1

    def _until_loss(self) -> int:
        """Frames until one without the face, as far as it matters."""
        for ahead, (look, _) in enumerate(self._waiting, 1):
            if look.face is None or ahead > self._ease:
                return ahead
        return self._ease + 1

    def _steadied(self, at: int) -> Tensor | None:
        """The five points of row ``at``: a mean with those around it, as far as the face is seen
        without a gap."""
        now = self._rests[at]
        if now is None or self._calm <= 0:
            return now
        total, weights = now.clone(), 1.0
        for step in (-1, 1):
            for away in range(1, AFTER + 1):
                beside = at + step * away
                rest = self._rests[beside] if 0 <= beside < len(self._rests) else None
                if rest is None:
                    break
                weight = math.exp(-0.5 * (away / self._calm) ** 2)
                total, weights = total + weight * rest, weights + weight
        return total / weights
