"""Whatever a part of the page makes: of what kind a job is, what it reads, and how it runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from ..engines.face_enhancer import FACE_ENHANCER
from ..jobs import enhance_settings
from ..jobs.animate import run_animate
from ..jobs.drive import run_drive
from ..jobs.drive_settings import DriveJob
from ..jobs.enhance import EnhanceResult, run_enhance
from ..jobs.enhance_settings import EnhanceJob, EnhanceRunOptions
from ..jobs.kinds import JobKind, describe
from ..jobs.relip import run_relip
from ..jobs.relip_settings import RelipJob
from ..jobs.result import AnimateResult
from ..jobs.settings import AnimateJob, CommonRunOptions
from ..runtime import Runtime
from ..systems.videoretalking.config import TEMPLATES

Job = AnimateJob | DriveJob | RelipJob | EnhanceJob
Result = AnimateResult | EnhanceResult


ENHANCE = JobKind(
    name="enhance",
    make=EnhanceJob,
    inputs=("input",),
    outputs=("out",),
    engines=(FACE_ENHANCER,),  # there is one way, no choice
    sections=lambda engine: dict(enhance_settings.SECTIONS),
    engine_for=lambda flat: FACE_ENHANCER,
    needed=("input", "out"),
)


def kind_of(job: Job) -> JobKind:
    """Of what kind a job is."""
    return ENHANCE if isinstance(job, EnhanceJob) else job.kind


def run_options(job: Job) -> CommonRunOptions:
    """What makes a job's runtime."""
    return job.run.common() if isinstance(job.run, EnhanceRunOptions) else job.run


def run_job(job: Job, runtime: Runtime, announce: Callable[[str], None]) -> Result:
    """Make it, from files to a file. Raises as the function of its kind does."""
    if isinstance(job, EnhanceJob):
        return run_enhance(job, runtime, announce)
    if isinstance(job, RelipJob):
        return run_relip(job, runtime, announce)
    if isinstance(job, DriveJob):
        return run_drive(job, runtime, announce)
    return run_animate(job, runtime, announce)


def files_of(job: Job) -> dict[str, list[Path]]:
    """The files that a job reads, by name."""
    kind = kind_of(job)
    found: dict[str, list[Path]] = {}
    for name in kind.inputs:
        value = getattr(job, name)
        if value:
            found[name] = list(value) if name in kind.many else [value]
    if expression := _expression(job):
        found["expression"] = [expression]
    return found


def input_paths(job: Job) -> list[Path]:
    """All of them."""
    return [path for paths in files_of(job).values() for path in paths]


def _expression(job: Job) -> Path | None:
    """A picture whose expression is taken: an option that may be a file."""
    wanted = getattr(job.lips, "exp_img", "") if isinstance(job, RelipJob) else ""
    return Path(wanted) if wanted and wanted not in TEMPLATES else None


def settings_of(job: Job) -> dict[str, Any]:
    """Options by section, and the names of the files that were read, without their folders."""
    if isinstance(job, EnhanceJob):
        values = {
            name: dataclasses.asdict(getattr(job, name)) for name in enhance_settings.SECTIONS
        }
    else:
        known = describe(job)
        values = {name: each for name, each in known.items() if name not in job.kind.files}
    # Where the weights of this machine lie made nothing.
    left_out = {"models_dir"} | ({"exp_img"} if _expression(job) else set())
    settings: dict[str, Any] = {
        name: [path.name for path in paths] for name, paths in files_of(job).items()
    }
    for section, options in values.items():
        known = cast("dict[str, Any]", options)
        settings[section] = {key: known[key] for key in known if key not in left_out}
    return settings
