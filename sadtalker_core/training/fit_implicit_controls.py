"""Fit the map between the built-in controls and LivePortrait's expression, from templates that lie
beside the clips they were made from:

    python -m sadtalker_core.training.fit_implicit_controls --pairs clip.mp4=template.pkl ...

A template holds what LivePortrait's motion network saw in each frame of a clip; our own tracker
measures the same frames. Each number of the expression is then explained by the few controls that
can move it, and each control by the few numbers that show it, with a ridge regression that leans
to LivePortrait's own slider tables where clips say little. How much is explained of clips that
were left out of the fit is printed with the tables, which go into ``transfer/implicit_tables.py``.

A clip must be square, as LivePortrait saw it whole, for the head's place to be used.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import MediaError
from ..faces.networks import FaceNets, load_face_nets
from ..faces.options import FaceOptions
from ..media.video_in import open_video
from ..runtime import Runtime
from ..structures import ImplicitMotion
from ..systems.lite.config import LiteDriveOptions
from ..systems.lite.driver import motion_from_driver
from ..systems.lite.driver_rows import DriverRows, read_driver
from ..systems.liveportrait.sliders import EDITOR, Slider
from ..transfer.implicit_controls import KEYPOINTS, face_controls
from ..transfer.implicit_tables import CONTROLS
from ..transfer.motion_templates import load_template
from .implicit_head import head_place

NUMBERS = 3 * KEYPOINTS
# A usual amount of each control: what the regularisation takes for equally much.
USUAL = (0.06, 0.04, 0.03, 0.4, 0.06, 0.5, 0.5, 0.03, 0.02, 0.03, 0.03)
_USUAL_PUSH = 0.005
# How much each control leans to the tables, in frames with usual amounts: least held-out error.
# Few clips look around, so gaze keeps to them; up and down is not read: it would follow blinks.
_MOUTH_LEANS, _LIDS_LEAN, _GAZE_LEANS, _BROWS_LEAN = 30.0, 100.0, 1000.0, 30.0
PUSH_LEANING = (*[_MOUTH_LEANS] * 5, *[_LIDS_LEAN] * 2, *[_GAZE_LEANS] * 2, *[_BROWS_LEAN] * 2)
READ_LEANING = (*[_MOUTH_LEANS] * 5, *[_LIDS_LEAN] * 6)
_NEVER_READ = ("gaze_y",)
_MOUTH = ("open", "width", "corners", "pucker", "jaw")
_LIP_KEYPOINTS = (3, 6, 7, 12, 14, 17, 19, 20)
_LEFT_EYE, _RIGHT_EYE, _BROWS = (11, 13), (15, 16), (1, 2)
# Slider units for one unit of a control, where the regression leans to: see systems.lite.sliders.
_LEANING: dict[str, tuple[tuple[str, float], ...]] = {
    "open": (("aaa", 400.0),),
    "width": (("eee", 80.0),),
    "corners": (("smile", 15.0),),
    "pucker": (("woo", 10.0),),
    "jaw": (("aaa", 200.0),),
    "lid_left": (("blink", -20.0),),
    "lid_right": (("blink", -20.0),),
    "gaze_x": (("pupil_x", 180.0),),
    "gaze_y": (("pupil_y", -330.0),),
    "brow_left": (("eyebrow", 400.0),),
    "brow_right": (("eyebrow", 400.0),),
}


@dataclass(frozen=True)
class Pair:
    """One clip and the template made from it.

    Attributes:
        name: of the clip.
        controls: (T, 11) ``CONTROLS``, relative to the clip's rest.
        expression: (T, 63) of the template.
        valid: (T,) bool, frames in which our tracker saw the face.
    """

    name: str
    controls: Tensor
    expression: Tensor
    valid: Tensor

    def centred(self) -> tuple[Tensor, Tensor]:
        """Controls and expression of the valid frames, each less its mean: what rest is for
        either side then does not matter."""
        parts = (self.controls[self.valid], self.expression[self.valid])
        return tuple(part - part.mean(0) for part in parts)  # type: ignore[return-value]


def read_pair(
    clip: Path, template: Path, nets: FaceNets, steady: float = 0.3
) -> tuple[Pair, DriverRows, ImplicitMotion]:
    """Measure a clip beside its template.

    Raises ``MediaError`` when they do not have the same number of frames.
    """
    motion, video = load_template(template), open_video(clip)
    rows = read_driver(video.frames(8), video.fps, FaceOptions(), Runtime(), nets)
    if len(rows) != len(motion):
        raise MediaError(
            f"{clip} has {len(rows)} frames, {template} has {len(motion)}; give each clip the "
            "template that was made from it."
        )
    controls = face_controls(motion_from_driver(rows, LiteDriveOptions(steady=steady)))
    pair = Pair(clip.stem, controls.double(), motion.expression.flatten(1).double(), rows.valid)
    return pair, rows, motion


def leaning() -> Tensor:
    """(11, 63) pushes as LivePortrait's slider tables have them."""
    pushes = torch.zeros(len(CONTROLS), NUMBERS, dtype=torch.float64)
    for row, name in enumerate(CONTROLS):
        for slider, units in _LEANING[name]:
            for keypoint, axis, amount in _side(EDITOR[slider], name):
                pushes[row, 3 * keypoint + axis] += amount * units
    # looking up raises the brows there; brows have controls of their own
    return pushes * support()


