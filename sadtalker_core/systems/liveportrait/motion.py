"""Motion of LivePortrait carried from a driver to a portrait: from motion to keypoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

from ...errors import OptionError, StructureError
from ...structures import ImplicitMotion, KeypointTrack
from .carried import (
    Bearing,
    carried_to_animal,
    carried_to_still,
    carried_to_video,
    no_change,
    wanted_of_video,
)
from .config import KEYPOINTS, LivePortraitMotionOptions
from .drive_setup import DriveSetup as DriveSetup
from .keypoints import posed, without_depth
from .points import SourcePoints as SourcePoints
from .points import extract as extract
from .points import extract_stream as extract_stream
from .retarget import (
    FaceRatios,
    RetargetNets,
    combined_eyes,
    combined_lips,
    motion_multiplier,
    retargeted,
    stitched,
)
from .smoothing import OneEuro, OneEuroState

# Frames go through the networks in places of a table of this size, each in the place of its number:
# so the rounding of a frame does not depend on the chunk it came in.
_GROUP = 32
_SLEEPY_EYES = 0.18  # a source video that begins with eyes less open than this
_OPEN_EYES = 0.39  # has them held this open


def drive(
    source: SourcePoints,
    driving: ImplicitMotion,
    options: LivePortraitMotionOptions,
    nets: RetargetNets,
    *,
    ratios: FaceRatios | None = None,
    stitching: bool = True,
    animal: bool = False,
    source_is_video: bool = False,
    driving_is_picture: bool | None = None,
    first: ImplicitMotion | None = None,
    fps: Fraction | None = None,
) -> KeypointTrack:
    """Keypoints of a whole clip.

    Frame i of the driver meets frame i of a source video, whatever their rates: retime the driver
    first. Memory grows by about 2 kB a frame; ``drive_chunks`` does without for a picture.

    Args:
        source: the portrait, on the networks' device: one row of a picture or T of a video.
        driving: the driver's motion, on any device.
        options: what is taken over.
        nets: networks that correct keypoints.
        ratios: see ``DriveSetup``, as are stitching, animal and source_is_video.
        stitching: fit the face to the shoulders.
        animal: the networks are those of animals.
        source_is_video: the source is a video, be it of one frame.
        driving_is_picture: the driver is a single picture; by default, if it has one frame and
            ``first`` is not given.
        first: the driver at rest, one frame; by default its first. Motion that is a change itself
            (``is_relative``) has its own rest; ``first`` is no use then.
        fps: frames per second of the result; by default the driver's.

    Returns:
        source (1 or T, K, 3), driving (T, K, 3): as many frames as the driver; with a source
        video as many as both have, with a picture as driver all of the video's.

    Raises:
        OptionError: an option needs ratios that are not there, or a motion that is a change
            itself is to be taken for what was seen.
        StructureError: a motion that is empty, of other keypoints, or not finite.

    Source: ``execute`` in LivePortrait's ``src/live_portrait_pipeline.py``, and its ``_animal``.
    """
    check_motion(driving)
    if driving_is_picture is None:
        driving_is_picture = len(driving) == 1 and first is None
    driving_is_picture = driving_is_picture and not driving.is_relative
    ratios = _beside(source, ratios)
    setup = DriveSetup(
        source, options, nets, ratios, stitching, animal, source_is_video, driving_is_picture
    )
    rate = driving.fps if fps is None else fps
    if not source_is_video:
        tracks = list(_of_still(setup, [driving], first))
        return KeypointTrack(source.x, torch.cat([track.driving for track in tracks]), rate)
    return _of_video(setup, driving, first, rate)


def drive_chunks(
    source: SourcePoints,
    chunks: Iterable[ImplicitMotion],
    options: LivePortraitMotionOptions,
    nets: RetargetNets,
    *,
    ratios: FaceRatios | None = None,
    stitching: bool = True,
    animal: bool = False,
    first: ImplicitMotion | None = None,
    calm: OneEuro | None = None,
) -> Iterator[KeypointTrack]:
    """Keypoints of a picture while its driver's frames arrive, such as a camera's.

    The frames are those of ``drive`` to the bit, whatever the chunks; nothing is kept of them but
    the first. See ``drive`` for arguments and errors.

    Args:
        source: one row.
        chunks: consecutive frames of the driver, any number at a time.
        options: what is taken over.
        nets: networks that correct keypoints.
        ratios: of the portrait.
        stitching: fit the face to the shoulders.
        animal: the networks are those of animals.
        first: the driver at rest; by default its first frame.
        calm: takes the trembling out of expression and rotation, for a camera.

    Yields:
        A track for every chunk that has frames.
    """
    setup = DriveSetup(source, options, nets, _beside(source, ratios), stitching, animal)
    return _of_still(setup, chunks if calm is None else _calmed(chunks, calm), first)


def _calmed(chunks: Iterable[ImplicitMotion], calm: OneEuro) -> Iterator[ImplicitMotion]:
    states: tuple[OneEuroState | None, OneEuroState | None] = None, None
    for chunk in chunks:
        expression, exp_state = calm.run(chunk.expression, states[0])
        rotation, turn_state = calm.run(chunk.rotation, states[1])
        states = exp_state, turn_state
        yield replace(chunk, expression=expression, rotation=rotation)


@dataclass(frozen=True)
class _Anchor:
    """The driver at rest.

    Attributes:
        first: one frame.
        x: (1, K, 3) keypoints that it gives the portrait, or None where nothing is fitted.
        multiplier: by how much the portrait's face is larger, (1,).
    """

    first: ImplicitMotion
    x: Tensor | None = None
    multiplier: Tensor | None = None


def _of_still(
    setup: DriveSetup, chunks: Iterable[ImplicitMotion], first: ImplicitMotion | None
) -> Iterator[KeypointTrack]:
    number = 0
    anchor: _Anchor | None = None
    for chunk in chunks:
        if len(chunk) == 0:
            continue
        chunk = _ready(setup, chunk)
        if anchor is None:
            anchor = _anchor(setup, _rest(setup, chunk, first))
        made: list[Tensor] = []
        for begin, end in _groups(number, len(chunk)):
            places = _places(number + begin, end - begin, setup.source.x.device)
            frames = _taken(chunk[begin:end], places)
            x = _still_keypoints(setup, frames, anchor)
            x = _corrected(setup, setup.source, setup.ratios, x, frames)
            made.append(x[(number + begin) % _GROUP :][: end - begin])
        number += len(chunk)
        yield KeypointTrack(setup.source.x, torch.cat(made), chunk.fps)


def _of_video(
    setup: DriveSetup, driving: ImplicitMotion, first: ImplicitMotion | None, fps: Fraction
) -> KeypointTrack:
    is_picture = setup.driving_is_picture
    driving = _ready(setup, driving[:1] if is_picture else driving)
    length = len(setup.source) if is_picture else min(len(setup.source), len(driving))
    source, driving = setup.source[:length], driving[:length]
    rest = _rest(setup, driving, first)
    exp, rotation = wanted_of_video(source, driving, rest, setup.options, is_picture=is_picture)
    made: list[Tensor] = []
    for begin, end in _groups(0, length):
        places = _places(0, end - begin, source.x.device)
        frames = _taken(driving if is_picture else driving[begin:end], places)
        rows = SourcePoints(*(part[begin:end][places] for part in source.parts()))
        wanted = exp[begin:end][places], rotation[begin:end][places]
        ratios = None
        if setup.ratios is not None:
            near = setup.ratios[begin:end]
            ratios = FaceRatios(near.eyes[places], near.lip[places])
        bearing = carried_to_video(rows, wanted, frames, setup.options)
        x = _corrected(setup, rows, ratios, _keypoints(rows, bearing), frames)
        made.append(x[: end - begin])
    return KeypointTrack(source.x, torch.cat(made), fps)


def _anchor(setup: DriveSetup, first: ImplicitMotion) -> _Anchor:
    if not setup.fits_size:
        return _Anchor(first)
    places = _places(0, 1, setup.source.x.device)
    x = _still_keypoints(setup, _taken(first, places), _Anchor(first))[:1]
    return _Anchor(first, x, motion_multiplier(setup.source.x, x))


def _still_keypoints(setup: DriveSetup, frames: ImplicitMotion, anchor: _Anchor) -> Tensor:
    """(N, K, 3) keypoints of a picture before the networks correct them."""
    source = setup.source
    if setup.animal and not frames.is_relative:
        rest = anchor.first if setup.fits_size else None
        bearing = carried_to_animal(source, frames, rest, setup.options)
    else:
        # A driving picture has no earlier frame to be compared with.
        first = frames if setup.driving_is_picture else anchor.first
        options = replace(setup.options, relative=True) if frames.is_relative else setup.options
        bearing = carried_to_still(
            source, frames, first, options, is_picture=setup.driving_is_picture
        )
    x = _keypoints(source, bearing)
    if anchor.x is None or anchor.multiplier is None:
        return x
    return source.x + anchor.multiplier[:, None, None] * (x - anchor.x)


def _keypoints(source: SourcePoints, bearing: Bearing) -> Tensor:
    return posed(source.kp, bearing.rotation, bearing.exp, bearing.scale, without_depth(bearing.t))


def _corrected(
    setup: DriveSetup,
    source: SourcePoints,
    ratios: FaceRatios | None,
    x: Tensor,
    frames: ImplicitMotion,
) -> Tensor:
    """Stitching, lip normalisation, retargeting and the multiplier, in the original's order.

    Args:
        setup: what stays the same.
        source: one row or N.
        ratios: of the source, one row or N.
        x: (N, K, 3) driving keypoints.
        frames: the N driving frames.
    """
    nets, options = setup.nets, setup.options
    still = source.x.expand_as(x)
    opening = None
    if ratios is not None:
        opening = FaceRatios(ratios.eyes.expand(len(x), 2), ratios.lip.expand(len(x), 1))
    if setup.retargets and opening is not None:
        # The original's way: with relative motion what the driver does otherwise is left out.
        x = still if options.relative else x
        if options.eye_retargeting:
            wanted = _known(frames.eye_ratios, "eye_retargeting")
            x = x + retargeted(nets.eye, still, combined_eyes(opening.eyes, wanted))
        if options.lip_retargeting:
            wanted = _known(frames.lip_ratio, "lip_retargeting")
            x = x + retargeted(nets.lip, still, combined_lips(opening.lip, wanted))
    if setup.stitching:
        x = stitched(nets.stitching, still, x)
    if setup.normalizes_lip and opening is not None:
        closed = combined_lips(opening.lip, torch.zeros_like(opening.lip))
        is_open = opening.lip >= options.lip_threshold
        x = x + is_open[..., None] * retargeted(nets.lip, still, closed)
    if setup.holds_eyes and opening is not None and setup.ratios is not None:
        target = setup.ratios.eyes[:1].mean(1, keepdim=True)
        target = torch.where(target < _SLEEPY_EYES, _OPEN_EYES, target).expand(len(x), 1)
        x = x + retargeted(nets.eye, still, combined_eyes(opening.eyes, target))
    return still + (x - still) * options.multiplier


def _known(ratio: Tensor | None, option: str) -> Tensor:
    if ratio is None:
        raise OptionError(
            f"{option} needs how far the driver's eyes and lips are open, which this motion does "
            "not hold: drive with a video or with another template."
        )
    return ratio


def _beside(source: SourcePoints, ratios: FaceRatios | None) -> FaceRatios | None:
    return None if ratios is None else ratios.to(source.x.device, source.x.dtype)


def _ready(setup: DriveSetup, motion: ImplicitMotion) -> ImplicitMotion:
    """The motion on the source's device, if it can drive."""
    check_motion(motion)
    if motion.is_relative and not (setup.options.relative or setup.animal):
        raise OptionError(
            "this motion is a change, as motion made from sound is: it can only be added to the "
            "portrait's own, with relative motion."
        )
    return motion.to(setup.source.x.device, setup.source.x.dtype)


