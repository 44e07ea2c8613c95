"""The main job: one portrait and one sound become one talking video."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from .. import __version__
from ..media.contact_sheet import ContactSheet
from ..media.motion_files import save_motion
from ..media.provenance import provenance_metadata
from ..media.video_in import open_video
from ..media.video_out import write_video
from ..runtime import Runtime
from ..structures import FrameStream, frames_for
from ..weights.catalog import BUNDLED
from .devices import make_runtime
from .engines import fallback_note, find_weights, used_files, weight_store
from .inputs import (
    check_job,
    find_speaker,
    length_of,
    open_sound,
    read_portrait,
)
from .motions import motion_of, read_motion
from .preview import sheet_for
from .result import AnimateResult
from .settings import AnimateJob

_log = logging.getLogger(__name__)


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
    made_folders = _missing_folders(job.out, job.preview, job.save_motion)
    warnings: list[str] = []

    def warn(sentence: str) -> None:
        warnings.append(sentence)
        announce(sentence)

    try:
        with clock.stage("check"):
            check_job(job)
            loaded = read_motion(job)
            store = weight_store(job.run.models_dir)
            files = find_weights(engine, job.render, store)
            if job.run.engine == "auto" and (note := fallback_note(engine, store)):
                announce(note)
        with clock.stage("face"):
            runtime.progress("face", 0, 0)
            rgb = read_portrait(job, warn)
            face, count = find_speaker(job, rgb, runtime, warn)
            runtime.check_cancelled()
        with clock.stage("listen"):
            whole = open_video(job.ref_all) if job.ref_all is not None else None
            source = open_sound(job, whole, runtime)
            duration = length_of(job, source, whole, loaded)
            frames = frames_for(duration, fps)
            announce(_announcement(job, duration, frames, source is not None, rgb, runtime))
        with clock.stage("prepare"):
            runtime.progress("prepare", 0, 0)
            networks = engine.load(files, job.render, runtime)
            prepared = engine.prepare(networks, rgb, face, job.render, runtime)
            runtime.check_cancelled()
        with clock.stage("motion"):
            runtime.progress("motion", 0, frames)
            motion = motion_of(
                job, networks, prepared, loaded, source, duration, frames, runtime, warn
            )
            if job.save_motion is not None:
                save_motion(motion, job.save_motion)
            runtime.check_cancelled()
        with clock.stage("render"):
            stream = engine.animate(networks, prepared, motion, job.motion, runtime)
            runtime.progress("render", 0, stream.length)
            first_frame: list[float] = []
            watched = _watched(stream, runtime, clock.start, first_frame)
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
    bundled = tuple(file for file in BUNDLED if engine.id in file.engines)
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
        weights=bundled + used_files(engine, job.render, store),
        warnings=tuple(warnings),
        preview=job.preview,
    )


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


def _announcement(
    job: AnimateJob,
    duration_s: Fraction,
    frames: int,
    has_sound: bool,
    rgb: Tensor,
    runtime: Runtime,
) -> str:
    height, width = int(rgb.shape[1]), int(rgb.shape[2])
    length = float(duration_s)
    what = f"{clock_text(length)} of sound" if has_sound else f"{length:g} s"
    text = (
        f"{what}, {frames} frames at {float(job.run.frames_per_second):g} fps "
        f"from a picture of {width}x{height}"
    )
    if runtime.device.type != "cpu":
        return f"{text}."  # nobody measured this device; the time left shows when frames come
    cost = job.engine.cost(job.render)
    cores = max(1, min(os.cpu_count() or 1, 4))
    per_frame = (cost.frame_s + cost.frame_s_per_megapixel * height * width / 1e6) * 2 / cores
    return f"{text}, about {clock_text(cost.start_s + frames * per_frame)} of work."


def clock_text(seconds: float) -> str:
    """``75.0`` as ``1:15``; below a minute as ``12.3 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d} min"


def _watched(
    stream: FrameStream, runtime: Runtime, start: float, first_frame: list[float]
) -> FrameStream:
    """The same stream; notes when its first frame was ready, and shows frames to the host."""

    def chunks() -> Iterator[Tensor]:
        for chunk in stream:
            if not first_frame:
                first_frame.append(time.perf_counter() - start)
            runtime.preview(chunk[-1])
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
