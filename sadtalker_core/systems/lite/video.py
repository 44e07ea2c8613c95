"""A video as the portrait: every frame is moved on from how it is.

Each frame is tracked and prepared by itself, because another face is seen in each; only the
colours behind the lips, how far the head turns, and the part of the picture that is shown stay
those of the first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

from ...errors import FaceError
from ...expression_sliders import ExpressionSliders
from ...faces.crop import framed
from ...faces.face import Face
from ...faces.networks import FaceNets, load_face_nets
from ...faces.options import FaceOptions
from ...faces.track import FaceTracker, track_face
from ...motion_request import ReferenceVideo
from ...runtime import Runtime
from ...structures import FrameStream, LiteMotion, in_chunks
from .config import LiteDriveOptions, LiteRenderOptions
from .driver import taken_over
from .pipeline import prepare, shown_mode
from .render import PreparedPortrait, render_frame
from .sliders import slider_motion

_log = logging.getLogger(__name__)
_STEADY_LANDMARKS = 0.4


@dataclass(frozen=True)
class PreparedVideo:
    """A video that can be animated again and again.

    Attributes:
        video: its frames.
        faces: which face of the frames as shown is meant.
        options: how it is rendered.
        nets: face nets.
        start: face of the first frame in which it is seen; it says what part is shown.
        first: that frame, prepared.
    """

    video: ReferenceVideo
    faces: FaceOptions
    options: LiteRenderOptions
    nets: FaceNets
    start: Face
    first: PreparedPortrait

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the frames."""
        return self.first.size


def prepare_video(
    video: ReferenceVideo,
    faces: FaceOptions,
    options: LiteRenderOptions,
    runtime: Runtime,
    nets: FaceNets | None = None,
) -> PreparedVideo:
    """Look for the face in a source video; nothing of its frames is kept but the first.

    Raises:
        NoFaceError: no frame shows a face.
        FaceIndexError: the first frame with faces has too few of them.
        FaceError: the face of that frame cannot be animated, see ``pipeline.prepare``.
    """
    nets = nets or load_face_nets(runtime.device)
    if faces.landmark_smoothing == 0:  # trembling landmarks would make every frame tremble
        faces = replace(faces, landmark_smoothing=_STEADY_LANDMARKS)
    latest: list[Tensor] = []

    def watched() -> Iterator[Tensor]:
        for rgb in _frames(video):
            runtime.check_cancelled()
            latest[:] = [rgb]
            yield rgb[None]

    # frames before the first sight come with that first face, not valid
    tracked = next(iter(track_face(nets, watched(), faces)))
    first = prepare(latest[0], tracked.face, options)
    _, shown = framed(latest[0], tracked.face, *shown_mode(options, latest[0]))
    x, y = shown.center_px
    same = replace(faces, face_index=None, face_point=f"{x:.0f},{y:.0f}")
    return PreparedVideo(video, same, options, nets, tracked.face, first)


def drive_video(
    prepared: PreparedVideo,
    motion: LiteMotion | None,
    options: LiteDriveOptions,
    sliders: ExpressionSliders,
    frames: int,
    fps: Fraction,
    runtime: Runtime,
) -> FrameStream:
    """Frames of a video whose face a driver moves, or sliders, or both; memory is flat.

    Args as of ``pipeline.drive``. Frame k shows the source at k / fps seconds; after its end the
    last frame stays. A driver's mouth replaces the source's, everything else is added to it;
    sliders alone leave the source's own motion as it is. Where the face is not seen, the source
    is shown untouched.
    """
    base = None if motion is None else taken_over(motion, options).to("cpu")
    height, width = prepared.size

    def rendered() -> Iterator[Tensor]:
        tracker = FaceTracker(prepared.nets, prepared.faces)
        untouched = 0
        for index, rgb in enumerate(at_rate(prepared.video, fps, frames)):
            if index % runtime.chunk == 0:
                runtime.check_cancelled()
            picture, _ = framed(rgb, prepared.start, *shown_mode(prepared.options, rgb))
            if base is None and sliders.is_untouched:
                yield picture
                continue
            portrait = _portrait(prepared, tracker, picture, motion is not None)
            if portrait is None:
                untouched += 1
                yield picture
                continue
            own = None
            if base is not None:  # a motion that ends before the video is held
                at = min(index, len(base) - 1)
                own = base[at : at + 1]
            moved = slider_motion(sliders, 1, fps, portrait, own, index)
            frame = render_frame(portrait, moved, 0)
            yield torch.from_numpy(frame).permute(2, 0, 1)
        if untouched:
            _log.warning(
                "%d of %d source frames show no face and were not moved.", untouched, frames
            )

    return FrameStream(in_chunks(rendered(), runtime.chunk), frames, (height, width), fps)


def _portrait(
    prepared: PreparedVideo, tracker: FaceTracker, picture: Tensor, closes: bool
) -> PreparedPortrait | None:
    tracked = tracker.update(picture)
    if tracked is None or not tracked.valid:
        return None
    whole = replace(
        prepared.options, frame="full", close_mouth=prepared.options.close_mouth and closes
    )
    try:
        return prepare(picture, tracked.face, whole, prepared.first)
    except FaceError:
        return None


def _frames(video: ReferenceVideo) -> Iterator[Tensor]:
    for chunk in video.open():
        yield from chunk


def at_rate(video: ReferenceVideo, fps: Fraction, count: int) -> Iterator[Tensor]:
    """``count`` frames (3, H, W), the one that is on at each moment; the last is held."""
    source = _frames(video)
    last: Tensor | None = None
    taken = -1
    for index in range(count):
        wanted = int(index * video.fps / fps)
        while taken < wanted:
            following = next(source, None)
            if following is None:
                break
            last, taken = following, taken + 1
        if last is None:
            return
        yield last
