"""The main job: one portrait and one sound become one talking video."""

from __future__ import annotations

import logging
from collections.abc import Callable
from fractions import Fraction

from torch import Tensor

from ..media.file_kinds import check_file_kind
from ..media.motion_files import save_motion
from ..media.video_in import open_video
from ..media.video_out import write_video
from ..runtime import Runtime
from ..structures import frames_for
from .devices import make_runtime
from .inputs import (
    check_job,
    find_speaker,
    length_of,
    open_sound,
    portrait_picture,
)
from .job_weights import JobWeights
from .motions import motion_of, read_motion
from .preview import Preview
from .result import AnimateResult
from .settings import AnimateJob
from .steps import (
    Clock,
    Warnings,
    announced_length,
    clock_text,
    folders_made_for,
    label,
    shrunk_note,
    watched,
)

_log = logging.getLogger(__name__)


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
    clock, warn = Clock(), Warnings(announce)
    engine, fps = job.engine, job.run.frames_per_second
    with folders_made_for(job.out, job.preview, job.save_motion):
        with clock.stage("check"):
            check_job(job)
            loaded = read_motion(job)
            rgb = portrait_picture(job.portrait, warn)
            whole = open_video(job.ref_all) if job.ref_all is not None else None
            if job.audio is not None:
                check_file_kind(job.audio, ("sound", "video"), "speech")
            weights = JobWeights.found(job, job.render)
        with clock.stage("face"):
            runtime.progress("face", 0, 0)
            face, count = find_speaker(job, rgb, runtime, warn)
            runtime.check_cancelled()
        with clock.stage("listen"):
            source = open_sound(job, whole, runtime)
            duration = length_of(job, source, whole, loaded)
            frames = frames_for(duration, fps)
            if weights.note:
                announce(weights.note)
            announce(_announcement(job, duration, frames, source is not None, rgb, runtime))
        with clock.stage("prepare"):
            runtime.progress("prepare", 0, 0)
            networks = engine.load(weights.engine, job.render, runtime)
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
            own_size = (int(rgb.shape[1]), int(rgb.shape[2]))
            if note := shrunk_note(own_size, stream.size, job.render):
                warn(note)
            stream = weights.restoring.applied(stream, runtime)
            runtime.progress("render", 0, stream.length)
            first_frame: list[float] = []
            seen = watched(stream, runtime, clock.start, first_frame)
            preview = Preview(job.preview)
            written = write_video(
                preview.watch(seen, tuple(face.box_px.tolist()), own_size),
                job.out,
                audio=source,
                options=job.video,
                metadata=label(engine.id, job.run.seed),
                runtime=runtime,
            )
        preview.write(clock)
    weights.restoring.tell(warn)
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
        weights=weights.used,
        warnings=tuple(warn),
        preview=job.preview,
    )


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
    return announced_length(text, job.engine.cost(job.render), frames, (height, width), runtime)
