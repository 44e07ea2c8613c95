"""A video that says something else: its lips made anew, all else as it was filmed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from fractions import Fraction

from torch import Tensor

from ..errors import MediaError, OptionError, OutputError
from ..media.audio_in import AudioSource, open_audio
from ..media.file_kinds import check_file_kind, file_kind
from ..media.files import check_input_file, check_output_path, is_same_file
from ..media.pictures import is_picture_name, read_picture
from ..media.repeat import repeated_picture, repeated_video
from ..media.video_in import VideoSource, open_video
from ..media.video_out import check_video_path, write_video
from ..motion_request import MotionRequest
from ..relip_request import RelipReport, RelipVideo
from ..runtime import Runtime
from ..structures import frames_for
from .devices import make_runtime
from .job_weights import JobWeights
from .kinds import input_files
from .preview import Preview
from .relip_settings import RelipJob
from .result import AnimateResult
from .steps import Clock, Warnings, announced_length, clock_text, folders_made_for, label, watched

_log = logging.getLogger(__name__)
_USUAL_FPS = Fraction(25)
_HEARD_HZ = 16000


def run_relip(
    job: RelipJob,
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
    with folders_made_for(job.out, job.preview):
        with clock.stage("check"):
            check_relip_job(job)
            source = open_shown(job)
        with clock.stage("listen"):
            runtime.progress("listen", 0, 0)
            sound = _open_sound(job, runtime)
            rate = source.fps if isinstance(source, VideoSource) else _picture_rate(job)
            frames = frames_of(job, source, sound, rate)
            if frames < frames_for(sound.duration_s, rate):  # the video ends first
                sound = open_audio(job.audio, runtime, duration_s=frames / rate)
                warn("the sound is longer than the video and is cut; repeat says otherwise.")
            video = _shown(job, source, frames, rate, runtime)
            weights = JobWeights.found(job, job.lips)
            if weights.note:
                announce(weights.note)
            announce(_announcement(job, video, sound, not isinstance(source, VideoSource), runtime))
        with clock.stage("prepare"):
            runtime.progress("prepare", 0, 0)
            networks = engine.load(weights.engine, job.lips, runtime)
            runtime.check_cancelled()
        with clock.stage("motion"):
            runtime.progress("motion", 0, 0)
            speech = MotionRequest(
                options=job.lips,
                duration_s=sound.duration_s,
                fps=rate,
                open_sound=lambda: sound.stream(_HEARD_HZ),
                samples=sound.sample_count(_HEARD_HZ),
            )
            made = engine.relip(networks, video, job.face, job.run.who, speech, job.lips, runtime)
            stream, report = weights.restoring.applied(made.frames, runtime), made.report
            runtime.check_cancelled()
        with clock.stage("render"):
            first_frame: list[float] = []
            preview = Preview(job.preview)
            seen = watched(stream, runtime, clock.start, first_frame)
            written = write_video(
                preview.watch(seen, report.face_box_px, video.size),
                job.out,
                audio=sound,
                options=job.file,
                metadata=label(engine.id),
                runtime=runtime,
            )
        preview.write(clock)
    for sentence in (*_sentences(job, report, rate), *report.notes):
        warn(sentence)
    weights.restoring.tell(warn)
    return AnimateResult(
        path=written.path,
        frames=written.frames,
        fps=rate,
        duration_s=float(written.duration_s),
        size=written.size,
        engine=engine.id,
        device=str(runtime.device),
        seed=None,
        faces_found=report.faces_seen,
        face_box_px=report.face_box_px,
        seconds=clock.seconds,
        first_frame_s=first_frame[0] if first_frame else 0.0,
        weights=weights.used,
        warnings=tuple(warn),
        preview=job.preview,
        frames_without_face=report.frames_without_face,
        ranges_without_face_s=tuple(
            (float(first / rate), float((last + 1) / rate))
            for first, last in report.ranges_without_face
        ),
    )


def check_relip_job(job: RelipJob) -> None:
    """Everything that can be refused at once, before video and sound are read.

    Raises:
        MediaError: an input is missing, a folder, empty, or of the wrong kind.
        OutputError: an output cannot be written there, is one of the inputs, or no video.
        OptionError: a frame rate is given for a video, which has its own.
    """
    shown = check_file_kind(job.video, ("video", "picture"), "new lips")
    check_file_kind(job.audio, ("sound", "video"), "what is to be said")
    of_options = job.engine.inputs(job.lips)
    for path in of_options:
        check_input_file(path, "picture of an expression")
    inputs = [*input_files(job), *of_options]
    if job.file.format == "auto" and is_picture_name(job.out):
        raise OutputError(
            f"{job.out} has the name of a picture; new lips make a video: .mp4, .webm, .mkv, or a "
            "name without a suffix for a folder of pictures."
        )
    check_video_path(job.out, job.file, tuple(inputs))
    if job.preview is not None:
        if not is_picture_name(job.preview):
            raise OutputError(
                f"the preview {job.preview} must be a picture: .png, .jpg, .jpeg or .webp."
            )
        if is_same_file(job.preview, job.out):
            raise OutputError(f"preview and out are the same file {job.out}; give two names.")
        check_output_path(job.preview, inputs)
    if job.run.frames_per_second is not None and shown == "video":
        raise OptionError(f"fps is for a still picture; {job.video} has a rate of its own.")


def open_shown(job: RelipJob) -> VideoSource | Tensor:
    """The video, or of a picture (3, H, W) uint8."""
    if file_kind(job.video) == "picture":
        return read_picture(job.video).flattened()
    return open_video(job.video)


def _picture_rate(job: RelipJob) -> Fraction:
    return job.run.frames_per_second or _USUAL_FPS


def frames_of(
    job: RelipJob, source: VideoSource | Tensor, sound: AudioSource, rate: Fraction
) -> int:
    """Frames of the result."""
    spoken = frames_for(sound.duration_s, rate)
    if not isinstance(source, VideoSource):
        return spoken
    if job.run.repeat == "trim":
        spoken = min(spoken, source.frame_count)
    return max(spoken, source.frame_count) if job.run.keep_rest else spoken


def _shown(
    job: RelipJob, source: VideoSource | Tensor, frames: int, rate: Fraction, runtime: Runtime
) -> RelipVideo:
    if isinstance(source, VideoSource):
        return repeated_video(source, frames, job.run.repeat, runtime.chunk)
    return repeated_picture(source, rate, frames, runtime.chunk)


def _open_sound(job: RelipJob, runtime: Runtime) -> AudioSource:
    sound = open_audio(job.audio, runtime)
    if sound.is_silent:
        raise MediaError(f"{job.audio} is silent from start to end; give a recording with speech.")
    return sound


def _announcement(
    job: RelipJob, video: RelipVideo, sound: AudioSource, is_still: bool, runtime: Runtime
) -> str:
    height, width = video.size
    text = (
        f"{clock_text(float(sound.duration_s))} of sound, {video.length} frames of "
        f"{width}x{height} at {float(video.fps):g} fps{', made of one picture' if is_still else ''}"
    )
    cost = job.engine.cost(job.lips)
    return announced_length(text, cost, video.length, video.size, runtime)


def _sentences(job: RelipJob, report: RelipReport, rate: Fraction) -> list[str]:
    """What the user should know of what was seen."""
    sentences: list[str] = []
    if report.frames_without_face:
        sentences.append(report.without_face(rate))
    asked = job.run.who is not None or job.face.face_index is not None or job.face.point()
    if report.faces_seen > 1 and not asked and job.face.face_select == "largest":
        sentences.append(
            f"{report.faces_seen} faces were found, the largest one speaks; choose another with "
            "--who."
        )
    return sentences
