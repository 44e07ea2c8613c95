"""The motion of a job: made by the engine, read from a file, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..engines.engine import Motion
from ..errors import MediaError
from ..media.audio_in import AudioSource
from ..media.motion_files import load_motion
from ..motion_request import MotionRequest
from ..options import option_specs
from ..runtime import Runtime
from ..structures import Coeff3DMM, ImplicitMotion, LiteMotion
from ..transfer.borrowed import hands_over_the_face, laid_over
from ..transfer.expression_map import expression_map_or_none, missing_map_sentence
from ..transfer.motion_edit import retime
from ..transfer.motion_templates import load_template
from .engines import weight_store
from .inputs import open_reference
from .settings import AnimateJob

SPEECH_RATE = 16000  # Hz, what every engine hears


def read_motion(job: AnimateJob) -> Motion | None:
    """The motion file of a job, if it has one.

    Raises:
        MediaError: it is damaged, or holds keypoints: they belong to one portrait.
    """
    return None if job.load_motion is None else load_any_motion(job.load_motion)


def load_any_motion(path: Path) -> Motion:
    """A motion file of any engine, or a motion template of LivePortrait.

    Raises:
        MediaError: it is damaged, or holds keypoints: they belong to one portrait.
    """
    if path.suffix.lower() == ".pkl":
        return load_template(path)
    motion = load_motion(path)
    if not isinstance(motion, (Coeff3DMM, ImplicitMotion, LiteMotion)):
        raise MediaError(
            f"{path} holds {type(motion).__name__}, which fits one portrait only; "
            "save the motion instead."
        )
    return motion


def at_rate(motion: Motion, fps: Fraction) -> Motion:
    """The same motion in other frames per second; a single frame stays one."""
    if len(motion) == 1:
        return replace(motion, fps=fps)
    return motion if motion.fps == fps else retime(motion, fps)


def motion_of(
    job: AnimateJob,
    networks: Any,
    prepared: Any,
    loaded: Motion | None,
    source: AudioSource | None,
    duration_s: Fraction,
    frames: int,
    runtime: Runtime,
    warn: Callable[[str], None],
) -> Motion:
    """The motion that the job renders, at the job's frame rate.

    Args:
        job: what to do.
        networks: of the engine.
        prepared: the portrait.
        loaded: motion from a file.
        source: the sound.
        duration_s: of the video.
        frames: of the video.
        runtime: device, seed, progress, cancel.
        warn: given sentences that the user should see.
    """
    engine, fps = job.engine, job.run.frames_per_second
    if isinstance(loaded, engine.motion_type):
        if ignored := _without_effect(job):
            warn(
                f"{job.load_motion} is used as it is: {', '.join(ignored)} would change only "
                "motion that is made here."
            )
        moved = loaded.to(runtime.device)
        # An engine may round its last frame off; what it made for this sound stays as it is.
        is_same = moved.fps == fps and abs(len(moved) - frames) <= 1
        return moved if is_same else retime(moved, fps, frames)
    motion = engine.motion(networks, prepared, _request(job, source, duration_s, runtime), runtime)
    if loaded is not None:
        found = expression_map_or_none(weight_store(job.run.models_dir).folders)
        if found is None and not hands_over_the_face(loaded, engine.motion_type):
            warn(f"{job.load_motion} is of another engine. {missing_map_sentence(engine.title)}")
        motion = laid_over(motion, loaded.to(runtime.device), engine.source_pose(prepared), found)
    return motion if motion.fps == fps else retime(motion, fps, frames)


def _without_effect(job: AnimateJob) -> list[str]:
    """Motion options that were given although the motion is made already."""
    unchanged = type(job.motion)()
    return [
        spec.name
        for spec in option_specs(type(job.motion))
        if spec.name not in job.engine.late_options
        and getattr(job.motion, spec.name) != getattr(unchanged, spec.name)
    ]


def _request(
    job: AnimateJob, source: AudioSource | None, duration_s: Fraction, runtime: Runtime
) -> MotionRequest:
    blink = open_reference(job.ref_eyeblink, runtime)
    # One video for both is read once.
    is_same = job.ref_pose is not None and job.ref_pose == job.ref_eyeblink
    return MotionRequest(
        options=job.motion,
        duration_s=duration_s,
        fps=job.run.frames_per_second,
        open_sound=(lambda: source.stream(SPEECH_RATE)) if source else None,
        samples=source.sample_count(SPEECH_RATE) if source else 0,
        blink=blink,
        pose=blink if is_same else open_reference(job.ref_pose, runtime),
        whole=open_reference(job.ref_all, runtime),
    )
