"""The main job: one portrait and one sound become one talking video."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from .. import __version__
from ..errors import MediaError, OutputError
from ..faces.choose import choose_face
from ..faces.face import Face
from ..faces.find import find_faces
from ..faces.networks import load_face_nets
from ..media.audio_in import AudioSource, open_audio
from ..media.contact_sheet import ContactSheet
from ..media.files import check_input_file, check_output_path, is_same_file
from ..media.pictures import read_picture
from ..media.provenance import provenance_metadata
from ..media.video_out import check_video_path, write_video
from ..runtime import Runtime
from ..structures import FrameStream, frames_for
from ..weights.catalog import BUNDLED, WeightFile
from .devices import make_runtime
from .preview import sheet_for
from .settings import AnimateJob

SPEECH_RATE = 16000  # Hz, what every engine hears
_VIDEO_SUFFIXES = {".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".gif"}

# Seconds on two cores: to begin with, for a frame, and for each megapixel of it, from
# benchmarks/RESULTS.md. Only to announce the order of magnitude: once frames come, the time left
# is measured.
_START_S, _FRAME_S, _FRAME_S_PER_MEGAPIXEL = 2.0, 0.010, 0.010

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnimateResult:
    """What was made, and how.

    Attributes:
        path: the video file (a folder for a PNG sequence).
        frames: their number.
        fps: frames per second.
        duration_s: of the video.
        size: (H, W) of the video.
        engine: id of the engine that ran.
        device: where it ran.
        seed: all chance followed from it.
        faces_found: faces in the portrait.
        face_box_px: x0, y0, x1, y1 of the one that speaks.
        seconds: wall time by stage.
        first_frame_s: wall time from start to the first finished frame.
        weights: the weight files used, with their licences.
        warnings: sentences that the user should see.
        preview: contact sheet, if one was asked for.
    """

    path: Path
    frames: int
    fps: Fraction
    duration_s: float
    size: tuple[int, int]
    engine: str
    device: str
    seed: int
    faces_found: int
    face_box_px: tuple[float, ...]
    seconds: dict[str, float]
    first_frame_s: float
    weights: tuple[WeightFile, ...]
    warnings: tuple[str, ...]
    preview: Path | None = None

    @property
    def total_s(self) -> float:
        """Wall time of the whole job."""
        return sum(self.seconds.values())

    @property
    def realtime_factor(self) -> float:
        """Wall time over the video's duration: below 1 is faster than real time."""
        return self.total_s / self.duration_s

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "out": str(self.path),
            "preview": None if self.preview is None else str(self.preview),
            "frames": self.frames,
            "fps": str(self.fps),
            "duration_s": round(self.duration_s, 4),
            "width": self.size[1],
            "height": self.size[0],
            "engine": self.engine,
            "device": self.device,
            "seed": self.seed,
            "faces_found": self.faces_found,
            "face_box_px": [round(value, 1) for value in self.face_box_px],
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "total_s": round(self.total_s, 3),
            "first_frame_s": round(self.first_frame_s, 3),
            "realtime_factor": round(self.realtime_factor, 3),
            "weights": [{"name": w.name, "licence": w.licence} for w in self.weights],
            "warnings": list(self.warnings),
        }


