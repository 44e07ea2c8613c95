"""What a job made, and how."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..weights.catalog import WeightFile


@dataclass(frozen=True)
class AnimateResult:
    """What was made, and how.

    Attributes:
        path: the video file (a folder for a PNG sequence).
        frames: their number.
        fps: frames per second.
        duration_s: of the video.
        size: (H, W) of the video.
        engine: id of the engine that ran.
        device: where it ran.
        seed: all chance followed from it; None where there was none.
        faces_found: faces in the portrait.
        face_box_px: x0, y0, x1, y1 of the one that speaks.
        seconds: wall time by stage.
        first_frame_s: wall time from start to the first finished frame.
        weights: the weight files used, with their licences.
        warnings: sentences that the user should see.
        preview: contact sheet, if one was asked for.
        frames_without_face: of a video with new lips, those that were left as they are; None where
            the job has nothing to do with that.
        ranges_without_face_s: when they are, from and to.
    """

    path: Path
    frames: int
    fps: Fraction
    duration_s: float
    size: tuple[int, int]
    engine: str
    device: str
    seed: int | None
    faces_found: int
    face_box_px: tuple[float, ...]
    seconds: dict[str, float]
    first_frame_s: float
    weights: tuple[WeightFile, ...]
    warnings: tuple[str, ...]
    preview: Path | None = None
    frames_without_face: int | None = None
    ranges_without_face_s: tuple[tuple[float, float], ...] = ()

    @property
    def total_s(self) -> float:
        """Wall time of the whole job."""
        return sum(self.seconds.values())

    @property
    def realtime_factor(self) -> float:
        """Wall time over the video's duration: below 1 is faster than real time."""
        return self.total_s / self.duration_s

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values: dict[str, Any] = {
            "out": str(self.path),
            "preview": None if self.preview is None else str(self.preview),
            "frames": self.frames,
            "fps": str(self.fps),
            "duration_s": round(self.duration_s, 4),
            "width": self.size[1],
            "height": self.size[0],
            "engine": self.engine,
            "device": self.device,
            "seed": self.seed,
            "faces_found": self.faces_found,
            "face_box_px": [round(value, 1) for value in self.face_box_px],
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "total_s": round(self.total_s, 3),
            "first_frame_s": round(self.first_frame_s, 3),
            "realtime_factor": round(self.realtime_factor, 3),
            "weights": [{"name": w.name, "licence": w.licence} for w in self.weights],
            "warnings": list(self.warnings),
        }
        if self.frames_without_face is not None:
            values["frames_without_face"] = self.frames_without_face
            values["ranges_without_face_s"] = [
                [round(first, 3), round(last, 3)] for first, last in self.ranges_without_face_s
            ]
        return values
