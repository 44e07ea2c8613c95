"""Where the face is in every frame: found, padded, steadied, a few frames late."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...errors import NoFaceError, OptionError
from ...faces.crop import to_image
from ...faces.find import find_in_image
from ...faces.networks import FaceNets
from ...faces.options import FaceOptions
from ...faces.s3fd import S3fdFaces
from ...faces.s3fd_choice import S3fdChooser, detect_as_wav2lip, frames_together
from ...faces.steady_boxes import FRAMES, Box, is_cut, padded_box, smooth_boxes, smoother_of
from ...faces.track import FaceTracker
from ...relip_request import RelipVideo
from ...runtime import Runtime
from .config import Wav2LipOptions
from .paste import oval_of
from .weights import Wav2LipNets

_log = logging.getLogger(__name__)
_LEAST = 8  # pixels: a smaller box holds no face
_EASE_S = 0.12  # in which new lips come and go where the face comes and goes
_MOST_AHEAD = 6  # frames that wait for it


@dataclass(frozen=True)
class Place:
    """The face in one frame.

    Attributes:
        box: x0, y0, x1, y1 in whole pixels, inside of the frame.
        oval: (K, 2) outline of the face, None where only the box is known.
        faces: how many faces the frame shows, as far as known.
    """

    box: Box
    oval: Tensor | None
    faces: int


@dataclass(frozen=True)
class Moment:
    """One frame, its number, and the face in it, None where it is not seen.

    ``strength`` says how much of the new lips is shown: less than 1 where the face is just about to
    be lost or was just found, so that lips do not jump.
    """

    index: int
    rgb: Tensor
    place: Place | None
    strength: float = 1.0


def moments(
    video: RelipVideo,
    faces: FaceOptions,
    who: int | None,
    nets: Wav2LipNets,
    face_nets: FaceNets | None,
    options: Wav2LipOptions,
    runtime: Runtime,
    spoken: int,
) -> Iterator[Moment]:
    """Every frame with its face, in order; fewer than twenty frames wait.

    Args:
        face_nets: our own face nets; None where they are not needed.
        spoken: frames that the original makes for this sound; its smoothing ends there.

    Raises:
        NoFaceError: no frame showed the face; after the last frame.
        FaceIndexError: no frame has as many faces as are asked for; after the last frame.
        OptionError: the fixed box does not fit.
    """
    if (fixed := options.fixed_box()) is not None:
        found = _fixed(video, fixed, options)
    elif nets.detector is not None:
        found = _detected(video, faces, who, nets, options, runtime)
    else:
        assert face_nets is not None
        found = _tracked(video, faces, who, face_nets, options)
    if options.smoothing == "original":
        steadied = _steadied_as_original(found, video, options, spoken)
    else:
        steadied = _steadied(found, video, options)
    yield from _eased(steadied, video, options)


def _frames(video: RelipVideo, options: Wav2LipOptions) -> Iterator[Tensor]:
    first: Tensor | None = None
    for chunk in video.open():
        for rgb in chunk:
            first = rgb if first is None else first
            yield first if options.static else rgb


def _fixed(video: RelipVideo, box: Box, options: Wav2LipOptions) -> Iterator[Moment]:
    height, width = video.size
    if box[2] > width or box[3] > height:
        raise OptionError(
            f"box reaches to {box[2]},{box[3]} but the frames have {width}x{height} pixels."
        )
    for index, rgb in enumerate(_frames(video, options)):
        yield Moment(index, rgb, Place(box, None, 1))


def _tracked(
    video: RelipVideo,
    faces: FaceOptions,
    who: int | None,
    nets: FaceNets,
    options: Wav2LipOptions,
) -> Iterator[Moment]:
    """By our own tracker. A source frame that is shown again is not looked at again."""
    if who is not None:
        faces = replace(faces, face_index=who, face_point="")
    tracker = FaceTracker(nets, faces, waits=True)
    known: dict[int, Place | None] = {}
    count = 0
    repeats = _repeats(video)
    for index, rgb in enumerate(_frames(video, options)):
        source = 0 if options.static else video.source_index(index)
        if source not in known:
            tracked = tracker.update(rgb)
            place = None
            if tracked is not None and tracked.valid:
                x0, y0, x1, y1 = (int(value) for value in tracked.face.box_px.tolist())
                if not count:
                    count = max(1, len(find_in_image(nets, to_image(rgb), faces)))
                    options.check_pads((x0, y0, x1, y1))
                box = _usable((x0, y0, x1, y1), video.size, options)
                place = box and Place(box, oval_of(tracked.face.mesh_px), count)
            if not repeats:
                known.clear()
            known[source] = place
        yield Moment(index, rgb, known[source])
    if not count and video.length:
        if (few := tracker.too_few()) is not None:
            raise few
        raise NoFaceError(
            _nothing(video, f"lower detection_threshold (now {faces.detection_threshold:.2f})")
        )


def _repeats(video: RelipVideo) -> bool:
    """Whether frames of the source are shown more than once, and its places are worth keeping."""
    last = video.length - 1
    return last > 0 and video.source_index(last) != last


def _detected(
    video: RelipVideo,
    faces: FaceOptions,
    who: int | None,
    nets: Wav2LipNets,
    options: Wav2LipOptions,
    runtime: Runtime,
) -> Iterator[Moment]:
    """By the original's detector: the surest face of each frame, or the one that was chosen. A
    source frame of a video that is shown again is not looked at again."""
    assert nets.detector is not None
    detector = nets.detector
    chooser = S3fdChooser(faces, who, waits=True)
    device = next(detector.parameters()).device
    batch = _looked_at_together(device, video.size)
    seen = 0
    waiting: list[tuple[int, int, Tensor]] = []  # number, that of the source frame, pixels
    known: dict[int, S3fdFaces] = {}
    repeats = _repeats(video)

    def looked_at() -> Iterator[Moment]:
        nonlocal seen
        runtime.check_cancelled()
        fresh = {source: rgb for _, source, rgb in waiting if source not in known}
        if fresh:
            pictures = torch.stack(list(fresh.values()))
            # one size of batch always, so that chunks change nothing
            more = pictures[-1:].expand(batch - len(fresh), -1, -1, -1)
            known.update(zip(fresh, detect_as_wav2lip(detector, torch.cat((pictures, more)))))
        for index, source, rgb in waiting:
            each = known[source]
            box = chooser.next(each)
            if box and not seen:  # later a face may be small for a while
                options.check_pads(box)
            box = box and _usable(box, video.size, options)
            seen += box is not None
            yield Moment(index, rgb, Place(box, None, len(each)) if box else None)
        if not (repeats or options.static):
            known.clear()
        waiting.clear()

    for index, rgb in enumerate(_frames(video, options)):
        waiting.append((index, 0 if options.static else video.source_index(index), rgb))
        if len(waiting) == batch:
            yield from looked_at()
    if waiting:
        yield from looked_at()
    if not seen and video.length:
        if (few := chooser.too_few()) is not None:
            raise few
        raise NoFaceError(_nothing(video, "use our own finder, tracker"))


def _looked_at_together(device: torch.device, size: tuple[int, int]) -> int:
    """How many frames the detector is shown at once. A CPU is slower with more than one, and would
    look at copies where a batch is not full."""
    return 1 if device.type == "cpu" else frames_together(size)


def _usable(box: Box, size: tuple[int, int], options: Wav2LipOptions) -> Box | None:
    """The padded box, None when next to nothing of it is in the frame."""
    x0, y0, x1, y1 = padded_box(box, options.pads, size)
    return (x0, y0, x1, y1) if min(x1 - x0, y1 - y0) >= _LEAST else None


def _nothing(video: RelipVideo, hint: str) -> str:
    height, width = video.size
    return (
        f"No face was found in any of {video.length} frames ({width}x{height}). Use a video where "
        f"a face looks toward the viewer, or {hint}."
    )


def _steadied(
    found: Iterator[Moment], video: RelipVideo, options: Wav2LipOptions
) -> Iterator[Moment]:
    """The moments with means of five boxes.

    Means end where the face is lost, where the video jumps, and at cuts.
    """
    steadier = smoother_of(options.smoothing)
    waiting: deque[Moment] = deque()
    last: Box | None = None

    def settled(boxes: list[Box]) -> Iterator[Moment]:
        for box in boxes:
            yield _moved(waiting.popleft(), box)

    for moment in found:
        if moment.place is None or (not options.static and video.begins_anew(moment.index)):
            yield from settled(steadier.finish())
        if moment.place is None:
            yield moment
            continue
        box = moment.place.box
        if last is not None and is_cut(last, box):
            yield from settled(steadier.finish())
        last = box
        waiting.append(moment)
        yield from settled(steadier.push(box))
    yield from settled(steadier.finish())


def _steadied_as_original(
    found: Iterator[Moment], video: RelipVideo, options: Wav2LipOptions, spoken: int
) -> Iterator[Moment]:
    """The moments with means over the frames that follow, as the original has them.

    It steadies the frames of the video, or the first ``spoken`` of a longer one, and shows them
    again from the start where the sound goes on; it knows nothing of cuts. The few frames in which
    the sound ends after ``spoken``, which it does not make, have means of the frames before.
    """
    steadier = smoother_of("original")
    waiting: deque[Moment] = deque()
    recent: deque[Box] = deque(maxlen=FRAMES)
    kept: dict[int, Box] = {}  # by source frame, of a video that is shown again
    keeps, again = _repeats(video), False

    def settled(boxes: list[Box]) -> Iterator[Moment]:
        for box in boxes:
            moment = waiting.popleft()
            if keeps:
                kept[video.source_index(moment.index)] = box
            yield _moved(moment, box)

    for moment in found:
        anew = not options.static and video.begins_anew(moment.index)
        again = again or (anew and moment.index > 0)
        if moment.place is None or anew or moment.index == spoken:
            yield from settled(steadier.finish())
        if moment.place is None:
            recent.clear()
            yield moment
            continue
        box = moment.place.box
        recent.append(box)
        before = kept.get(video.source_index(moment.index)) if again else None
        if before is not None:
            yield from settled(steadier.finish())
            yield _moved(moment, before)
        elif moment.index >= spoken and not again:
            yield _moved(moment, next(smooth_boxes(recent)))
        else:
            waiting.append(moment)
            yield from settled(steadier.push(box))
    yield from settled(steadier.finish())


def _moved(moment: Moment, box: Box) -> Moment:
    assert moment.place is not None
    return replace(moment, place=replace(moment.place, box=box))


def _eased(found: Iterator[Moment], video: RelipVideo, options: Wav2LipOptions) -> Iterator[Moment]:
    """The moments with their strength. A video that begins, ends or jumps with the face in sight
    does so at once."""
    ease = min(_MOST_AHEAD, max(1, round(_EASE_S * float(video.fps))))
    waiting: deque[tuple[Moment, float]] = deque()
    since = math.inf  # frames since the face was not seen

    def out(until: float) -> Moment:
        moment, before = waiting.popleft()
        part = min(1.0, min(before, until) / (ease + 1))
        return replace(moment, strength=part * part * (3 - 2 * part))

    for moment in found:
        jumps = moment.index > 0 and not options.static and video.begins_anew(moment.index)
        if jumps:
            while waiting:
                yield out(math.inf)
            since = math.inf
        if moment.place is None:
            while waiting:
                yield out(len(waiting))
            since = 0
            yield moment
            continue
        since += 1
        waiting.append((moment, since))
        if len(waiting) > ease:
            yield out(math.inf)
    while waiting:
        yield out(math.inf)
