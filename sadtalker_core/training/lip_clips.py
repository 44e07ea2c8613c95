"""Clips of real people as training examples: sound beside tracked lips."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import interpolate, pad

from ..errors import MediaError, NoFaceError
from ..faces.measures import lip_measures
from ..faces.networks import FaceNets, load_face_nets
from ..faces.options import FaceOptions
from ..faces.track import track_face
from ..media.audio_in import open_audio
from ..media.video_in import open_video
from .speech_corpus import log_mel_of

_log = logging.getLogger(__name__)
ROWS_HZ = 50
_SHORTEST_S = 0.8
_CACHE_VERSION = 1


@dataclass(frozen=True)
class LipClip:
    """One clip.

    Attributes:
        name: of its file, without ending.
        source: where it comes from; all clips of a source are trained on or tested on together.
        log_mel: (2R, bands) natural log-mel at 100 rows a second.
        measures: (F, 5) ``measures.LIP_MEASURES`` of each frame, as tracked.
        fps: frames per second.
        lag_rows: rows of 20 ms by which lips follow the sound too late (negative: too early).
    """

    name: str
    source: str
    log_mel: Tensor
    measures: Tensor
    fps: float
    lag_rows: int = 0

    def targets(self) -> Tensor:
        """(R, 5) what to predict at 50 rows a second: lightly smoothed, free of slow drift.

        Each measure is in units of its own spread around its own local rest. Drift over seconds
        is smiles and head pose, which nothing in the sound tells of.
        """
        padded = pad(self.measures.T[None], (1, 1), mode="replicate")[0]
        calm = 0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]
        rows = len(self.log_mel) // 2
        moments = (torch.arange(rows) + 0.5 + self.lag_rows) / ROWS_HZ
        values = at_places(calm.T, moments * self.fps - 0.5)
        values = values - 0.7 * _drift(values, 1.5)
        return (values - values.median(0).values) / values.std(0).clamp(min=1e-6)

    def at_frames(self, rows: Tensor) -> Tensor:
        """(F, C) of (R, C) predictions, at this clip's frames."""
        moments = (torch.arange(len(self.measures)) + 0.5) / self.fps
        return at_places(rows, moments * ROWS_HZ - 0.5)


def at_places(rows: Tensor, places: Tensor) -> Tensor:
    """(T, C) rows (N, C) interpolated at (T,) places counted in rows; the ends are held."""
    places = places.clamp(0, len(rows) - 1)
    left = places.long().clamp(max=max(0, len(rows) - 2))
    share = (places - left)[:, None]
    return rows[left] * (1 - share) + rows[(left + 1).clamp(max=len(rows) - 1)] * share


def read_clips(
    folder: Path,
    patterns: Sequence[str] = ("*",),
    cache: Path | None = None,
) -> list[LipClip]:
    """All clips of a folder with sound and a face; others are left out and reported.

    Args:
        folder: holds video files.
        patterns: file names to take, such as ``grid_*``.
        cache: folder for tracked lips, so that the next call is quick.
    """
    nets: FaceNets | None = None
    clips: list[LipClip] = []
    for path in sorted(folder.iterdir()):
        if not path.is_file() or not any(fnmatch(path.name, pattern) for pattern in patterns):
            continue
        stored = None if cache is None else cache / f"{_fingerprint(path)}.safetensors"
        if stored is not None and stored.exists():
            tensors = load_file(str(stored))
            clips.append(_clip(path, tensors))
            continue
        nets = nets or load_face_nets()
        try:
            tensors = track_clip(path, nets)
        except (MediaError, NoFaceError, ValueError) as error:
            _log.warning("left out %s: %s", path.name, error)
            continue
        if stored is not None:
            stored.parent.mkdir(parents=True, exist_ok=True)
            save_file(tensors, str(stored))
        clips.append(_clip(path, tensors))
    return clips


def track_clip(path: Path, nets: FaceNets) -> dict[str, Tensor]:
    """Sound and lips of one clip, as ``LipClip`` needs them.

    Raises:
        ValueError: it is shorter than 0.8 s or its face is often lost.
    """
    video = open_video(path)
    samples = torch.cat(list(open_audio(path).stream()))
    meshes: list[Tensor] = []
    lost = 0
    # Smoothing over time would delay the lips against the sound.
    options = FaceOptions(landmark_smoothing=0.0)
    for tracked in track_face(nets, _frames(video.frames(8)), options):
        meshes.append(tracked.face.mesh_px)
        lost += not tracked.valid
    if len(meshes) / video.fps < _SHORTEST_S:
        raise ValueError(f"{float(len(meshes) / video.fps):.2f} s is too short.")
    if lost > 0.1 * len(meshes):
        raise ValueError(f"the face was lost in {lost} of {len(meshes)} frames.")
    log_mel = log_mel_of(samples)
    rows = min(len(log_mel) // 2, int(len(meshes) / video.fps * ROWS_HZ))
    return {
        "log_mel": log_mel[: 2 * rows].contiguous(),
        "measures": lip_measures(torch.stack(meshes)),
        "fps": torch.tensor(float(video.fps), dtype=torch.float64),
    }


def _frames(chunks: Iterator[Tensor]) -> Iterator[Tensor]:
    yield from chunks


def _clip(path: Path, tensors: dict[str, Tensor]) -> LipClip:
    return LipClip(
        name=path.stem,
        source=path.stem.split("_")[0],
        log_mel=tensors["log_mel"],
        measures=tensors["measures"],
        fps=float(tensors["fps"]),
    )


def _fingerprint(path: Path) -> str:
    stat = path.stat()
    text = f"{_CACHE_VERSION} {path.name} {stat.st_size}"
    return f"{path.stem}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _drift(values: Tensor, seconds: float) -> Tensor:
    """(R, C) local mean of (R, C) values."""
    reach = int(seconds * ROWS_HZ)
    kernel = torch.hann_window(2 * reach + 3)[1:-1]
    kernel = (kernel / kernel.sum())[None, None]
    padded = torch.cat([values[:1].expand(reach, -1), values, values[-1:].expand(reach, -1)])
    return torch.nn.functional.conv1d(padded.T[:, None], kernel)[:, 0].T


def with_lag(clip: LipClip, rows: int) -> LipClip:
    """The clip with another estimate of how far its lips are out of step."""
    return replace(clip, lag_rows=rows)


def stretched(log_mel: Tensor, targets: Tensor, factor: float) -> tuple[Tensor, Tensor]:
    """A clip played slower (factor above 1) or faster, without change of pitch."""
    rows = round(len(targets) * factor)
    slower = interpolate(log_mel.T[None], size=2 * rows, mode="linear", align_corners=False)
    lips = interpolate(targets.T[None], size=rows, mode="linear", align_corners=False)
    return slower[0].T, lips[0].T
