"""A video whose lips say another sound, by Wav2Lip, in one pass with flat memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...audio.relip_windows import relip_windows, window_starts
from ...audio.wav2lip_mel import columns_of
from ...faces.networks import FaceNets, load_face_nets
from ...faces.options import FaceOptions
from ...motion_request import MotionRequest
from ...relip_request import Relipped, RelipReport, RelipVideo
from ...runtime import Runtime
from ...structures import FrameStream, in_chunks
from .boxes import Moment, moments
from .config import Wav2LipOptions
from .faces import cut_faces, generator_input, generator_output, paste_hard
from .nets.generator import Wav2Lip
from .paste import paste_soft
from .weights import Wav2LipNets, needs_detector

# Frames of one call of the generator. Groups begin at the same frames whatever the chunks.
_GROUP = 8


def relip(
    networks: Wav2LipNets,
    video: RelipVideo,
    faces: FaceOptions,
    who: int | None,
    speech: MotionRequest,
    options: Wav2LipOptions,
    runtime: Runtime,
    nets: FaceNets | None = None,
) -> Relipped:
    """Frames whose lips say ``speech``; see ``engines.relip_engine`` for the arguments.

    Frames without the face are passed on. ``nets`` are our own face nets, loaded here by default.

    Raises (while the frames are read):
        NoFaceError: no frame shows the face; after the last one.
        FaceIndexError: no frame has as many faces as are asked for; after the last frame.
    """
    if nets is None and options.fixed_box() is None and not needs_detector(options):
        nets = load_face_nets(runtime.device)
    fixed = options.fixed_box()
    report = RelipReport(face_box_px=tuple(map(float, fixed)) if fixed is not None else ())

    def frames() -> Iterator[Tensor]:
        spoken = len(window_starts(columns_of(speech.samples), float(video.fps)))
        seen = moments(video, faces, who, networks, nets, options, runtime, spoken)
        windows = _windows(video, speech)
        for group, heard in zip(_grouped(seen), windows):
            runtime.check_cancelled()
            yield from _painted(networks.generator, group, heard, options, report)

    chunks = in_chunks(frames(), runtime.chunk)
    return Relipped(FrameStream(chunks, video.length, video.size, video.fps), report)


def _windows(video: RelipVideo, speech: MotionRequest) -> Iterator[Tensor]:
    """(N, 1, 80, 16) for each group of frames, on the CPU: the same numbers for every device."""
    sound = speech.open_sound() if speech.open_sound is not None else iter(())
    return relip_windows(
        sound,
        speech.samples,
        video.length,
        video.fps,
        _GROUP,
        torch.device("cpu"),
        mirrored=True,
    )


def _grouped(seen: Iterator[Moment]) -> Iterator[list[Moment]]:
    group: list[Moment] = []
    for moment in seen:
        group.append(moment)
        if len(group) == _GROUP:
            yield group
            group = []
    if group:
        yield group


def _painted(
    generator: Wav2Lip,
    group: list[Moment],
    heard: Tensor,
    options: Wav2LipOptions,
    report: RelipReport,
) -> Iterator[Tensor]:
    """The frames of a group with new lips where there is a face."""
    rows = [row for row, moment in enumerate(group) if moment.place is not None]
    places = [moment.place for moment in group if moment.place is not None]
    frames = [group[row].rgb.cpu() for row in rows]
    cut = cut_faces(frames, [place.box for place in places]) if rows else torch.empty(0)
    painted = _paint(generator, cut, heard[rows]) if rows else cut
    done = {row: at for at, row in enumerate(rows)}
    for row, moment in enumerate(group):
        place = moment.place
        if place is None:
            report.missed()
            yield moment.rgb
            continue
        report.saw(place.faces)
        at = done[row]
        rgb = frames[at].clone()
        if options.paste == "hard":
            paste_hard(rgb, painted[at], place.box)
        else:
            paste_soft(rgb, painted[at], cut[at], place.box, place.oval, moment.strength)
        yield rgb


def _paint(generator: Wav2Lip, faces: Tensor, heard: Tensor) -> Tensor:
    """(N, 3, 96, 96) uint8 RGB on the CPU."""
    with torch.inference_mode():
        like = next(generator.parameters())
        seen = generator_input(faces).to(like.device, like.dtype)
        image = generator(heard.to(like.device, like.dtype), seen)
        return generator_output(image.float()).cpu()
