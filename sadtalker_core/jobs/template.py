"""The motion of a video kept in a file, or a motion file in another form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..media.files import check_input_file, check_output_path
from ..options import option_specs
from ..runtime import Runtime
from ..structures import ImplicitMotion
from .devices import make_runtime
from .drive_inputs import Driver
from .drive_outputs import check_motion_path, save_any_motion
from .drive_settings import DRIVE, DriveJob, driving_of
from .engines import find_weights, weight_store
from .kinds import flatten
from .motions import at_rate
from .values import read_value, suggest

_OF_PORTRAITS = ("who", "sound", "seconds")  # what only a job with a portrait can heed


@dataclass(frozen=True)
class TemplateResult:
    """What was kept.

    Attributes:
        path: the file.
        frames: of the motion.
        fps: frames per second.
        motion_type: whose kind of motion it is.
    """

    path: Path
    frames: int
    fps: float
    motion_type: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "out": str(self.path),
            "frames": self.frames,
            "fps": self.fps,
            "motion": self.motion_type,
        }


def build_template_job(driving: Path, out: Path, values: dict[str, Any]) -> DriveJob:
    """A job of driving that is used as far as the driver's motion."""
    flat = flatten(values, DRIVE)
    engine = DRIVE.engine_for(flat)
    classes = {name: DRIVE.sections(engine)[name] for name in ("run", "drive")}
    known = {spec.name: (name, spec) for name, cls in classes.items() for spec in option_specs(cls)}
    given: dict[str, dict[str, Any]] = {name: {} for name in classes}
    for name in _OF_PORTRAITS:
        known.pop(name, None)
    for name, value in flat.items():
        if name not in known:
            raise OptionError(f"{name} is not an option here{suggest(name, known)}.")
        section, spec = known[name]
        given[section][name] = read_value(spec, value)
    made = {name: cls(**given[name]) for name, cls in classes.items()}
    return DriveJob(portrait=driving, out=out, driving=(driving,), **made)


def run_template(
    job: DriveJob, runtime: Runtime | None = None, warn: Callable[[str], None] = lambda _: None
) -> TemplateResult:
    """Read the driver's motion and write it to ``job.out``.

    Raises:
        TalkingPortraitsError: one of its kinds, with a sentence for the user.
    """
    runtime = runtime or make_runtime(job.run)
    (path,) = job.driving
    check_input_file(path, "driving")
    check_motion_path(job.out)
    check_output_path(job.out, [path])
    engine = job.engine
    driver = Driver.open(path)
    networks = None
    if driver.loaded is None:
        store = weight_store(job.run.models_dir)
        networks = engine.load(find_weights(engine, job.render, store), job.render, runtime)
        driving = driving_of(engine)
        motion = driver.motion(job, driving, networks, engine.motion_type, runtime, warn)
    else:
        motion = driver.loaded
    if (rate := job.run.frames_per_second) is not None:
        motion = at_rate(motion, rate)
    save_any_motion(motion, job.out)
    kept = ImplicitMotion if job.out.suffix.lower() == ".pkl" else type(motion)
    return TemplateResult(job.out, len(motion), float(motion.fps), kept.__name__)
