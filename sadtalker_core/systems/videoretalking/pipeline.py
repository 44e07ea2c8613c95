"""VideoReTalking from frames and sound to frames: one pass, nothing kept but a dozen frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ...audio.relip_windows import relip_windows
from ...enhance.restore import align_face, from_network, to_network
from ...errors import NoFaceError, OptionError
from ...faces.options import FaceOptions
from ...faces.steady_boxes import Box
from ...motion_request import MotionRequest
from ...relip_request import Relipped, RelipReport, RelipVideo
from ...runtime import Runtime
from ...structures import FrameStream, in_chunks
from .blends import Region, blend_region, put_back, with_face
from .blends_original import blend_face, restore_mouth
from .config import VideoReTalkingOptions
from .finders import Finder, OriginalFinder, TrackerFinder
from .lips import express_upper, face_batch, keep_upper, to_bytes
from .moments import Moment, Watcher, coefficients, moments
from .reference import ReferenceMaker, face_mask
from .stabilise import EXPRESSION
from .weights import RetalkingNets

_CHUNK_BYTES = 96_000_000


def relip(
    nets: RetalkingNets,
    video: RelipVideo,
    faces: FaceOptions,
    who: int | None,
    speech: MotionRequest,
    options: VideoReTalkingOptions,
    runtime: Runtime,
    template: Tensor | None = None,
) -> Relipped:
    """Frames whose lips say ``speech``; see ``engines.relip_engine`` for the arguments.

    Args:
        template: (3, H, W) uint8, the picture whose expression is taken where ``exp_img`` is one.

    Raises:
        OptionError: there is no sound.
        NoFaceError: no frame shows the face, at the end of the stream; or the template shows none.
    """
    if speech.open_sound is None:
        raise OptionError("VideoReTalking moves lips to a sound; give one.")
    if options.static:
        video = _still(video)
    expression = _expression(nets, faces, options, template)
    report = RelipReport()
    frames = _frames(nets, video, faces, who, speech, options, expression, report, runtime)
    chunk = max(1, min(runtime.chunk, _CHUNK_BYTES // (video.size[0] * video.size[1] * 3)))
    return Relipped(
        FrameStream(in_chunks(frames, chunk), video.length, video.size, video.fps), report
    )


def _finder(nets: RetalkingNets, faces: FaceOptions, who: int | None) -> Finder:
    if nets.original is not None:
        return OriginalFinder(nets.original, faces, who)
    assert nets.face_nets is not None
    return TrackerFinder(nets.face_nets, faces, who)


def _still(video: RelipVideo) -> RelipVideo:
    def first_again() -> Iterator[Tensor]:
        first = next(iter(video.open()))[:1]
        for _ in range(video.length):
            yield first

    return replace(video, open=first_again, source_index=lambda index: 0)


def _expression(
    nets: RetalkingNets,
    faces: FaceOptions,
    options: VideoReTalkingOptions,
    template: Tensor | None,
) -> Tensor:
    """(64,) of the reference's expression."""
    if template is None:
        if options.exp_img not in nets.templates:
            known = ", ".join(nets.templates)
            raise OptionError(f"exp_img is {options.exp_img!r}; known are {known} and pictures.")
        return nets.templates[options.exp_img]
    with torch.inference_mode():
        # The choice of a face is about the video.
        anybody = replace(faces, face_index=None, face_point="", face_select="largest")
        seen = _finder(nets, anybody, None).look(template)
        if seen is None:
            raise NoFaceError(
                f"No face was found in the picture of the expression ({options.exp_img})."
            )
        row = coefficients(nets.recon, template, seen.landmarks)
    return row[:EXPRESSION]


def _frames(
    nets: RetalkingNets,
    video: RelipVideo,
    faces: FaceOptions,
    who: int | None,
    speech: MotionRequest,
    options: VideoReTalkingOptions,
    expression: Tensor,
    report: RelipReport,
    runtime: Runtime,
) -> Iterator[Tensor]:
    finder = _finder(nets, faces, who)
    painter = _Painter(nets, finder, expression, options, runtime)
    watcher = Watcher(video, finder, nets.recon, options)
    assert speech.open_sound is not None
    windows = relip_windows(
        speech.open_sound(), speech.samples, video.length, video.fps, 1, runtime.device
    )
    waiting: list[tuple[Moment, Tensor]] = []
    seen = owed = 0
    for moment, mel in zip(moments(watcher.looks(), video, options.smoothing), windows):
        waiting.append((moment, mel))
        owed += moment.box is not None
        seen += moment.box is not None
        # frames that only pass through are not held back
        if 0 < owed < painter.at_once:
            continue
        runtime.check_cancelled()
        yield from _reported(painter.frames(waiting), waiting, report)
        waiting, owed = [], 0
    yield from _reported(painter.frames(waiting), waiting, report)
    if not seen and video.length:
        if (few := finder.too_few()) is not None:
            raise few
        height, width = video.size
        raise NoFaceError(
            f"No face was found in any of {video.length} frames ({width}x{height}). Use a video "
            "where a face looks toward the viewer, or lower detection_threshold (now "
            f"{faces.detection_threshold:.2f})."
        )


def _reported(
    frames: Sequence[Tensor], waiting: Sequence[tuple[Moment, Tensor]], report: RelipReport
) -> Iterator[Tensor]:
    for frame, (moment, _) in zip(frames, waiting):
        if moment.look.face is None:
            report.missed()
        else:
            report.saw(moment.look.face.seen.faces)
        yield frame


