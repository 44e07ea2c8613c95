"""A portrait that follows a camera: frames out as frames come in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from ...errors import FaceError
from ...faces.networks import load_face_nets
from ...faces.options import FaceOptions
from ...runtime import Runtime
from ...structures import ImplicitMotion, KeypointTrack
from .config import LivePortraitDriveOptions
from .crop import CropShape, crop_from_box, driver_box
from .driver import driver_input
from .faces import FaceFinder, SeenFace, VideoFinder
from .motion import drive_chunks
from .pipeline import shown_faces
from .points import extract
from .prepared import PreparedPortrait, is_pasted
from .smoothing import OneEuro
from .weights import LivePortraitNets


def animate_live(
    nets: LivePortraitNets,
    prepared: PreparedPortrait,
    frames: Iterable[Tensor],
    fps: Fraction,
    options: LivePortraitDriveOptions,
    runtime: Runtime,
    face: FaceOptions | None = None,
    calm: bool = True,
) -> Iterator[Tensor]:
    """The portrait moved by a camera, one frame for each frame, with no look ahead.

    The first frame that shows a face counts as the driver's rest, and its square is kept, so that
    the head's own motion remains. Before it the portrait is shown as it is; where the face is lost
    later, the last motion is held. Only the first face of the portrait moves.

    Args:
        nets: the networks.
        prepared: the portrait.
        frames: (3, H, W) uint8 each, as they come.
        fps: frames per second that are expected.
        options: what is taken over; smoothing for source videos has no meaning here.
        runtime: device and cancel.
        face: which face of the camera's picture.
        calm: take the trembling out.

    Yields:
        (3, H, W) uint8.
    """
    find: FaceFinder = VideoFinder(load_face_nets(runtime.device), face)
    source = prepared.faces[0]
    seen_now: list[ImplicitMotion] = []

    def motions() -> Iterator[ImplicitMotion]:
        while seen_now:
            yield seen_now.pop()

    tracks = drive_chunks(
        source.points,
        motions(),
        options,
        nets.retarget,
        ratios=source.ratios,
        stitching=prepared.options.stitching,
        animal=prepared.options.species == "animal",
        calm=OneEuro(rate_hz=float(fps)) if calm else None,
    )
    quiet = replace(runtime, progress=lambda stage, done, total: None)
    square: Tensor | None = None
    shown: Tensor | None = None
    for rgb in frames:
        runtime.check_cancelled()
        seen = find(rgb)
        square = _square(seen, options) if square is None else square
        if seen is not None and square is not None:
            picture = driver_input(rgb[None], square).to(runtime.device)
            with torch.inference_mode():
                points = extract(nets.motion, picture)
                seen_now.append(points.motion(fps, seen.ratios.to(runtime.device)))
                track = next(tracks)
            shown = shown_faces(nets, prepared, [track], quiet)[0]
        if shown is None:
            shown = _at_rest(nets, prepared, quiet)
        yield shown


def _at_rest(nets: LivePortraitNets, prepared: PreparedPortrait, runtime: Runtime) -> Tensor:
    """(3, H, W) uint8: what is shown before anybody is seen, as large as the frames after it."""
    if is_pasted(prepared.options):
        return prepared.still
    x = prepared.faces[0].points.x
    return shown_faces(nets, prepared, [KeypointTrack(x, x, Fraction(1))], runtime)[0]


def _square(seen: SeenFace | None, options: LivePortraitDriveOptions) -> Tensor | None:
    """(3, 3) of the driver's square, laid around its first sight."""
    if seen is None:
        return None
    shape = CropShape(
        options.driving_crop_scale, options.driving_crop_x, options.driving_crop_y, rotate=False
    )
    try:
        return crop_from_box(driver_box(seen.points_px, shape))
    except FaceError:  # points that are no face: as good as none
        return None
