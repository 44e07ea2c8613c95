"""Options of LivePortrait, one dataclass per stage. Meanings and defaults are the original's where
it has them; gains are ours."""

from __future__ import annotations

from dataclasses import dataclass

from ...options import check_options, option

KEYPOINTS = 21  # of the published networks
REGIONS = ("all", "exp", "pose", "lip", "eyes")
SPECIES = ("human", "animal")
DRIVING_OPTIONS = ("expression-friendly", "pose-friendly")


@dataclass(frozen=True)
class LivePortraitMotionOptions:
    """What of the driver's motion the portrait takes over, and how strongly."""

    relative: bool = option(
        True,
        help="Add the driver's change since its first frame to the portrait's own pose and "
        "expression; off takes the driver's pose and expression themselves.",
    )
    region: str = option(
        "all",
        choices=REGIONS,
        help="What moves: everything, expression alone (exp), head alone (pose), lips or eyes.",
    )
    eyes: float = option(1.0, low=0.0, high=2.0, help="Strength of blinks and gaze: 1 as filmed.")
    brows: float = option(1.0, low=0.0, high=2.0, help="Strength of the brows: 1 as filmed.")
    lips: float = option(
        1.0, low=0.0, high=2.0, help="Strength of the lips' shape and the cheeks: 1 as filmed."
    )
    jaw: float = option(1.0, low=0.0, high=2.0, help="How far the mouth opens: 1 as filmed.")
    pose: float = option(
        1.0,
        low=0.0,
        high=2.0,
        help="Strength of the head's turns and shifts: 1 as filmed, 0 holds the portrait's pose.",
    )
    scale: float = option(
        1.0,
        low=0.0,
        high=2.0,
        help="Strength of the head's change in size, which a picture takes over in relative "
        "motion: 1 as filmed, 0 none.",
    )
    driving_option: str = option(
        "expression-friendly",
        choices=DRIVING_OPTIONS,
        help="Whether motion is fitted to the portrait's size. With people it is either way; an "
        "animal takes the driver's pose as it is with pose-friendly.",
        advanced=True,
    )
    multiplier: float = option(
        1.0, low=0.0, high=2.0, help="Strength of the whole motion: 1 as filmed, 0 none."
    )
    normalize_lip: bool = option(
        False,
        help="Close a portrait's open lips first. With relative motion, and where lips and eyes "
        "are not retargeted.",
    )
    lip_threshold: float = option(
        0.03,
        low=0.0,
        high=1.0,
        help="Opening of the portrait's lips over their width from which normalize_lip closes "
        "them.",
        advanced=True,
    )
    eye_retargeting: bool = option(
        False,
        help="Open the eyes as far as the driver's are. With relative motion the eyes then move "
        "alone: this is the original's way.",
    )
    lip_retargeting: bool = option(
        False,
        help="Open the lips as far as the driver's are. With relative motion the lips then move "
        "alone: this is the original's way.",
    )
    source_video_eye_retargeting: bool = option(
        False, help="In a source video, keep the eyes as open as in its first frame."
    )
    smooth: float = option(
        3e-7,
        low=0.0,
        high=1e-2,
        help="Smoothing of the motion given to a source video: the variance of noise that is "
        "expected in it. 0 is none, 1e-4 is calm.",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class LivePortraitRenderOptions:
    """How the face is cut from the picture, rendered and put back."""

    stitching: bool = option(
        True,
        help="Fit the moved face to the shoulders. Without it nothing is pasted back; off suits "
        "animals and large motion.",
    )
    pasteback: bool = option(
        True, help="Put the face back into the whole picture; off shows the face alone."
    )
    do_crop: bool = option(
        True, help="Cut the face from the picture; off takes the whole picture as the face."
    )
    crop_scale: float = option(
        2.3, low=1.0, high=4.0, help="Side of the cut square over the size of the face."
    )
    crop_x: float = option(
        0.0, low=-1.0, high=1.0, help="Shift of the cut square to the right, in its own sides."
    )
    crop_y: float = option(
        -0.125, low=-1.0, high=1.0, help="Shift of the cut square downward, in its own sides."
    )
    crop_rotate: bool = option(True, help="Turn the cut square so that the face is upright.")
    crop_box: str = option(
        "",
        help="The square to cut as x0,y0,x1,y1 in pixels, in place of one around the face that is "
        "found. An animal's face is not found: without a box the middle of the picture is cut.",
        advanced=True,
    )
    seam: str = option(
        "original",
        choices=("original", "matched"),
        help="How the face is laid over the picture: with the original's soft edge, or also with "
        "outlines and colours matched along it and the picture's own fine detail; this is slower.",
        advanced=True,
    )
    species: str = option(
        "human", choices=SPECIES, help="Whose networks: a person's or an animal's."
    )
    landmarks: str = option(
        "tracker",
        choices=("tracker", "original"),
        help="Who finds the face's points: our own tracker, or the original's network (one more "
        "file).",
        advanced=True,
    )
    precision: str = option(
        "auto",
        choices=("auto", "float32", "bfloat16", "float16"),
        help="Arithmetic of the renderer: auto takes the fastest that stays true on this device.",
        advanced=True,
    )
    compile: bool = option(
        False,
        help="Let torch compile the renderer: a minute at the start, faster after it.",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class LivePortraitDriverOptions:
    """How the face is cut from a driving video or picture."""

    driving_crop: str = option(
        "auto",
        choices=("auto", "always", "never"),
        help="Cut the driver's face: auto where its frames are not square.",
    )
    driving_crop_scale: float = option(
        2.2, low=1.0, high=4.0, help="Side of the driver's cut square over the size of the face."
    )
    driving_crop_x: float = option(
        0.0, low=-1.0, high=1.0, help="Shift of that square to the right, in its own sides."
    )
    driving_crop_y: float = option(
        -0.1, low=-1.0, high=1.0, help="Shift of that square downward, in its own sides."
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class LivePortraitDriveOptions(LivePortraitMotionOptions, LivePortraitDriverOptions):
    """Both: how the driver is read, and what is taken over of it."""