def _side(slider: Slider, control: str) -> list[tuple[int, int, float]]:
    """A slider's pushes for both sides, kept to the side that a control is about."""
    other = {"left": (*_RIGHT_EYE, 2), "right": (*_LEFT_EYE, 1)}.get(control.split("_")[-1], ())
    return [push for push in slider.pushes if push[0] not in other]


def support() -> Tensor:
    """(11, 63) bool: which control can move which number."""
    allowed = torch.zeros(len(CONTROLS), NUMBERS, dtype=torch.bool)

    def allow(controls: Sequence[str], keypoints: Sequence[int]) -> None:
        for name in controls:
            for keypoint in keypoints:
                start = 3 * keypoint
                allowed[CONTROLS.index(name), start : start + 3] = True

    allow(_MOUTH, _LIP_KEYPOINTS)
    allow(("corners",), (13, 16))
    allow(("lid_left",), (*_LEFT_EYE, 1))
    allow(("lid_right",), (*_RIGHT_EYE, 2))
    allow(("gaze_x", "gaze_y"), (*_LEFT_EYE, *_RIGHT_EYE))
    allow(("brow_left", "brow_right"), _BROWS)
    return allowed


def leaning_ridge(
    inputs: Tensor,
    outputs: Tensor,
    allowed: Tensor,
    prior: Tensor,
    scale: Tensor,
    strength: Tensor,
) -> Tensor:
    """Weights (A, B) from (F, A) to (F, B), column by column, by ridge regression to ``prior``.

    Args:
        inputs: centred.
        outputs: centred.
        allowed: (A, B) bool.
        prior: (A, B) where weights lean to.
        scale: (A,) usual amount of each input.
        strength: (A, B) of the leaning, in frames with usual amounts.
    """
    weights = torch.zeros_like(prior)
    for column in range(outputs.shape[1]):
        used = allowed[:, column].nonzero()[:, 0]
        if len(used) == 0:
            continue
        part = inputs[:, used] / scale[used]
        rest = outputs[:, column] - inputs[:, used] @ prior[used, column]
        normal = part.mT @ part + torch.diag(strength[used, column])
        found = torch.linalg.solve(normal, part.mT @ rest) / scale[used]
        weights[used, column] = prior[used, column] + found
    return weights


def fit_pushes(pairs: Sequence[Pair], strength: Sequence[float] = PUSH_LEANING) -> Tensor:
    """(11, 63) expression for one unit of each control; ``strength`` for each control."""
    controls, expression = _joined(pairs)
    scale = torch.tensor(USUAL, dtype=torch.float64)
    strengths = _column(strength).expand(-1, NUMBERS)
    return leaning_ridge(controls, expression, support(), leaning(), scale, strengths)


