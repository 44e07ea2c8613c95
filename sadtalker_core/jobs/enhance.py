"""Faces of a picture or video restored, file to file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from ..engines.face_enhancer import FACE_ENHANCER
from ..enhance.files import needed_files
from ..enhance.frames import enhance_frames
from ..enhance.options import EnhanceOptions, EnhanceStage
from ..enhance.original import restore_frames
from ..enhance.report import Enhanced, EnhanceReport
from ..errors import OptionError
from ..faces.networks import load_face_nets
from ..media.audio_in import open_audio
from ..media.file_kinds import check_file_kind, file_kind
from ..media.files import check_output_path
from ..media.pictures import is_picture_name, read_picture, write_picture
from ..media.video_in import is_video_name, open_video
from ..media.video_out import check_video_path, write_video
from ..runtime import Runtime
from ..structures import FrameStream
from ..weights.catalog import WeightFile
from .devices import make_runtime
from .engines import weight_store
from .enhance_settings import EnhanceJob
from .steps import Clock, Warnings, folders_made_for, label, watched

_log = logging.getLogger(__name__)
_PURPOSE = "restoring faces"


@dataclass(frozen=True)
class EnhanceResult:
    """What was made, and how.

    Attributes:
        path: the file.
        frames: their number; 1 for a picture.
        fps: frames per second.
        size: (H, W) of the file: even for mp4 and webm.
        device: where it ran.
        report: faces that were seen and missed.
        seconds: wall time by stage.
        weights: the files used, with their licences.
        warnings: sentences that the user should see.
    """

    path: Path
    frames: int
    fps: Fraction
    size: tuple[int, int]
    device: str
    report: EnhanceReport
    seconds: dict[str, float]
    weights: tuple[WeightFile, ...]
    warnings: tuple[str, ...]

    @property
    def total_s(self) -> float:
        """Wall time of the whole job."""
        return sum(self.seconds.values())

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "out": str(self.path),
            "frames": self.frames,
            "fps": str(self.fps),
            "width": self.size[1],
            "height": self.size[0],
            "device": self.device,
            "faces_seen": self.report.faces_seen,
            "frames_without_face": self.report.frames_without_face,
            "ranges_without_face": [list(span) for span in self.report.ranges_without_face],
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "total_s": round(self.total_s, 3),
            "weights": [{"name": w.name, "licence": w.licence} for w in self.weights],
            "warnings": list(self.warnings),
        }


def check_enhance_job(job: EnhanceJob) -> None:
    """Everything that can be refused at once.

    Raises:
        MediaError: the input is missing, a folder, empty, or neither picture nor video.
        OptionError: a video is to become a picture, or a picture a video.
        OutputError: the output cannot be written there or is the input.
    """
    kind = check_file_kind(job.input, ("picture", "video"), "restoring faces")
    is_video = kind == "video" or is_video_name(job.input)
    if is_picture_name(job.out):
        if is_video:
            raise OptionError(f"{job.input} is a video; {job.out} must be one too, such as .mp4.")
        check_output_path(job.out, [job.input])
    elif kind == "picture":
        raise OptionError(f"{job.input} is a picture; {job.out} must be one too, such as .png.")
    else:
        check_video_path(job.out, job.video, (job.input,))


def enhancer_files(options: EnhanceOptions, models_dir: str) -> dict[str, Path]:
    """Paths of the files that an enhancer needs, by name.

    Raises:
        WeightsError: one is missing; says which, where it was looked for, its licence, and the
            command that gets it.
    """
    return weight_store(models_dir).require(needed_files(options), _PURPOSE)


def restored(
    stream: FrameStream, options: EnhanceOptions, files: Mapping[str, Path], runtime: Runtime
) -> Enhanced:
    """A stream with its faces restored: one stage between rendering and writing."""
    nets = FACE_ENHANCER.load(files, options, runtime)
    if nets.original is not None:
        return restore_frames(stream, nets.original, nets.enhancer, options, runtime)
    return enhance_frames(stream, load_face_nets(runtime.device), nets.enhancer, options, runtime)


@dataclass
class EnhanceStep:
    """Faces restored between rendering and writing, where a job asks for it.

    Attributes:
        options: whether and how.
        files: paths of what it needs, by name.
        report: filled while frames are read.
    """

    options: EnhanceStage
    files: dict[str, Path]
    report: EnhanceReport | None = None

    @classmethod
    def checked(cls, options: EnhanceStage, models_dir: str) -> EnhanceStep:
        """The step of a job. Raises ``WeightsError`` when it is asked for and a file is missing."""
        return cls(options, enhancer_files(options, models_dir) if options.enhance else {})

    def applied(self, stream: FrameStream, runtime: Runtime) -> FrameStream:
        """The stream with its faces restored, or as it is."""
        if not self.options.enhance:
            return stream
        done = restored(stream, self.options, self.files, runtime)
        self.report = done.report
        return done.frames

    @property
    def weights(self) -> tuple[WeightFile, ...]:
        """The files used, with their licences."""
        return needed_files(self.options) if self.options.enhance else ()

    def tell(self, warn: Callable[[str], None]) -> None:
        """Sentences for the user when all frames have been read."""
        if self.report is not None and (text := missed_text(self.report)):
            warn(text)


def missed_text(report: EnhanceReport) -> str:
    """A sentence about frames without a face, or nothing."""
    if not report.frames_without_face:
        return ""
    if report.frames_without_face == report.frames:
        return (
            "no face was found, so nothing was restored. Faces must be at least 16 pixels large "
            "and look toward the viewer."
        )
    spans = ", ".join(
        str(first) if first == last else f"{first}-{last}"
        for first, last in report.ranges_without_face
    )
    return (
        f"{report.frames_without_face} of {report.frames} frames show no face and are as they "
        f"were (frames {spans})."
    )


def run_enhance(
    job: EnhanceJob,
    runtime: Runtime | None = None,
    announce: Callable[[str], None] = _log.info,
) -> EnhanceResult:
    """Run a job from file to file; the result has its name only when it is complete.

    Args:
        job: what to do.
        runtime: device, progress, cancel; None makes one from ``job.run``.
        announce: given sentences for the user while the job runs.

    Raises:
        TalkingPortraitsError: one of its kinds, with a sentence for the user.
        Cancelled: ``runtime.cancelled`` said so.
    """
    runtime = runtime or make_runtime(job.run.common())
    clock, warn = Clock(), Warnings(announce)
    with folders_made_for(job.out):
        with clock.stage("check"):
            check_enhance_job(job)
            stream, sound = _opened(job, runtime)
            files = enhancer_files(job.enhance, job.run.models_dir)
        with clock.stage("prepare"):
            runtime.progress("prepare", 0, 0)
            done = restored(stream, job.enhance, files, runtime)
        with clock.stage("enhance"):
            seen = watched(done.frames, runtime, clock.start, [])
            size = done.frames.size
            if is_picture_name(job.out):
                write_picture(job.out, next(iter(seen))[0], text=label("enhance"))
            else:
                written = write_video(
                    seen,
                    job.out,
                    audio=sound,
                    options=job.video,
                    metadata=label("enhance"),
                    runtime=runtime,
                )
                size = written.size
    if text := missed_text(done.report):
        warn(text)
    return EnhanceResult(
        path=job.out,
        frames=done.frames.length,
        fps=done.frames.fps,
        size=size,
        device=str(runtime.device),
        report=done.report,
        seconds=clock.seconds,
        weights=needed_files(job.enhance),
        warnings=tuple(warn),
    )


def _opened(job: EnhanceJob, runtime: Runtime) -> tuple[FrameStream, Any]:
    """The frames of the input, and its sound where it has one."""
    if is_video_name(job.input) or file_kind(job.input) == "video":
        video = open_video(job.input)
        sound = open_audio(job.input, runtime) if video.has_audio else None
        frames = video.frames(runtime.chunk)
        return FrameStream(frames, video.frame_count, video.size, video.fps), sound
    rgb = read_picture(job.input).flattened()

    def one() -> Iterator[Tensor]:
        yield rgb[None]

    return FrameStream(one(), 1, (int(rgb.shape[1]), int(rgb.shape[2])), Fraction(25)), None
