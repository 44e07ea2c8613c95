"""What stays the same while a portrait is driven, and which of the original's steps apply."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import OptionError, StructureError
from .config import KEYPOINTS, LivePortraitMotionOptions
from .points import SourcePoints
from .retarget import FaceRatios, RetargetNets


@dataclass(frozen=True)
class DriveSetup:
    """What stays the same for all frames.

    Attributes:
        source: one row of a picture, or T of a video.
        options: what is taken over.
        nets: networks that correct keypoints.
        ratios: of the source, as many as ``source``; only lip normalisation and retargeting of
            eyes and lips ask for them.
        stitching: fit the face to the shoulders.
        animal: the networks are those of animals; a source is a picture then.
        source_is_video: ``source`` is a video, be it of one frame.
        driving_is_picture: the driver is a single picture.
    """

    source: SourcePoints
    options: LivePortraitMotionOptions
    nets: RetargetNets
    ratios: FaceRatios | None = None
    stitching: bool = True
    animal: bool = False
    source_is_video: bool = False
    driving_is_picture: bool = False

    def __post_init__(self) -> None:
        if self.animal and self.source_is_video:
            raise OptionError("an animal is driven from a picture, not from a source video.")
        if len(self.source) == 0 or (not self.source_is_video and len(self.source) != 1):
            raise StructureError(
                f"the source has {len(self.source)} frames, a picture has one; for a video say so."
            )
        if self.source.kp.shape[1] != KEYPOINTS:
            raise StructureError(
                f"the source has {self.source.kp.shape[1]} keypoints, the networks {KEYPOINTS}."
            )
        if self.ratios is not None and len(self.ratios) != len(self.source):
            raise StructureError(
                f"{len(self.ratios)} ratios do not fit a source of {len(self.source)} frames."
            )
        if self.ratios is None and self._needs_ratios:
            raise OptionError(
                "normalize_lip and the retargeting of eyes and lips need how far the portrait's "
                "own are open, and its landmarks are unknown."
            )

    @property
    def retargets(self) -> bool:
        """Whether eyes or lips follow the driver's opening."""
        options = self.options
        return not self.animal and (options.eye_retargeting or options.lip_retargeting)

    @property
    def normalizes_lip(self) -> bool:
        """Whether open lips of the portrait are closed first."""
        options = self.options
        return (
            options.normalize_lip
            and options.relative
            and not (self.animal or options.eye_retargeting or options.lip_retargeting)
        )

    @property
    def holds_eyes(self) -> bool:
        """Whether a source video's eyes stay as open as in its first frame."""
        wanted = self.options.source_video_eye_retargeting and self.source_is_video
        return wanted and not self.retargets

    @property
    def fits_size(self) -> bool:
        """Whether motion is fitted to the size of the portrait's face."""
        if self.options.driving_option != "expression-friendly":
            return False
        if self.source_is_video or self.driving_is_picture:
            return False
        return self.animal or self.options.relative

    @property
    def _needs_ratios(self) -> bool:
        return self.retargets or self.normalizes_lip or self.holds_eyes