def fit_reads(
    pairs: Sequence[Pair], pushes: Tensor, strength: Sequence[float] = READ_LEANING
) -> Tensor:
    """(11, 63) each control from the expression; leans to what undoes ``pushes`` the least way."""
    controls, expression = _joined(pairs)
    usual = _column(USUAL)
    prior = torch.linalg.pinv(pushes * usual, rtol=0.1).mT * usual
    # a control is read from every number that its part of the face, mouth or eyes, moves
    is_mouth = torch.tensor([name in _MOUTH for name in CONTROLS])
    mouth, eyes = (support()[part].any(0) for part in (is_mouth, ~is_mouth))
    allowed = torch.where(is_mouth[None], mouth[:, None], eyes[:, None])
    allowed[:, [CONTROLS.index(name) for name in _NEVER_READ]] = False
    brows = [CONTROLS.index(name) for name in ("brow_left", "brow_right")]
    allowed[:, brows] = support()[brows].mT  # from eyes they would follow every blink
    scale = torch.full((NUMBERS,), _USUAL_PUSH, dtype=torch.float64)
    found = leaning_ridge(
        expression,
        controls / usual.mT,
        allowed,
        prior.mT / usual.mT * allowed,
        scale,
        _column(strength).mT.expand(NUMBERS, -1),
    )
    # both brows as the right one: its keypoint shows raised brows, the other one hardly does
    found[:, brows[0]] = found[:, brows[1]]
    return found.mT * usual


def explained(predicted: Tensor, truth: Tensor) -> Tensor:
    """(B,) 1 minus squared error over squared size of (F, B): 0 is as good as the mean."""
    error, size = (predicted - truth).square().sum(0), truth.square().sum(0)
    return 1 - error / size.clamp(min=1e-12)


def correlation(predicted: Tensor, truth: Tensor) -> Tensor:
    """(B,) of (F, B), centred within each clip before."""
    return torch.nn.functional.cosine_similarity(predicted, truth, dim=0)


@dataclass(frozen=True)
class HeldOut:
    """How well frames are explained that were not in the fit, all of them in turn.

    Attributes:
        expression: shares of the variance of the numbers of the lips, the eyes and the brows.
        reads: (11,) share of each control's variance.
        reads_correlation: (11,) of each control.
    """

    expression: tuple[float, float, float]
    reads: Tensor
    reads_correlation: Tensor


def clips_left_out(pairs: Sequence[Pair]) -> HeldOut:
    """Leave each clip, and so each person, out in turn; nothing is known of them but their mean."""
    rounds = [([pair for pair in pairs if pair is not out], *out.centred()) for out in pairs]
    return _judged(rounds)


def quarters_left_out(pairs: Sequence[Pair], clip: Pair) -> HeldOut:
    """Leave each quarter of one clip's time out in turn, for what only this clip shows."""
    others = [pair for pair in pairs if pair is not clip]
    quarter = torch.arange(len(clip.valid)) * 4 // len(clip.valid)
    rounds: list[tuple[list[Pair], Tensor, Tensor]] = []
    for k in range(4):
        kept, out = clip.valid & (quarter != k), clip.valid & (quarter == k)
        known = Pair(clip.name, clip.controls, clip.expression, kept)
        rounds.append(
            (
                [*others, known],
                clip.controls[out] - clip.controls[kept].mean(0),
                clip.expression[out] - clip.expression[kept].mean(0),
            )
        )
    return _judged(rounds)