class _Painter:
    """Makes the frames of moments that have a face, a few at a time."""

    def __init__(
        self,
        nets: RetalkingNets,
        finder: Finder,
        expression: Tensor,
        options: VideoReTalkingOptions,
        runtime: Runtime,
    ) -> None:
        # On a CPU several at once are no faster, and alone each frame is the same to the bit
        # whatever the chunk.
        self.at_once = 1 if runtime.device.type == "cpu" else runtime.chunk
        self._nets, self._finder, self._options = nets, finder, options
        self._references = ReferenceMaker(
            nets,
            finder,
            expression,
            one_shot=options.one_shot,
            exact=options.finder == "original",
            at_once=self.at_once,
        )
        generator = runtime.generator("videoretalking noise")
        like = next(nets.enet.parameters())
        # The original draws it anew for every frame, which flickers.
        self._noise = [
            torch.randn(1, 1, side, side, generator=generator).to(like)
            for side in nets.enet.noise_sizes()
        ]

    def frames(self, waiting: Sequence[tuple[Moment, Tensor]]) -> list[Tensor]:
        """(3, H, W) uint8 on the CPU for each; untouched where no face is seen."""
        painted = [(moment, mel) for moment, mel in waiting if moment.box is not None]
        if not painted:
            return [moment.look.rgb for moment, _ in waiting]
        with torch.inference_mode():
            moments_ = [moment for moment, _ in painted]
            faces = self._faces(moments_, torch.cat([mel for _, mel in painted]))
            if self._options.blend == "original":
                made = [self._like_original(m, face) for m, face in zip(moments_, faces)]
            else:
                made = self._in_regions(moments_, faces)
        ready = iter(made)
        return [
            next(ready).clone() if moment.box is not None else moment.look.rgb
            for moment, _ in waiting
        ]

    def _faces(self, steps: Sequence[Moment], mel: Tensor) -> list[Tensor]:
        """Drawn faces (3, 384, 384) uint8 RGB on the CPU."""
        enet = self._nets.enet
        like = next(enet.parameters())
        filmed = [_cut(moment.look.rgb, _box(moment)) for moment in steps]
        batch = face_batch(filmed, self._references.make(steps)).to(like)
        made, _ = enet(mel.to(like), batch, batch[:, 3:], self._noise)
        made = made.clamp(0, 1)
        if self._options.replaces_upper:
            upper = face_batch(filmed, filmed)[:, 3:].to(like)
            if self._nets.emotion is not None:
                upper = express_upper(self._nets.emotion, upper, self._options.up_face)
            made = keep_upper(made, batch[:, :3], upper)
        return list(to_bytes(made.float()).cpu())

    def _in_regions(self, steps: Sequence[Moment], faces: Sequence[Tensor]) -> list[Tensor]:
        """The frames, blended around the face; see ``blends``."""
        regions = [Region.around(_box(moment), _size(moment.look.rgb)) for moment in steps]
        originals = [region.of(moment.look.rgb).cpu() for moment, region in zip(steps, regions)]
        boxes = [region.inside(_box(moment)) for moment, region in zip(steps, regions)]
        painted = [with_face(*each) for each in zip(originals, faces, boxes)]
        size = self._face_size
        aligned = [
            align_face(part, region.points(moment.five), size)
            for part, region, moment in zip(painted, regions, steps)
        ]
        crops = torch.stack([face.crop for face in aligned])
        restored = self._restored(crops)
        scores = self._scores(crops if restored is None else restored)
        return [
            put_back(
                steps[i].look.rgb.cpu(),
                blend_region(
                    originals[i],
                    painted[i],
                    boxes[i],
                    aligned[i],
                    None if restored is None else restored[i],
                    scores[i : i + 1],
                ),
                regions[i],
                steps[i].strength,
            )
            for i in range(len(steps))
        ]

    @property
    def _face_size(self) -> int:
        gfpgan = self._nets.gfpgan
        return 512 if gfpgan is None else gfpgan.config.size

    def _restored(self, crops: Tensor) -> Tensor | None:
        """GFPGAN's faces (N, 3, S, S) uint8 on the CPU."""
        gfpgan = self._nets.gfpgan
        if gfpgan is None:
            return None
        like = next(gfpgan.parameters())
        return from_network(gfpgan(to_network(crops).to(like))).cpu()

    def _scores(self, faces: Tensor) -> Tensor:
        """ParseNet's scores (N, classes, S, S)."""
        like = next(self._nets.parsenet.parameters())
        return self._nets.parsenet(to_network(faces).to(like)).float().cpu()

    def _like_original(self, moment: Moment, face: Tensor) -> Tensor:
        """The frame as the original blends it: through 512 x 512 pixels."""
        rgb, box, landmarks = moment.look.rgb.cpu(), _box(moment), _landmarks(moment)
        painted = with_face(rgb, face, box)
        gfpgan = self._nets.gfpgan
        points = None
        if gfpgan is not None:
            points = self._finder.middle_points(painted, moment.five)
        mouthed = restore_mouth(painted, box, points, gfpgan, self._nets.parsenet, self._face_size)
        found = self._finder.points(mouthed, landmarks, moment.five)
        return blend_face(
            mouthed, rgb, box, found, lambda crop: face_mask(self._nets.parsenet, crop)
        )


def _cut(rgb: Tensor, box: Box) -> Tensor:
    x0, y0, x1, y1 = box
    return rgb[:, y0:y1, x0:x1].cpu()


def _box(moment: Moment) -> Box:
    assert moment.box is not None
    return moment.box


def _landmarks(moment: Moment) -> Tensor:
    assert moment.look.face is not None
    return moment.look.face.seen.landmarks


def _size(rgb: Tensor) -> tuple[int, int]:
    return rgb.shape[1], rgb.shape[2]