class _Clock:
    """Wall time by stage."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Generator[None, None, None]:
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - begin


def run_animate(
    job: AnimateJob,
    runtime: Runtime | None = None,
    announce: Callable[[str], None] = _log.info,
) -> AnimateResult:
    """Run a job from files to a file.

    Cheap checks come first, so that a long job does not end with a refusal. The video has its
    name only when it is complete.

    Args:
        job: what to do.
        runtime: device, seed, progress, cancel; None makes one from ``job.run``.
        announce: given sentences for the user while the job runs.

    Raises:
        TalkingPortraitsError: one of its kinds, with a sentence for the user.
        Cancelled: ``runtime.cancelled`` said so.
    """
    runtime = runtime or make_runtime(job.run)
    clock = _Clock()
    engine, fps = job.engine, job.run.frames_per_second
    made_folders = _missing_folders(job.out, job.preview)
    try:
        with clock.stage("check"):
            check_job(job)
        warnings: list[str] = []

        def warn(sentence: str) -> None:
            warnings.append(sentence)
            announce(sentence)

        with clock.stage("face"):
            runtime.progress("face", 0, 0)
            rgb = read_picture(job.portrait).flattened()
            face, count = _find_face(job, rgb, runtime, warn)
            runtime.check_cancelled()
        with clock.stage("listen"):
            source = _open_sound(job, runtime)
            samples = source.sample_count(SPEECH_RATE) if source else 0
            duration = source.duration_s if source else Fraction(str(job.run.idle))
            frames = frames_for(duration, fps)
            announce(_announcement(source, duration, frames, fps, rgb))
        with clock.stage("motion"):
            runtime.progress("motion", 0, frames)
            if source is not None:
                motion = engine.motion(
                    lambda: source.stream(SPEECH_RATE), samples, fps, job.motion, runtime
                )
            else:
                motion = engine.idle(float(duration), fps, job.motion, runtime)
            runtime.check_cancelled()
        with clock.stage("prepare"):
            runtime.progress("prepare", 0, 0)
            prepared = engine.prepare(rgb, face, job.render, runtime)
            stream = engine.animate(prepared, motion, runtime)
        with clock.stage("render"):
            runtime.progress("render", 0, stream.length)
            first_frame: list[float] = []
            watched = _timed(stream, clock.start, first_frame)
            sheet: ContactSheet | None = None
            if job.preview is not None:
                size = (int(rgb.shape[1]), int(rgb.shape[2]))
                sheet = sheet_for(tuple(face.box_px.tolist()), size, stream.size)
                watched = sheet.watch(watched)
            written = write_video(
                watched,
                job.out,
                audio=source,
                options=job.video,
                metadata=_metadata(job),
                runtime=runtime,
            )
        if sheet is not None and job.preview is not None:
            with clock.stage("preview"):
                sheet.write(job.preview)
    except BaseException:
        for folder in made_folders:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only if nothing else came to lie there
        raise
    return AnimateResult(
        path=written.path,
        frames=written.frames,
        fps=fps,
        duration_s=float(written.duration_s),
        size=written.size,
        engine=engine.id,
        device=str(runtime.device),
        seed=runtime.seed,
        faces_found=count,
        face_box_px=tuple(face.box_px.tolist()),
        seconds=clock.seconds,
        first_frame_s=first_frame[0] if first_frame else 0.0,
        weights=tuple(file for file in BUNDLED if engine.id in file.engines),
        warnings=tuple(warnings),
        preview=job.preview,
    )


def check_job(job: AnimateJob) -> None:
    """Everything about a job that can be refused at once, before pictures and sound are read.

    Raises:
        MediaError: an input is missing, a folder, or empty.
        OutputError: an output cannot be written there or is one of the inputs.
    """
    check_input_file(job.portrait, "picture")
    if job.portrait.suffix.lower() in _VIDEO_SUFFIXES:
        raise MediaError(
            f"{job.portrait} is a video; the engine {job.engine.id} animates still pictures. "
            "Save one frame as PNG and use that."
        )
    inputs = [job.portrait]
    if job.audio is not None:
        check_input_file(job.audio, "sound")
        inputs.append(job.audio)
    check_video_path(job.out, job.video, tuple(inputs))
    if job.preview is not None:
        if is_same_file(job.preview, job.out):
            raise OutputError(f"preview and out are the same file {job.out}; give two names.")
        if job.preview.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
            raise OutputError(
                f"the preview {job.preview} must be a picture: .png, .jpg, .jpeg or .webp."
            )
        check_output_path(job.preview, inputs)


def _missing_folders(*files: Path | None) -> list[Path]:
    """Folders that do not exist yet and will be made for the outputs, deepest first."""
    missing: list[Path] = []
    for file in files:
        folder = file.parent if file is not None else Path()
        while not folder.exists() and folder != folder.parent:
            if folder not in missing:
                missing.append(folder)
            folder = folder.parent
    return sorted(missing, key=lambda folder: -len(folder.parts))


def _find_face(
    job: AnimateJob, rgb: Tensor, runtime: Runtime, warn: Callable[[str], None]
) -> tuple[Face, int]:
    nets = load_face_nets(runtime.device)
    faces = find_faces(nets, rgb, job.face)
    height, width = int(rgb.shape[1]), int(rgb.shape[2])
    face = choose_face(faces, job.face, (height, width))
    asked = job.face.face_index is not None or job.face.point() is not None
    if len(faces) > 1 and not asked and job.face.face_select == "largest":
        warn(
            f"{len(faces)} faces were found, the largest one speaks; "
            "choose another with --face-index (see the command faces)."
        )
    x0, y0, x1, y1 = face.box_px.tolist()
    if x0 < 0 or y0 < 0 or x1 > width - 1 or y1 > height - 1:
        warn("The face reaches over the edge of the picture; what is cut off cannot move well.")
    return face, len(faces)


def _open_sound(job: AnimateJob, runtime: Runtime) -> AudioSource | None:
    if job.audio is None:
        return None
    runtime.progress("listen", 0, 0)
    source = open_audio(job.audio, runtime)
    if source.is_silent:
        raise MediaError(
            f"{job.audio} is silent from start to end; give a recording with speech, "
            f"or --idle {float(source.duration_s):.1f} instead of it for a portrait at rest."
        )
    return source


def _announcement(
    source: AudioSource | None, duration_s: Fraction, frames: int, fps: Fraction, rgb: Tensor
) -> str:
    height, width = int(rgb.shape[1]), int(rgb.shape[2])
    what = f"{clock_text(float(duration_s))} of sound" if source else f"{float(duration_s):g} s"
    cores = max(1, min(os.cpu_count() or 1, 4))
    per_frame = (_FRAME_S + _FRAME_S_PER_MEGAPIXEL * height * width / 1e6) * 2 / cores
    return (
        f"{what}, {frames} frames at {float(fps):g} fps from a picture of {width}x{height}, "
        f"about {clock_text(_START_S + frames * per_frame)} of work."
    )


def clock_text(seconds: float) -> str:
    """``75.0`` as ``1:15``; below a minute as ``12.3 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d} min"


def _timed(stream: FrameStream, start: float, first_frame: list[float]) -> FrameStream:
    """The same stream; notes when its first frame was ready."""

    def chunks() -> Iterator[Tensor]:
        for chunk in stream:
            if not first_frame:
                first_frame.append(time.perf_counter() - start)
            yield chunk

    return replace(stream, chunks=chunks())


def _metadata(job: AnimateJob) -> dict[str, str]:
    """Says in the file that the video is synthetic, and how it was made."""
    return provenance_metadata(
        {
            "software": f"Talking Portraits {__version__}",
            "engine": job.engine.id,
            "seed": str(job.run.seed),
        }
    )
