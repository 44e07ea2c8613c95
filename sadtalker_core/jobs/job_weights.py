"""The files of weights that a job of rendering reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..weights.catalog import BUNDLED, WeightFile
from .drive_settings import DriveJob
from .engines import fallback_note, find_weights, used_files, weight_store
from .enhance import EnhanceStep
from .relip_settings import RelipJob
from .settings import AnimateJob


@dataclass(frozen=True)
class JobWeights:
    """What a job reads beside its inputs.

    Attributes:
        engine: paths of the files that its engine needs, by name.
        restoring: the last stage, with its own.
        used: all of them with their licences, and what comes with the library.
        note: why ``auto`` took a plainer engine, or nothing; said when the inputs are known to be
            good, so that it does not stand before an error that has nothing to do with it.
    """

    engine: dict[str, Path]
    restoring: EnhanceStep
    used: tuple[WeightFile, ...]
    note: str = ""

    @classmethod
    def found(cls, job: AnimateJob | DriveJob | RelipJob, options: Any) -> JobWeights:
        """Those of a job whose engine gets ``options``.

        Raises:
            WeightsError: one is missing.
        """
        engine, store = job.engine, weight_store(job.run.models_dir)
        files = find_weights(engine, options, store)
        restoring = EnhanceStep.checked(job.enhance, job.run.models_dir)
        note = fallback_note(job.kind, engine, store) if job.run.engine == "auto" else ""
        bundled = tuple(file for file in BUNDLED if engine.id in file.engines)
        used = bundled + used_files(engine, options, store) + restoring.weights
        return cls(files, restoring, used, note)
