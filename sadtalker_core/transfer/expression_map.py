"""Linear maps of facial expression between kinds of motion, fitted to people's faces.

Expression coefficients of the 3D morphable model cannot be translated by formula: their basis is
licensed and not part of this project. But on any video both can be measured, the coefficients by
the reconstruction network and the built-in controls by our own tracker, and a linear map between
them fitted: ``python -m sadtalker_core.training.fit_expression_map``, once the published weights
are on disk. The map is a small safetensors file. Without it the receiving engine moves the mouth
from the sound by itself, and ``missing_map_sentence`` says so.

Both sides are differences from the same face at rest (mouth closed, eyes open), so that what
coefficients say about who somebody is does not become a grimace.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import MediaError, StructureError
from ..media.files import check_input_file, replaced_when_complete
from ..structures import Coeff3DMM, LiteMotion

FILE_NAME = "expression_map.safetensors"
FORMAT = "talking-portraits expression map"
VERSION = 1
COEFF_NAMES = tuple(f"exp{k}" for k in range(64))
LITE_NAMES = (
    *("open", "width", "corners", "pucker", "jaw"),
    *("lid_left", "lid_right", "brow_left", "brow_right"),
)
# What the built-in renderer can show.
_LITE_RANGES = {
    "open": (0.0, 0.2),
    "width": (-0.15, 0.15),
    "corners": (-0.08, 0.08),
    "pucker": (0.0, 1.0),
    "jaw": (0.0, 0.22),
    "lid_left": (-0.3, 1.0),
    "lid_right": (-0.3, 1.0),
    "brow_left": (-0.12, 0.12),
    "brow_right": (-0.12, 0.12),
}


@dataclass(frozen=True)
class ExpressionMap:
    """Linear maps both ways between two kinds of expression, each relative to rest.

    The way back is a fit of its own, not an inverse: the two kinds do not hold the same.

    Attributes:
        source: kind of the one side, such as ``coeff3dmm``.
        target: kind of the other, such as ``lite``.
        source_names: A names of its numbers.
        target_names: B names.
        weight: (A, B) source to target.
        back: (B, A) target to source.
        held_out: (B,) explained variance of each target number on faces that were not in the
            fit: 1 is perfect, 0 no better than rest; below about 0.3 it is not worth using.
    """

    source: str
    target: str
    source_names: tuple[str, ...]
    target_names: tuple[str, ...]
    weight: Tensor
    back: Tensor
    held_out: Tensor

    def __post_init__(self) -> None:
        a, b = len(self.source_names), len(self.target_names)
        for name, shape in (("weight", (a, b)), ("back", (b, a)), ("held_out", (b,))):
            value: Tensor = getattr(self, name)
            if tuple(value.shape) != shape or not bool(torch.isfinite(value).all()):
                raise StructureError(
                    f"ExpressionMap.{name} must be finite and have shape {shape}, "
                    f"got {tuple(value.shape)}."
                )

    def forward(self, rows: Tensor, rest: Tensor) -> Tensor:
        """(T, A) source numbers and (A,) or (1, A) those at rest -> (T, B), relative to rest."""
        return (rows - rest) @ self.weight.to(rows)

    def backward(self, rows: Tensor) -> Tensor:
        """(T, B) target numbers, relative to rest -> (T, A), relative to rest."""
        return rows @ self.back.to(rows)


def lite_face(found: ExpressionMap, coeff: Coeff3DMM, rest: Tensor | None = None) -> LiteMotion:
    """The face of a ``Coeff3DMM`` as built-in controls; the head rests (see ``head_pose``).

    Args:
        found: a map from ``coeff3dmm`` to ``lite``.
        coeff: T frames.
        rest: (1, 64) expression of this face at rest, such as the source picture's; None is the
            model's neutral face.
    """
    _check_kinds(found, "coeff3dmm", "lite")
    neutral = torch.zeros_like(coeff.expression[:1]) if rest is None else rest
    values = found.forward(coeff.expression, neutral.to(coeff.expression))
    named = {
        name: values[:, k].clamp(*_LITE_RANGES[name]) for k, name in enumerate(found.target_names)
    }
    motion = LiteMotion.rest(len(coeff), coeff.fps).to(values.device, values.dtype)
    pairs = {
        "lids": torch.stack((named["lid_left"], named["lid_right"]), 1),
        "brows": torch.stack((named["brow_left"], named["brow_right"]), 1),
    }
    single = {name: named[name] for name in ("open", "width", "corners", "pucker", "jaw")}
    return dataclasses.replace(motion, **single, **pairs)


def coeff_expression(
    found: ExpressionMap, motion: LiteMotion, rest: Tensor | None = None
) -> Tensor:
    """(T, 64) expression coefficients of the built-in controls, on top of ``rest`` (1, 64)."""
    _check_kinds(found, "coeff3dmm", "lite")
    moved = found.backward(lite_controls(motion))
    return moved if rest is None else moved + rest.to(moved)


def lite_controls(motion: LiteMotion) -> Tensor:
    """(T, 9) the controls of ``LITE_NAMES``."""
    single = (motion.open, motion.width, motion.corners, motion.pucker, motion.jaw)
    return torch.cat((torch.stack(single, 1), motion.lids, motion.brows), 1)


def save_expression_map(found: ExpressionMap, path: str | Path) -> Path:
    """Write a map to ``path``, which has its name only when it is complete.

    Raises ``OutputError`` when it cannot be written.
    """
    header = {
        "format": FORMAT,
        "version": str(VERSION),
        "source": found.source,
        "target": found.target,
        "source_names": ",".join(found.source_names),
        "target_names": ",".join(found.target_names),
    }
    tensors = {
        name: getattr(found, name).detach().cpu().float().contiguous().clone()
        for name in ("weight", "back", "held_out")
    }
    data = save(tensors, header)
    with replaced_when_complete(Path(path)) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def load_expression_map(path: str | Path) -> ExpressionMap:
    """Read a map that ``save_expression_map`` wrote; ``MediaError`` if it is anything else."""
    file = Path(path)
    check_input_file(file, "expression map")
    try:
        with safe_open(str(file), framework="pt", device="cpu") as opened:
            header = dict(opened.metadata() or {})
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise MediaError(
            f"{file} is damaged or is not an expression map ({error}). Fit it again."
        ) from error
    if header.get("format") != FORMAT or header.get("version") != str(VERSION):
        raise MediaError(
            f"{file} is not an expression map of version {VERSION}: its header says "
            f"{header.get('format')!r}, version {header.get('version')!r}. Fit it again."
        )
    if set(tensors) != {"weight", "back", "held_out"}:
        raise MediaError(f"{file} holds {', '.join(sorted(tensors)[:5])}; fit the map again.")
    try:
        return ExpressionMap(
            source=header.get("source", ""),
            target=header.get("target", ""),
            source_names=tuple(header.get("source_names", "").split(",")),
            target_names=tuple(header.get("target_names", "").split(",")),
            **tensors,
        )
    except StructureError as error:
        raise MediaError(f"{file} cannot be used: {error}") from error


def expression_map_or_none(folders: Iterable[str | Path]) -> ExpressionMap | None:
    """The map ``expression_map.safetensors`` of the first of these folders that has one.

    None where there is none: then the receiving engine uses its own motion, and the user is told
    with ``missing_map_sentence``. A map that is there but damaged is an error.
    """
    for folder in folders:
        path = Path(folder) / FILE_NAME
        if path.is_file():
            return load_expression_map(path)
    return None


def missing_map_sentence(engine: str) -> str:
    """What the user is told when only the head's motion could be handed over to ``engine``."""
    return (
        f"There is no expression map ({FILE_NAME}): the head's motion is taken over, mouth and "
        f"eyes are {engine}'s own from the sound. To make a map, see "
        "python -m sadtalker_core.training.fit_expression_map --help."
    )


def _check_kinds(found: ExpressionMap, source: str, target: str) -> None:
    names = {"coeff3dmm": COEFF_NAMES, "lite": LITE_NAMES}
    fits = (found.source, found.target) == (source, target)
    if not fits or (found.source_names, found.target_names) != (names[source], names[target]):
        raise StructureError(
            f"an expression map from {source} to {target} with their present numbers is needed, "
            f"this one goes from {found.source} ({len(found.source_names)}) to {found.target} "
            f"({len(found.target_names)}); fit it again."
        )
