"""What a job of restoring faces is: files and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..enhance.options import EnhanceOptions
from ..errors import OptionError
from ..media.options import VideoOptions
from ..options import OptionSpec, check_options, option, option_specs, same_option
from .settings import CommonRunOptions
from .values import read_path, read_value, suggest


@dataclass(frozen=True)
class EnhanceRunOptions:
    """How the job as a whole runs."""

    models_dir: str = same_option(CommonRunOptions, "models_dir")
    device: str = same_option(CommonRunOptions, "device")
    chunk: int = option(
        8,
        low=1,
        high=512,
        unit="frames",
        advanced=True,
        help="Frames that are handed on at once; changes memory and speed; the result is "
        "the same, on a GPU up to rounding.",
    )

    def __post_init__(self) -> None:
        check_options(self)

    def common(self) -> CommonRunOptions:
        """The same for ``make_runtime``."""
        return CommonRunOptions(models_dir=self.models_dir, device=self.device, chunk=self.chunk)


@dataclass(frozen=True)
class EnhanceJob:
    """A picture or video whose faces are restored.

    Attributes:
        input: picture or video.
        out: the same kind of file.
        run: device and folders.
        enhance: how faces are restored.
        video: how a video is written.
    """

    input: Path
    out: Path
    run: EnhanceRunOptions = field(default_factory=EnhanceRunOptions)
    enhance: EnhanceOptions = field(default_factory=EnhanceOptions)
    video: VideoOptions = field(default_factory=VideoOptions)


# Option dataclasses by section, in the order people read them.
SECTIONS: Mapping[str, type[Any]] = {
    "run": EnhanceRunOptions,
    "enhance": EnhanceOptions,
    "video": VideoOptions,
}


def option_table() -> dict[str, tuple[str, OptionSpec]]:
    """Section and description of every option, by name."""
    return {
        spec.name: (section, spec)
        for section, cls in SECTIONS.items()
        for spec in option_specs(cls)
    }


def build_enhance_job(values: Mapping[str, Any]) -> EnhanceJob:
    """The job that plain values describe; what is not given has its default.

    Raises:
        OptionError: a name is unknown, a value does not fit, or a file is missing.
    """
    known = option_table()
    given: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    files: dict[str, Path] = {}
    for name, value in values.items():
        if value is None:
            continue
        if name in ("input", "out"):
            files[name] = read_path(name, value)
            continue
        if name not in known:
            raise OptionError(f"{name} is not a known option{suggest(name, [*known])}.")
        section, spec = known[name]
        given[section][name] = read_value(spec, value)
    for name in ("input", "out"):
        if name not in files:
            raise OptionError(f"{name} is missing: say which file with --{name} FILE.")
    made: dict[str, Any] = {section: cls(**given[section]) for section, cls in SECTIONS.items()}
    return EnhanceJob(files["input"], files["out"], **made)
