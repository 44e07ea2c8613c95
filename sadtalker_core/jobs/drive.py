"""A portrait or video moved by somebody's video, by a motion file, or by sliders."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..faces.face import Face
from ..media.pictures import is_picture_name
from ..media.video_in import VideoSource
from ..media.video_out import write_video
from ..runtime import Runtime
from ..structures import FrameStream
from .devices import make_runtime
from .drive_inputs import (
    Driver,
    check_drive_job,
    check_length,
    find_people,
    open_source,
    own_rate,
    reference,
    slider_frames,
    sound_of,
)
from .drive_outputs import save_any_motion, write_still
from .drive_settings import DriveJob, driving_of
from .job_weights import JobWeights
from .motions import at_rate
from .preview import Preview
from .result import AnimateResult
from .steps import (
    Clock,
    Warnings,
    announced_length,
    folders_made_for,
    label,
    shrunk_note,
    watched,
)

_log = logging.getLogger(__name__)


def run_drive(
    job: DriveJob,
    runtime: Runtime | None = None,
    announce: Callable[[str], None] = _log.info,
) -> AnimateResult:
    """Run a job from files to a file; the file has its name only when it is complete.

    Args:
        job: what to do.
        runtime: device, progress, cancel; None makes one from ``job.run``.
        announce: given sentences for the user while the job runs.

    Raises:
        TalkingPortraitsError: one of its kinds, with a sentence for the user.
        Cancelled: ``runtime.cancelled`` said so.
    """
    runtime = runtime or make_runtime(job.run)
    clock, warn = Clock(), Warnings(announce)
    engine = job.engine
    driving = driving_of(engine)
    with folders_made_for(job.out, job.preview, job.save_motion):
        with clock.stage("check"):
            check_drive_job(job)
            drivers = [Driver.open(path) for path in job.driving]
            source = open_source(job, driving.prepare_video is not None, warn)
            rate = job.run.frames_per_second or own_rate(source, drivers)
            check_length(job, source, drivers, rate)
            weights = JobWeights.found(job, job.render)
        with clock.stage("face"):
            runtime.progress("face", 0, 0)
            people: list[Face] = []
            count = 1
            if isinstance(source, VideoSource):
                size = source.size
            else:
                size = (int(source.shape[1]), int(source.shape[2]))
                people, count = find_people(job, source, driving.most_faces, runtime, warn)
            runtime.check_cancelled()
        with clock.stage("prepare"):
            runtime.progress("prepare", 0, 0)
            networks = engine.load(weights.engine, job.render, runtime)
            if isinstance(source, VideoSource):
                assert driving.prepare_video is not None
                video = reference(source, runtime)
                who = job.run.who_numbers()
                prepared = driving.prepare_video(
                    networks, video, job.face, who, job.render, runtime
                )
            else:
                prepared = driving.prepare(networks, source, people, job.render, runtime)
            runtime.check_cancelled()
        with clock.stage("motion"):
            runtime.progress("motion", 0, 0)
            motions = [
                driver.motion(job, driving, networks, engine.motion_type, runtime, warn)
                for driver in drivers
            ]
            if job.save_motion is not None:
                if len(motions) > 1:
                    warn(f"{job.save_motion} keeps the motion of {drivers[0].path} alone.")
                save_any_motion(motions[0], job.save_motion)
            motions = [at_rate(motion, rate) for motion in motions]
            runtime.check_cancelled()
        with clock.stage("render"):
            if isinstance(source, VideoSource):
                frames = source.frame_count
            else:
                frames = slider_frames(job, rate)
                if drivers and frames > 1 and not any(each.has_many_frames for each in drivers):
                    warn("the driver has one frame: keyframes of sliders after it are not shown.")
                frames = 1 if drivers else frames
            stream = driving.animate(
                networks, prepared, motions, job.drive, job.sliders, frames, rate, runtime
            )
            if weights.note:
                announce(weights.note)
            announce(_announcement(job, stream, runtime))
            if note := shrunk_note(size, stream.size, job.render):
                warn(note)
            stream = weights.restoring.applied(stream, runtime)
            sound = sound_of(job, source, drivers, runtime)
            if sound is None and job.run.sound in ("driving", "portrait"):
                warn(f"the video has no sound: {job.run.sound} has none.")
            first_frame: list[float] = []
            box = tuple(people[0].box_px.tolist()) if people else ()
            preview = Preview(job.preview)
            seen = watched(stream, runtime, clock.start, first_frame)
            seen = preview.watch(seen, box, size)
            if is_picture_name(job.out):
                write_still(seen, job.out, label(engine.id))
            else:
                write_video(
                    seen,
                    job.out,
                    audio=sound,
                    options=job.video,
                    metadata=label(engine.id),
                    runtime=runtime,
                )
        preview.write(clock)
    weights.restoring.tell(warn)
    return AnimateResult(
        path=job.out,
        frames=stream.length,
        fps=stream.fps,
        duration_s=float(stream.length / stream.fps),
        size=stream.size,
        engine=engine.id,
        device=str(runtime.device),
        seed=None,
        faces_found=count,
        face_box_px=box,
        seconds=clock.seconds,
        first_frame_s=first_frame[0] if first_frame else 0.0,
        weights=weights.used,
        warnings=tuple(warn),
        preview=job.preview,
    )


def _announcement(job: DriveJob, stream: FrameStream, runtime: Runtime) -> str:
    height, width = stream.size
    text = f"{stream.length} frames of {width}x{height} at {float(stream.fps):g} fps"
    cost = job.engine.cost(job.render)
    return announced_length(text, cost, stream.length, stream.size, runtime)
