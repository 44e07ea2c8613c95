"""Faces restored in a stream of frames, calmly, with flat memory.

Each frame waits until the frames that its crops are smoothed with have been seen. What a network
adds to a crop is laid over the frame, so that pixels outside of the mask keep every bit and detail
that the crop is too small for is not lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

from ..faces.networks import FaceNets
from ..faces.options import FaceOptions
from ..faces.several import SeveralTracker
from ..faces.track import TrackedFace
from ..geometry.filters import blur, to_levels, warp
from ..runtime import Runtime
from ..structures import FrameStream
from .align import inverted, similarity
from .background import enlarged
from .load import Enhancer
from .options import EnhanceOptions
from .places import five_points_of, outline_of, region_mask, trust_in
from .report import Enhanced, EnhanceReport
from .stable import CalmDetail, Place, Sight, place_of, reach_of, without_colour

_MOST_FACES = 8
_NO_FRAME = torch.zeros(0)
_LEAST_FACE_PX = 16.0  # smaller ones are left alone: there is nothing to restore them from


@dataclass
class _Waiting:
    """A frame whose neighbours are still looked at."""

    frame: Tensor
    sights: list[Sight | None]  # by person


@dataclass(frozen=True)
class _Work:
    """One face to be restored in one frame: its crop and how to lay the change over the frame."""

    person: int
    place: Place
    crop: Tensor
    image_from_crop: Tensor


def enhance_frames(
    stream: FrameStream,
    nets: FaceNets,
    enhancer: Enhancer,
    options: EnhanceOptions,
    runtime: Runtime,
    face_options: FaceOptions | None = None,
) -> Enhanced:
    """Restore the faces of a video, or of a picture as a video of one frame.

    Args:
        stream: (N, 3, H, W) uint8 or float in [0, 1], any device.
        nets: the face tracker's.
        enhancer: what restores faces.
        options: how.
        runtime: chunk and cancel. The chunk never changes the result.
        face_options: how hard to look for faces.

    Returns:
        (N, 3, H', W') uint8 on the CPU, where H' and W' are ``upscale`` times H and W, rounded to
        even numbers if that enlarges. Frames without a face are passed through and counted.
    """
    report = EnhanceReport()
    size = result_size(stream.size, options.upscale)
    work = _Restorer(nets, enhancer, options, runtime, face_options, stream.fps, size, report)
    return Enhanced(replace(stream, chunks=work.chunks(stream), size=size), report)


def result_size(size: tuple[int, int], upscale: float) -> tuple[int, int]:
    """(H, W) of the result; enlarged sides are even, as most video files want them."""
    if upscale == 1:
        return size
    height, width = (max(2, round(side * upscale / 2) * 2) for side in size)
    return height, width


def faces_at_once(device: torch.device, options: EnhanceOptions) -> int:
    """How many faces go through the network together. A CPU gains nothing by more than one, and so
    gives the same bits whatever the chunk."""
    return 1 if device.type == "cpu" else options.enhance_batch


class _Restorer:
    def __init__(
        self,
        nets: FaceNets,
        enhancer: Enhancer,
        options: EnhanceOptions,
        runtime: Runtime,
        face_options: FaceOptions | None,
        fps: Fraction,
        size: tuple[int, int],
        report: EnhanceReport,
    ) -> None:
        most = 1 if options.enhance_faces == "largest" else _MOST_FACES
        self._tracker = SeveralTracker(nets, face_options, most)
        self._enhancer, self._options, self._runtime = enhancer, options, runtime
        self._fps, self._size, self._report = fps, size, report
        self._reach = reach_of(options.enhance_steady, fps)
        self._calm: dict[int, CalmDetail] = {}
        self._batch = faces_at_once(enhancer.device, options)

    def chunks(self, stream: FrameStream) -> Iterator[Tensor]:
        """The finished frames."""
        # Frames that are done stay until they are no neighbours any more.
        window: deque[_Waiting] = deque()
        done = first = 0
        ready: list[tuple[Tensor, list[tuple[int, Place]]]] = []
        for chunk in stream:
            for frame in chunk:
                window.append(self._looked_at(frame))
                if first + len(window) - done > self._reach:
                    ready.append(self._placed(window, done - first, first == 0, is_end=False))
                    done += 1
                    while done - first > self._reach:
                        window.popleft()
                        first += 1
                if len(ready) == self._runtime.chunk:
                    yield self._finished(ready)
                    ready = []
        while done < first + len(window):
            ready.append(self._placed(window, done - first, first == 0, is_end=True))
            done += 1
            if len(ready) == self._runtime.chunk:
                yield self._finished(ready)
                ready = []
        if ready:
            yield self._finished(ready)

    def _looked_at(self, frame: Tensor) -> _Waiting:
        if frame.dtype != torch.uint8:
            frame = to_levels(frame * 255)
        tracked = self._tracker.update(frame)
        return _Waiting(frame.cpu(), [self._sight(person) for person in tracked])

    def _sight(self, tracked: TrackedFace) -> Sight | None:
        face = tracked.face
        if not tracked.valid or face.size_px < _LEAST_FACE_PX:
            return None
        outline = outline_of(face, self._options.enhance_region)
        return Sight(five_points_of(face), outline, face.size_px, trust_in(face))

    def _placed(
        self, window: deque[_Waiting], current: int, is_start: bool, *, is_end: bool
    ) -> tuple[Tensor, list[tuple[int, Place]]]:
        """A frame and where its people are, now that its neighbours are known."""
        waiting = window[current]
        found: list[tuple[int, Place]] = []
        # no more than the reach on both sides: what else is at hand depends on nothing but it
        low, high = max(0, current - self._reach), min(len(window), current + self._reach + 1)
        near = [window[i].sights for i in range(low, high)]
        for person in range(len(waiting.sights)):
            row = [sights[person] if person < len(sights) else None for sights in near]
            place = place_of(
                row,
                current - low,
                self._options.enhance_steady,
                self._fps,
                is_start=is_start and low == 0,
                is_end=is_end and high == len(window),
            )
            if place is not None:
                found.append((person, place))
        if found:
            self._report.saw(len(found))
        else:
            self._report.missed()
        frame, waiting.frame = waiting.frame, _NO_FRAME  # its sights stay as neighbours of others
        return frame, found

    def _finished(self, ready: list[tuple[Tensor, list[tuple[int, Place]]]]) -> Tensor:
        self._runtime.check_cancelled()
        with torch.inference_mode():
            jobs = [
                [self._cut(frame, person, place) for person, place in people]
                for frame, people in ready
            ]
            changes = iter(self._restored([job.crop for each in jobs for job in each]))
            frames = [
                self._composed(frame, each, [next(changes) for _ in each])
                for (frame, _), each in zip(ready, jobs)
            ]
            return torch.stack(frames)

    def _cut(self, frame: Tensor, person: int, place: Place) -> _Work:
        enhancer = self._enhancer
        matrix, scale = similarity(place.points_px.double(), enhancer.points)
        picture = frame.to(enhancer.device).float()[None]
        if scale < 0.5:  # a large face: averaged before it is made small
            reach = round(1 / scale) | 1
            picture = blur(picture, 2 * reach + 1, 0.4 / scale)
        size = (enhancer.size, enhancer.size)
        # The network was taught with grey around the picture; 132 is nearly that in all colours.
        crop = warp(picture - 132, matrix, size) + 132
        return _Work(person, place, crop.clamp(0, 255), inverted(matrix))

    def _restored(self, crops: list[Tensor]) -> list[Tensor]:
        """Each crop restored, (1, 3, S, S) levels."""
        found: list[Tensor] = []
        while len(found) < len(crops):
            faces = torch.cat(crops[len(found) : len(found) + self._batch]) / 127.5 - 1
            try:
                restored = self._enhancer.restore(faces).float()
            except torch.cuda.OutOfMemoryError:
                if self._batch == 1:
                    raise
                self._batch //= 2  # and stays so: the next frames need as much
                self._runtime.free_memory()
                continue
            found += list(((restored.clamp(-1, 1) + 1) * 127.5).split(1))
        return found

    def _composed(self, frame: Tensor, jobs: list[_Work], restored: list[Tensor]) -> Tensor:
        """The frame with its restored faces, (3, H', W') uint8."""
        result = enlarged(frame.to(self._enhancer.device), self._size, self._enhancer.upscaler)
        shown = result
        for job, face in zip(jobs, restored):
            change = face - job.crop
            if self._options.keep_colour:
                change = without_colour(change)
            calm = self._calm.setdefault(job.person, CalmDetail(self._options.enhance_steady))
            change = calm.next(job.crop, change, job.place.begins)
            strength = self._options.enhance_strength * job.place.strength
            if strength > 0:
                shown = self._laid(shown, job, change * strength, frame)
        return shown.cpu()

    def _laid(self, shown: Tensor, job: _Work, change: Tensor, frame: Tensor) -> Tensor:
        """The change of one crop over a frame; where its mask is empty no bit changes."""
        size = self._enhancer.size
        points = torch.cat(
            (job.place.outline_px.double(), torch.ones(len(job.place.outline_px), 1)), 1
        )
        crop_from_image = inverted(job.image_from_crop)
        outline = (points @ crop_from_image.mT).float()
        mask = region_mask(outline, size, self._options.enhance_region).to(change)
        matrix = _enlarging(frame, shown) @ _square(job.image_from_crop)
        scale = float(torch.linalg.det(matrix[:2, :2])) ** 0.5
        change = change * mask
        if scale < 0.7:  # a small face in the frame: detail that it cannot hold would alias
            sigma = 0.4 / scale
            change = blur(change, 2 * round(2 * sigma) + 1, sigma)
        top, left, bottom, right = _reached(matrix, outline, shown, size)
        if top >= bottom or left >= right:
            return shown
        into = matrix[:2].clone()
        into[:, 2] -= into.new_tensor([left, top])
        area = (bottom - top, right - left)
        moved = warp(change, into, area)[0]
        where = warp(mask[None, None], into, area)[0] > 0
        result = shown.clone()
        box = result[:, top:bottom, left:right]
        box.copy_(torch.where(where, to_levels(box.float() + moved), box))
        return result


def _square(matrix: Tensor) -> Tensor:
    return torch.cat((matrix, matrix.new_tensor([[0.0, 0.0, 1.0]])))


def _enlarging(frame: Tensor, shown: Tensor) -> Tensor:
    """(3, 3) from the frame to the frame as it is shown; the picture's edges keep their place."""
    x, y = shown.shape[2] / frame.shape[2], shown.shape[1] / frame.shape[1]
    return torch.tensor([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]], dtype=torch.float64)


def _reached(
    matrix: Tensor, outline: Tensor, shown: Tensor, size: int
) -> tuple[int, int, int, int]:
    """Rows and columns of the frame that a crop can reach: top, left, bottom, right."""
    last = float(size - 1)
    corners = torch.tensor(
        [[0, 0, 1], [last, 0, 1], [0, last, 1], [last, last, 1]], dtype=torch.float64
    )
    reached = corners @ matrix[:2].mT
    left, top = (int(value) for value in reached.amin(0).floor() - 1)
    right, bottom = (int(value) for value in reached.amax(0).ceil() + 2)
    height, width = shown.shape[1:]
    return max(0, top), max(0, left), min(height, bottom), min(width, right)