def _judged(rounds: Sequence[tuple[list[Pair], Tensor, Tensor]]) -> HeldOut:
    """Of (pairs to fit to, controls and expression to be explained)."""
    pushed: list[Tensor] = []
    read: list[Tensor] = []
    for others, controls, expression in rounds:
        pushes = fit_pushes(others)
        pushed.append(controls @ pushes)
        read.append(expression @ fit_reads(others, pushes).mT)
    expression = torch.cat([part[2] for part in rounds])
    controls = torch.cat([part[1] for part in rounds])
    off, size = (torch.cat(pushed) - expression).square(), expression.square()
    shares = tuple(
        1 - float(off[:, part].sum() / size[:, part].sum().clamp(min=1e-12))
        for part in (
            _numbers(_LIP_KEYPOINTS),
            _numbers((*_LEFT_EYE, *_RIGHT_EYE)),
            _numbers(_BROWS),
        )
    )
    found = torch.cat(read)
    return HeldOut(
        (shares[0], shares[1], shares[2]),
        explained(found, controls),
        correlation(found - found.mean(0), controls - controls.mean(0)),
    )


def _numbers(keypoints: Sequence[int]) -> list[int]:
    return [3 * keypoint + axis for keypoint in keypoints for axis in range(3)]


def _column(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def table_text(name: str, weights: Tensor, least: float) -> str:
    """A table (11, 63) as it stands in ``implicit_tables``; weights below ``least`` of a control's
    largest are left out."""
    lines = [f"{name}: Table = {{"]
    for control, row in zip(CONTROLS, weights):
        kept = (row.abs() >= least * row.abs().max()) & (row != 0)
        numbers = [(k // 3, k % 3, float(row[k])) for k in kept.nonzero()[:, 0].tolist()]
        parts = [f"({keypoint}, {axis}, {amount:.4g})" for keypoint, axis, amount in numbers]
        if not parts:
            lines.append(f'    "{control}": (),')
            continue
        lines.append(f'    "{control}": (')
        lines += [f"        {', '.join(parts[k : k + 3])}," for k in range(0, len(parts), 3)]
        lines.append("    ),")
    return "\n".join([*lines, "}"])


def _joined(pairs: Sequence[Pair]) -> tuple[Tensor, Tensor]:
    parts = [pair.centred() for pair in pairs]
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", nargs="+", required=True, help="clip=template, two or more")
    parser.add_argument("--least", type=float, default=0.03, help="smallest share that is kept")
    chosen = parser.parse_args(arguments)
    nets = load_face_nets()
    pairs: list[Pair] = []
    heads: list[tuple[DriverRows, ImplicitMotion]] = []
    sides: list[int] = []
    for text in chosen.pairs:
        clip, _, template = text.rpartition("=")
        pair, rows, motion = read_pair(Path(clip), Path(template), nets)
        print(f"# {pair.name}: {len(pair.valid)} frames")
        pairs.append(pair)
        height, width = open_video(Path(clip)).size
        if height == width:
            heads.append((rows, motion))
            sides.append(height)
    pushes = fit_pushes(pairs)
    reads = fit_reads(pairs, pushes)
    usual = _column(USUAL)
    print(table_text("PUSHES", pushes, chosen.least))
    print(table_text("READS", reads, chosen.least))
    _report("each clip left out", clips_left_out(pairs))
    for pair in pairs:
        # only for clips in which the mouth does something
        if float((pair.controls.std(0) / usual[:, 0])[:5].max()) > 1:
            _report(f"each quarter of {pair.name} left out", quarters_left_out(pairs, pair))
    if heads:
        place = head_place(heads, sides)
        print(f"E_PER_SCALE = {place.e_per_scale:.4f}  # +- {100 * place.spread:.0f} %")
        print(f"ORIGIN_E = ({', '.join(f'{value:.3f}' for value in place.origin_e)})")


def _report(what: str, found: HeldOut) -> None:
    lips, eyes, brows = found.expression
    print(f"# {what}: explained of lips {lips:.2f}, eyes {eyes:.2f}, brows {brows:.2f}")
    for name, share, alike in zip(CONTROLS, found.reads, found.reads_correlation):
        print(f"#   {name} read back: {share:.2f} of its variance, correlation {alike:.2f}")


if __name__ == "__main__":
    main()