def _rest(
    setup: DriveSetup, motion: ImplicitMotion, first: ImplicitMotion | None
) -> ImplicitMotion:
    if motion.is_relative:
        return no_change(motion)
    return motion[:1] if first is None else _ready(setup, first[:1])


def _groups(number: int, length: int) -> Iterator[tuple[int, int]]:
    """Begin and end, within a chunk of ``length`` frames, of what shares a table.

    ``number`` is that of the chunk's first frame.
    """
    begin = 0
    while begin < length:
        end = min(length, begin + _GROUP - (number + begin) % _GROUP)
        yield begin, end
        begin = end


def _places(number: int, count: int, device: torch.device) -> Tensor:
    """For each place of the table the row that it holds; rows at the ends fill what is over."""
    return (torch.arange(_GROUP, device=device) - number % _GROUP).clamp(0, count - 1)


def _taken(motion: ImplicitMotion, rows: Tensor) -> ImplicitMotion:
    """Chosen frames of a motion; a single frame stands for any."""
    rows = rows.clamp(max=len(motion) - 1)
    return replace(
        motion,
        expression=motion.expression[rows],
        rotation=motion.rotation[rows],
        translation=motion.translation[rows],
        scale=motion.scale[rows],
        canonical=None,
        keypoints=None,
        eye_ratios=None if motion.eye_ratios is None else motion.eye_ratios[rows],
        lip_ratio=None if motion.lip_ratio is None else motion.lip_ratio[rows],
    )


def check_motion(motion: ImplicitMotion, keypoints: int = KEYPOINTS) -> None:
    """Raises ``StructureError`` for a motion that cannot drive: empty, another K, not finite."""
    if len(motion) == 0:
        raise StructureError("the driving motion has no frames.")
    if motion.expression.shape[1] != keypoints:
        raise StructureError(
            f"the driving motion has {motion.expression.shape[1]} keypoints, "
            f"these networks have {keypoints}."
        )
    rows = (motion.expression, motion.rotation, motion.translation, motion.scale)
    whole = torch.stack([torch.isfinite(part).flatten(1).all(1) for part in rows]).all(0)
    if not bool(whole.all()):
        frame = int((~whole).nonzero()[0])
        raise StructureError(
            f"the driving motion holds numbers that are not finite, first in frame {frame} of "
            f"{len(motion)}."
        )
