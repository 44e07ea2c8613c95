"""Data that travels between stages. All frozen; tensors stay on the device where they were made.

Axis letters: B batch, T frames, K points, C channels, H height, W width, S samples.
Points are (x, y); sizes are (H, W); matrices are named ``to_from``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal

import torch
from torch import Tensor

from .errors import StructureError
from .records import TensorRecord, check_fps, check_shape


@dataclass(frozen=True)
class AudioClip(TensorRecord):
    """Sound in memory. Long recordings are streamed instead (``media.audio_in``).

    Attributes:
        samples: (C, S) float32 in [-1, 1].
        sample_rate: Hz.
    """

    samples: Tensor
    sample_rate: int

    def __post_init__(self) -> None:
        check_shape("AudioClip", "samples", self.samples, (None, None))
        if self.sample_rate <= 0:
            raise StructureError(f"AudioClip.sample_rate must be positive, got {self.sample_rate}.")

    @property
    def duration_s(self) -> float:
        return self.samples.shape[1] / self.sample_rate


@dataclass(frozen=True)
class SpeechFeatures(TensorRecord):
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
        check_fps("SpeechFeatures", self.fps)


@dataclass(frozen=True)
class FaceTrack(TensorRecord):
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
        check_shape("FaceTrack", "crops", self.crops, (length, 3, None, None))
        check_shape("FaceTrack", "landmarks_px", self.landmarks_px, (length, None, 2))
        check_shape("FaceTrack", "image_from_crop", self.image_from_crop, (length, 3, 3))
        check_shape("FaceTrack", "valid", self.valid, (length,))

    def __len__(self) -> int:
        return self.crops.shape[0]


@dataclass(frozen=True)
class LiteMotion(TensorRecord):
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
        check_fps("LiteMotion", self.fps)
        length = self.open.shape[0]
        for name in ("open", "width", "pucker", "corners", "jaw", "press"):
            check_shape("LiteMotion", name, getattr(self, name), (length,))
        for name in ("lids", "gaze", "brows"):
            check_shape("LiteMotion", name, getattr(self, name), (length, 2))
        for name in ("rotation_rad", "translation"):
            check_shape("LiteMotion", name, getattr(self, name), (length, 3))

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
class Coeff3DMM(TensorRecord):
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
        check_fps("Coeff3DMM", self.fps)
        length = self.expression.shape[0]
        check_shape("Coeff3DMM", "expression", self.expression, (length, 64))
        check_shape("Coeff3DMM", "rotation_rad", self.rotation_rad, (length, 3))
        check_shape("Coeff3DMM", "translation", self.translation, (length, 3))
        if self.crop is not None:
            check_shape("Coeff3DMM", "crop", self.crop, (length, 3))
        if self.identity is not None:
            check_shape("Coeff3DMM", "identity", self.identity, (1, 80))

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
class ImplicitMotion(TensorRecord):
    """Motion as implicit 3D keypoints, what LivePortrait's networks speak.

    A frame's keypoints are ``scale * (canonical @ rotation + expression) + translation``, with the
    canonical ones of whichever face is moved.

    Attributes:
        expression: (T, K, 3) offsets of the keypoints, xyz.
        rotation: (T, 3, 3) for keypoints as rows (``kp @ rotation``).
        translation: (T, 3).
        scale: (T, 1).
        fps: frames per second.
        canonical: (T, K, 3) keypoints of the face that was filmed, or None.
        keypoints: (T, K, 3) where that face's keypoints were, or None.
        eye_ratios: (T, 2) opening of the left and right eye over its width, or None.
        lip_ratio: (T, 1) opening of the lips over their width, or None.
        is_relative: whether it is the change against the face at rest, as a motion made from
            sound is. Otherwise it is what was seen, and its first frame counts as rest.
    """

    expression: Tensor
    rotation: Tensor
    translation: Tensor
    scale: Tensor
    fps: Fraction
    canonical: Tensor | None = None
    keypoints: Tensor | None = None
    eye_ratios: Tensor | None = None
    lip_ratio: Tensor | None = None
    is_relative: bool = False

    def __post_init__(self) -> None:
        check_fps("ImplicitMotion", self.fps)
        check_shape("ImplicitMotion", "expression", self.expression, (None, None, 3))
        length, count = self.expression.shape[0], self.expression.shape[1]
        axes: dict[str, tuple[int | None, ...]] = {
            "rotation": (length, 3, 3),
            "translation": (length, 3),
            "scale": (length, 1),
            "canonical": (length, count, 3),
            "keypoints": (length, count, 3),
            "eye_ratios": (length, 2),
            "lip_ratio": (length, 1),
        }
        for name, shape in axes.items():
            value = getattr(self, name)
            if value is not None:
                check_shape("ImplicitMotion", name, value, shape)

    def __len__(self) -> int:
        return self.expression.shape[0]

    def __getitem__(self, frames: slice) -> ImplicitMotion:
        """The motion of a range of frames."""
        parts = {
            field.name: value[frames]
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return dataclasses.replace(self, **parts)


@dataclass(frozen=True)
class KeypointTrack(TensorRecord):
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
        check_fps("KeypointTrack", self.fps)
        length, count = self.driving.shape[0], self.driving.shape[1]
        check_shape("KeypointTrack", "driving", self.driving, (length, count, 3))
        rows = 1 if self.source.shape[0] == 1 else length
        check_shape("KeypointTrack", "source", self.source, (rows, count, 3))

    def __len__(self) -> int:
        return self.driving.shape[0]


@dataclass(frozen=True)
class VideoClip(TensorRecord):
    """Video in memory: for short clips and tests.

    Attributes:
        frames: (T, 3, H, W) RGB, float in [0, 1] or uint8 in [0, 255].
        fps: frames per second.
        audio: its sound, if any.
    """

    frames: Tensor
    fps: Fraction
    audio: AudioClip | None = None

    inner_records: ClassVar[dict[str, type[TensorRecord]]] = {"audio": AudioClip}

    def __post_init__(self) -> None:
        check_shape("VideoClip", "frames", self.frames, (None, 3, None, None))
        check_fps("VideoClip", self.fps)


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
        check_fps("FrameStream", self.fps)

    def __iter__(self) -> Iterator[Tensor]:
        return self.chunks

    def collect(self, audio: AudioClip | None = None) -> VideoClip:
        """All frames at once."""
        return VideoClip(torch.cat(list(self.chunks)), self.fps, audio)


def in_chunks(frames: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Frames (3, H, W) as stacks of ``size``, (N, 3, H, W); the last one may have fewer."""
    waiting: list[Tensor] = []
    for frame in frames:
        waiting.append(frame)
        if len(waiting) == size:
            yield torch.stack(waiting)
            waiting = []
    if waiting:
        yield torch.stack(waiting)


def frames_for(duration_s: Fraction, fps: Fraction) -> int:
    """Frames that cover a sound to its end: the last frame begins before the sound ends.

    Video and sound then end within one frame of each other, and no syllable is cut.
    """
    return max(1, math.ceil(duration_s * fps))
