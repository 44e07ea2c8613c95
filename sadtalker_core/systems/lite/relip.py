"""A video whose mouth speaks another sound: everything else is kept as it was filmed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ...faces.networks import FaceNets, load_face_nets
from ...faces.options import FaceOptions
from ...motion_request import MotionRequest
from ...relip_request import Relipped, RelipReport, RelipVideo
from ...runtime import Runtime
from ...structures import FrameStream, LiteMotion, in_chunks
from .config import LiteRelipOptions
from .pipeline import as_image
from .relip_controls import lip_change, own_lips, spoken
from .relip_face import LowerFace, pose_frame
from .relip_inside import MouthInside, own_inside
from .relip_lines import LipLines, find_lines
from .relip_render import relip_frame
from .relip_track import Moment, Study, Watcher
from .teeth import paint_layers, pick_colours

_CHUNK_BYTES = 48_000_000


def relip(
    video: RelipVideo,
    faces: FaceOptions,
    who: int | None,
    speech: MotionRequest,
    options: LiteRelipOptions,
    runtime: Runtime,
    nets: FaceNets | None = None,
) -> Relipped:
    """Frames whose lips say ``speech``; see ``engines.relip_engine`` for the arguments.

    Raises:
        NoFaceError, FaceIndexError: no frame shows the face, or not so many; before the first
            frame is made.
    """
    nets = nets or load_face_nets(runtime.device)
    if who is not None:
        faces = replace(faces, face_index=who, face_point="")
    wanted = spoken(speech, options, runtime)
    watcher = Watcher(video, faces, nets, runtime)
    study = watcher.study()
    inside = _inside(study, options)
    report = RelipReport(face_box_px=tuple(study.best[1].box_px.tolist()))
    chunk = max(1, min(runtime.chunk, _CHUNK_BYTES // (video.size[0] * video.size[1] * 3)))

    def frames() -> Iterator[Tensor]:
        lines: LipLines | None = None
        for moment in watcher.moments(study):
            if moment.index % chunk == 0:
                runtime.check_cancelled()
            if moment.seen is None:
                report.missed()
                lines = None
                yield moment.rgb
                continue
            report.saw(study.faces)
            if video.begins_anew(moment.index):
                lines = None
            rgb, lines = _relipped(moment, study, inside, wanted, lines, video)
            yield rgb

    stream = FrameStream(in_chunks(frames(), chunk), video.length, video.size, video.fps)
    return Relipped(stream, report)


def _relipped(
    moment: Moment,
    study: Study,
    inside: MouthInside,
    wanted: LiteMotion | None,
    lines: LipLines | None,
    video: RelipVideo,
) -> tuple[Tensor, LipLines]:
    assert moment.seen is not None
    own = own_lips(moment.seen, study.rest, video.fps)
    mesh = moment.seen.face.mesh_px.cpu().numpy().astype(np.float32)
    face = LowerFace.of(mesh, own["open"])
    picture = as_image(moment.rgb)
    lines = find_lines(picture, face, lines)
    face = lines.as_seen(face)
    gap_e = float(lines.gap_e(face).max())
    change = lip_change(own, gap_e, face.width_e, wanted, moment.index, moment.strength)
    frame = relip_frame(picture, face, change, lines, inside)
    return torch.from_numpy(frame).permute(2, 0, 1), lines


def _inside(study: Study, options: LiteRelipOptions) -> MouthInside:
    """Colours of the mouth's inside from the best frame, its place from the face at rest, and the
    speaker's own teeth from the frame whose mouth is open widest."""
    rgb, face = study.best
    mesh = face.mesh_px.cpu().numpy().astype(np.float32)
    frame = pose_frame(mesh)
    colours = pick_colours(as_image(rgb), mesh, face.eyes_px.cpu().numpy(), frame.unit_px)
    layers = paint_layers(colours, frame.unit_px, options.teeth)
    inside = MouthInside(layers, study.line_e)
    if study.widest is None or not options.own_teeth:
        return inside
    rgb, face = study.widest
    mesh = face.mesh_px.cpu().numpy().astype(np.float32)
    return replace(inside, own=own_inside(as_image(rgb), mesh, pose_frame(mesh), inside))
