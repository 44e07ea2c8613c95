"""Fit the map between 3DMM expression and the built-in controls, from videos of talking people:

    python -m sadtalker_core.training.fit_expression_map --clips videos \\
        --weights SadTalker_V0.0.2_256.safetensors --out expression_map.safetensors

Any videos with one clear face will do, the more people the better: a minute each of ten people is
plenty, on two CPU cores about a quarter of real time. In each frame our own tracker measures the
face and the reconstruction network (part of SadTalker's published weights, which this project does
not contain) reads its coefficients; both are taken as differences from the same clip's face at
rest. A ridge regression fits each way. How much of each number the map explains on people that
it was not fitted to is printed and stored in the file. Give it the folder with the file, and
motion passes between the engines with its expression.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import torch
from torch import Tensor

from ..errors import MediaError, NoFaceError, StructureError
from ..faces.landmarks98 import mesh_to_68
from ..faces.measures import face_measures
from ..faces.nets.recon3d import Recon3D
from ..faces.networks import FaceNets, load_face_nets
from ..faces.options import FaceOptions
from ..faces.recon3d import align_224, reconstruct, split_coefficients
from ..faces.track import FaceTracker
from ..media.video_in import open_video
from ..systems.lite.driver import resting_frames
from ..systems.sadtalker.architectures import ARCHITECTURES, FACE_3DRECON
from ..transfer.expression_map import COEFF_NAMES, LITE_NAMES, ExpressionMap, save_expression_map
from ..weights.architecture import detect_one, load
from ..weights.reader import read_shapes, read_weights
from .fit_mouth import ridge

_log = logging.getLogger(__name__)
_BATCH = 16
_FEWEST_FRAMES = 12
_PUCKER_FULL_E = 0.10  # protrusion of the lips that counts as a pucker of 1


@dataclass(frozen=True)
class FaceRows:
    """One clip, both sides relative to its own rest.

    Attributes:
        name: of the clip; clips of one person begin alike up to the first underscore.
        expression: (F, 64) 3DMM coefficients.
        controls: (F, 9) ``LITE_NAMES``.
    """

    name: str
    expression: Tensor
    controls: Tensor

    @property
    def person(self) -> str:
        return self.name.split("_")[0]


def read_clip(
    name: str, frames: Iterable[Tensor], recon: Recon3D, nets: FaceNets, every: int = 1
) -> FaceRows:
    """Measure one clip.

    Args:
        name: of the clip.
        frames: chunks (N, 3, H, W) uint8.
        recon: the reconstruction network.
        nets: our own tracker's networks.
        every: use every so many frames.

    Raises:
        NoFaceError: the face is seen in fewer than 12 of them.
    """
    tracker = FaceTracker(nets, FaceOptions(landmark_smoothing=0.0))
    meshes: list[Tensor] = []
    rows: list[Tensor] = []
    waiting: list[Tensor] = []
    number = -1
    for chunk in frames:
        for rgb in chunk:
            number += 1
            if number % every:
                continue
            tracked = tracker.update(rgb)
            if tracked is None or not tracked.valid:
                continue
            mesh = tracked.face.mesh_px
            waiting.append(align_224(rgb, mesh_to_68(mesh)).image)
            meshes.append(mesh)
            if len(waiting) == _BATCH:
                rows.append(_expressions(recon, waiting))
                waiting = []
    if waiting:
        rows.append(_expressions(recon, waiting))
    if len(meshes) < _FEWEST_FRAMES:
        raise NoFaceError(
            f"{name} shows a face in {len(meshes)} of {number + 1} frames, "
            f"at least {_FEWEST_FRAMES} are needed."
        )
    measures = face_measures(torch.stack(meshes))
    expression = torch.cat(rows)
    rest = resting_frames(measures)
    return FaceRows(
        name, expression - expression[rest].mean(0), controls_from_measures(measures, rest)
    )


def _expressions(recon: Recon3D, images: Sequence[Tensor]) -> Tensor:
    with torch.inference_mode():
        found = split_coefficients(reconstruct(recon, torch.cat(list(images)))).expression
    return found.cpu().clone()


def controls_from_measures(measures: Tensor, rest: Tensor) -> Tensor:
    """(T, 9) built-in controls from raw measures and (T,) bool, which frames are at rest."""
    calm = measures[rest].mean(0)
    change = measures - calm
    controls = change.clone()
    controls[:, 3] = change[:, 3] / _PUCKER_FULL_E
    controls[:, 5:7] = 1 - measures[:, 5:7] / calm[5:7].clamp(min=1e-3)
    return controls


def fit_map(clips: Sequence[FaceRows], strength: float = 30.0, hold_out: int = 5) -> ExpressionMap:
    """The map fitted to all clips, with its error on people left out in turn.

    Args:
        clips: at least one; a single person is tested on the last part of each clip instead.
        strength: of the regularisation, in frames.
        hold_out: rounds; in each a part of the people is left out.

    Raises:
        StructureError: there is no clip.
    """
    if not clips:
        raise StructureError("no clip with a face is left to fit the expression map to.")
    people = sorted({clip.person for clip in clips})
    predicted: list[Tensor] = []
    truth: list[Tensor] = []
    if len(people) > 1:
        rounds = min(hold_out, len(people))
        for part in range(rounds):
            out = set(people[part::rounds])
            held = [clip for clip in clips if clip.person in out]
            weight, _ = _fitted([clip for clip in clips if clip.person not in out], strength)
            predicted += [clip.expression @ weight for clip in held]
            truth += [clip.controls for clip in held]
    else:
        cuts = [int(0.75 * len(clip.controls)) for clip in clips]
        firsts = [
            FaceRows(clip.name, clip.expression[:cut], clip.controls[:cut])
            for clip, cut in zip(clips, cuts)
        ]
        weight, _ = _fitted(firsts, strength)
        predicted = [clip.expression[cut:] @ weight for clip, cut in zip(clips, cuts)]
        truth = [clip.controls[cut:] for clip, cut in zip(clips, cuts)]
    explained = explained_variance(torch.cat(predicted), torch.cat(truth))
    weight, back = _fitted(clips, strength)
    return ExpressionMap("coeff3dmm", "lite", COEFF_NAMES, LITE_NAMES, weight, back, explained)


def explained_variance(predicted: Tensor, truth: Tensor) -> Tensor:
    """(B,) 1 minus squared error over squared size of (F, B): 0 is as good as rest."""
    error, size = (predicted - truth).square().sum(0), truth.square().sum(0)
    return 1 - error / size.clamp(min=1e-9)


def _fitted(clips: Sequence[FaceRows], strength: float) -> tuple[Tensor, Tensor]:
    """Weight (64, 9) and back (9, 64). Both sides are 0 at rest, so no constant is needed."""
    expression = torch.cat([clip.expression for clip in clips])
    controls = torch.cat([clip.controls for clip in clips])
    # rest is a fact, not a sample: mirrored rows keep the regression's mean, so its bias, at 0
    both = torch.cat((expression, -expression)), torch.cat((controls, -controls))
    weight, _ = ridge(*both, strength)
    back, _ = ridge(both[1], both[0], strength)
    return weight, back


def read_recon(path: Path, device: torch.device | str = "cpu") -> Recon3D:
    """The reconstruction network from a file of published weights, found by its tensors.

    Raises ``WeightsError`` when it is not in there.
    """
    found = detect_one(read_shapes(path), FACE_3DRECON, ARCHITECTURES, str(path))
    weights = read_weights(path, found.prefix)
    return load(FACE_3DRECON, weights, torch.device(device)).module.eval()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True, help="file with face_3drecon")
    parser.add_argument("--clips", type=Path, required=True, help="folder of videos")
    parser.add_argument("--patterns", nargs="+", default=["*"], help="clips to take")
    parser.add_argument("--every", type=int, default=2, help="use every so many frames")
    parser.add_argument("--strength", type=float, default=30.0, help="of the regularisation")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, required=True, help="map to write")
    chosen = parser.parse_args(arguments)
    recon, nets = read_recon(chosen.weights, chosen.device), load_face_nets()
    clips: list[FaceRows] = []
    for path in sorted(chosen.clips.iterdir()):
        if not path.is_file() or not any(fnmatch(path.name, p) for p in chosen.patterns):
            continue
        try:
            clip = read_clip(path.stem, open_video(path).frames(8), recon, nets, chosen.every)
        except (MediaError, NoFaceError) as error:
            _log.warning("left out %s: %s", path.name, error)
            continue
        print(f"{clip.name}: {len(clip.controls)} frames")
        clips.append(clip)
    found = fit_map(clips, chosen.strength)
    save_expression_map(found, chosen.out)
    print(f"{sum(len(clip.controls) for clip in clips)} frames of {len(clips)} clips")
    print("explained on people left out: " + ", ".join(_parts(found)))


def _parts(found: ExpressionMap) -> list[str]:
    return [f"{name} {value:.2f}" for name, value in zip(found.target_names, found.held_out)]


if __name__ == "__main__":
    main()
