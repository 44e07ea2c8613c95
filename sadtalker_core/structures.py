"""Data that travels between stages. All frozen; tensors stay on the device where they were made.

Axis letters: B batch, T frames, K points, C channels, H height, W width, S samples.
Points are (x, y); sizes are (H, W); matrices are named ``to_from``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import torch
from torch import Tensor
from typing_extensions import Self

from .errors import StructureError

SCHEMA_VERSION = 1


class _TensorRecord:
    """``to``, ``to_dict`` and ``from_dict`` for the dataclasses below."""

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Self:
        """A copy with every tensor on ``device``; ``dtype`` applies to floating point tensors."""
        moved: dict[str, Any] = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                wanted = dtype if dtype is not None and value.is_floating_point() else None
                moved[field.name] = value.to(device=device, dtype=wanted)
            elif isinstance(value, _TensorRecord):
                moved[field.name] = value.to(device, dtype)
        return dataclasses.replace(self, **moved)  # type: ignore[type-var]

    def to_dict(self) -> dict[str, Any]:
        """Plain tensors, numbers and text, with the type's name and a version: safe on a wire."""
        values: dict[str, Any] = {"type": type(self).__name__, "version": SCHEMA_VERSION}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, _TensorRecord):
                value = value.to_dict()
            values[field.name] = str(value) if isinstance(value, Fraction) else value
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of ``to_dict``. Raises ``StructureError`` for another type or version."""
        if values.get("type") != cls.__name__ or values.get("version") != SCHEMA_VERSION:
            raise StructureError(
                f"expected a {cls.__name__} of version {SCHEMA_VERSION}, "
                f"got {values.get('type')!r} of version {values.get('version')!r}."
            )
        names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        kept = {name: value for name, value in values.items() if name in names}
        if "fps" in kept:
            kept["fps"] = Fraction(kept["fps"])
        if isinstance(kept.get("audio"), dict):
            kept["audio"] = AudioClip.from_dict(kept["audio"])
        return cls(**kept)


def _check_shape(owner: str, name: str, value: Tensor, axes: tuple[int | None, ...]) -> None:
    """Each of ``axes`` is an exact size, or None for any."""
    fits = value.ndim == len(axes) and all(
        wanted is None or wanted == got for wanted, got in zip(axes, value.shape)
    )
    if not fits:
        wanted_text = ", ".join("*" if axis is None else str(axis) for axis in axes)
        raise StructureError(
            f"{owner}.{name} must have shape ({wanted_text}), got {tuple(value.shape)}."
        )


def _check_fps(owner: str, fps: Fraction) -> None:
    if not isinstance(fps, Fraction) or fps <= 0:
        raise StructureError(f"{owner}.fps must be a positive Fraction, got {fps!r}.")


@dataclass(frozen=True)
class AudioClip(_TensorRecord):
    """Sound in memory. Long recordings are streamed instead (``media.audio_in``).

    Attributes:
        samples: (C, S) float32 in [-1, 1].
        sample_rate: Hz.
    """

    samples: Tensor
    sample_rate: int

    def __post_init__(self) -> None:
        _check_shape("AudioClip", "samples", self.samples, (None, None))
        if self.sample_rate <= 0:
            raise StructureError(f"AudioClip.sample_rate must be positive, got {self.sample_rate}.")

    @property
    def duration_s(self) -> float:
        return self.samples.shape[1] / self.sample_rate


@dataclass(frozen=True)
class SpeechFeatures(_TensorRecord):
    """Features of speech, one row per video frame.

    Attributes:
        values: (T, ...), for ``mel`` (T, 1, 80, 16) in [-4, 4].
        fps: frames per second of the rows.
        kind: which feature extractor made them.
    """

    values: Tensor
    fps: Fraction
    kind: Literal["mel", "log_mel"]

    def __post_init__(self) -> None:
        _check_fps("SpeechFeatures", self.fps)


@dataclass(frozen=True)
class FaceTrack(_TensorRecord):
    """One face through T frames; T = 1 is a still portrait.

    Attributes:
        crops: (T, 3, H, W) RGB in [0, 1].
        landmarks_px: (T, K, 2) xy in crop pixels.
        image_from_crop: (T, 3, 3) homogeneous, crop pixels to frame pixels.
        valid: (T,) bool, False where the face was lost and the last one is held.
        frame_size: (H, W) of the frames the crops come from.
    """

    crops: Tensor
    landmarks_px: Tensor
    image_from_crop: Tensor
    valid: Tensor
    frame_size: tuple[int, int]

    def __post_init__(self) -> None:
        length = self.crops.shape[0]
        _check_shape("FaceTrack", "crops", self.crops, (length, 3, None, None))
        _check_shape("FaceTrack", "landmarks_px", self.landmarks_px, (length, None, 2))
        _check_shape("FaceTrack", "image_from_crop", self.image_from_crop, (length, 3, 3))
        _check_shape("FaceTrack", "valid", self.valid, (length,))

    def __len__(self) -> int:
        return self.crops.shape[0]


@dataclass(frozen=True)
class LiteMotion(_TensorRecord):
    """Motion of the built-in engine, relative to the source picture. E is the outer-eye distance.

    Left and right are the viewer's: column 0 is the eye at smaller x in an upright picture.

    Attributes:
        open: (T,) gap between the inner lips, in E; 0 is closed, speech stays below 0.16.
        width: (T,) change of the mouth-corner distance from rest, in E, about -0.12 to 0.12.
        pucker: (T,) rounding and protrusion of the lips, 0 to 1.
        corners: (T,) raise of the mouth corners from rest, in E; positive smiles.
        jaw: (T,) drop of the chin from rest, in E, 0 to about 0.2.
        press: (T,) lips pressed together as in m, b, p, 0 to 1.
        lids: (T, 2) closing of each eye: 0 as in the source, 1 closed, down to -0.3 wider.
        gaze: (T, 2) shift of both irises (x right, y down), in E.
        brows: (T, 2) raise of each brow, in E.
        rotation_rad: (T, 3) pitch (positive looks down), yaw (positive turns to the viewer's
            right), roll (positive leans to the viewer's right), applied to the source's own pose.
        translation: (T, 3) x right, y down, z toward the viewer, in E.
        fps: frames per second.
    """

    open: Tensor
    width: Tensor
    pucker: Tensor
    corners: Tensor
    jaw: Tensor
    press: Tensor
    lids: Tensor
    gaze: Tensor
    brows: Tensor
    rotation_rad: Tensor
    translation: Tensor
    fps: Fraction

    def __post_init__(self) -> None:
        _check_fps("LiteMotion", self.fps)
        length = self.open.shape[0]
        for name in ("open", "width", "pucker", "corners", "jaw", "press"):
            _check_shape("LiteMotion", name, getattr(self, name), (length,))
        for name in ("lids", "gaze", "brows"):
            _check_shape("LiteMotion", name, getattr(self, name), (length, 2))
        for name in ("rotation_rad", "translation"):
            _check_shape("LiteMotion", name, getattr(self, name), (length, 3))

    def __len__(self) -> int:
        return self.open.shape[0]

    def __getitem__(self, frames: slice) -> LiteMotion:
        """The motion of a range of frames."""
        parts = {
            field.name: getattr(self, field.name)[frames]
            for field in dataclasses.fields(self)
            if field.name != "fps"
        }
        return LiteMotion(**parts, fps=self.fps)

    @classmethod
    def rest(cls, length: int, fps: Fraction) -> LiteMotion:
        """The source as it is, for ``length`` frames."""
        zeros = {
            field.name: torch.zeros((length, *_LITE_COLUMNS.get(field.name, ())))
            for field in dataclasses.fields(cls)
            if field.name != "fps"
        }
        return cls(**zeros, fps=fps)


_LITE_COLUMNS: dict[str, tuple[int, ...]] = {
    "lids": (2,),
    "gaze": (2,),
    "brows": (2,),
    "rotation_rad": (3,),
    "translation": (3,),
}


@dataclass(frozen=True)
class Coeff3DMM(_TensorRecord):
    """Motion as coefficients of a 3D morphable face model, what SadTalker's networks speak.

    Attributes:
        expression: (T, 64) expression coefficients.
        rotation_rad: (T, 3) pitch, yaw, roll in the model's own convention.
        translation: (T, 3) in model units.
        crop: (T, 3) scale, x, y of the face in its crop, or None: the full modes need it.
        identity: (1, 80) shape of the face, or None.
        fps: frames per second.
    """

    expression: Tensor
    rotation_rad: Tensor
    translation: Tensor
    fps: Fraction
    crop: Tensor | None = None
    identity: Tensor | None = None

    def __post_init__(self) -> None:
        _check_fps("Coeff3DMM", self.fps)
        length = self.expression.shape[0]
        _check_shape("Coeff3DMM", "expression", self.expression, (length, 64))
        _check_shape("Coeff3DMM", "rotation_rad", self.rotation_rad, (length, 3))
        _check_shape("Coeff3DMM", "translation", self.translation, (length, 3))
        if self.crop is not None:
            _check_shape("Coeff3DMM", "crop", self.crop, (length, 3))
        if self.identity is not None:
            _check_shape("Coeff3DMM", "identity", self.identity, (1, 80))

    def __len__(self) -> int:
        return self.expression.shape[0]

    def __getitem__(self, frames: slice) -> Coeff3DMM:
        """The motion of a range of frames."""
        return dataclasses.replace(
            self,
            expression=self.expression[frames],
            rotation_rad=self.rotation_rad[frames],
            translation=self.translation[frames],
            crop=None if self.crop is None else self.crop[frames],
        )

    def rows(self) -> Tensor:
        """(T, 70), or (T, 73) with the crop numbers: the order that the networks read."""
        parts = [self.expression, self.rotation_rad, self.translation]
        return torch.cat(parts if self.crop is None else [*parts, self.crop], 1)

    @classmethod
    def from_rows(cls, rows: Tensor, fps: Fraction, identity: Tensor | None = None) -> Coeff3DMM:
        """The inverse of ``rows``: (T, 70) or (T, 73)."""
        if rows.ndim != 2 or rows.shape[1] not in (70, 73):
            raise StructureError(
                f"Coeff3DMM.from_rows needs (T, 70) or (T, 73) numbers, got {tuple(rows.shape)}."
            )
        crop = rows[:, 70:73] if rows.shape[1] == 73 else None
        return cls(rows[:, :64], rows[:, 64:67], rows[:, 67:70], fps, crop, identity)


@dataclass(frozen=True)
class KeypointTrack(_TensorRecord):
    """Where a renderer moves its keypoints from and to.

    Attributes:
        source: (1 or T, K, 3) keypoints of the portrait, xyz in the crop's [-1, 1].
        driving: (T, K, 3) keypoints of each frame.
        fps: frames per second.
    """

    source: Tensor
    driving: Tensor
    fps: Fraction

    def __post_init__(self) -> None:
        _check_fps("KeypointTrack", self.fps)
        length, count = self.driving.shape[0], self.driving.shape[1]
        _check_shape("KeypointTrack", "driving", self.driving, (length, count, 3))
        rows = 1 if self.source.shape[0] == 1 else length
        _check_shape("KeypointTrack", "source", self.source, (rows, count, 3))

    def __len__(self) -> int:
        return self.driving.shape[0]


@dataclass(frozen=True)
class VideoClip(_TensorRecord):
    """Video in memory: for short clips and tests.

    Attributes:
        frames: (T, 3, H, W) RGB, float in [0, 1] or uint8 in [0, 255].
        fps: frames per second.
        audio: its sound, if any.
    """

    frames: Tensor
    fps: Fraction
    audio: AudioClip | None = None

    def __post_init__(self) -> None:
        _check_shape("VideoClip", "frames", self.frames, (None, 3, None, None))
        _check_fps("VideoClip", self.fps)


@dataclass(frozen=True)
class FrameStream:
    """Frames that are made while they are read, so that memory does not grow with length.

    Attributes:
        chunks: iterator of (N, 3, H, W) RGB tensors, float in [0, 1] or uint8 in [0, 255].
            It can be read once.
        length: number of frames T.
        size: (H, W).
        fps: frames per second.
    """

    chunks: Iterator[Tensor]
    length: int
    size: tuple[int, int]
    fps: Fraction

    def __post_init__(self) -> None:
        _check_fps("FrameStream", self.fps)

    def __iter__(self) -> Iterator[Tensor]:
        return self.chunks

    def collect(self, audio: AudioClip | None = None) -> VideoClip:
        """All frames at once."""
        return VideoClip(torch.cat(list(self.chunks)), self.fps, audio)


def frames_for(duration_s: Fraction, fps: Fraction) -> int:
    """Frames that cover a sound to its end: the last frame begins before the sound ends.

    Video and sound then end within one frame of each other, and no syllable is cut.
    """
    return max(1, math.ceil(duration_s * fps))
