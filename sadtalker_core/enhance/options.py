"""Options of restoring faces and enlarging frames."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import OptionError
from ..options import check_options, option

ENHANCER_IDS = ("gfpgan-1.4", "gfpgan-1.3", "gfpgan-1.2", "gpen-512", "codeformer", "restoreformer")


@dataclass(frozen=True)
class EnhanceOptions:
    """How faces are restored in a picture or video."""

    enhancer: str = option(
        "gfpgan-1.4",
        choices=ENHANCER_IDS,
        help="Which network restores faces. codeformer and gpen-512 are not for commercial use.",
    )
    enhance_way: str = option(
        "steady",
        choices=("steady", "original"),
        help="steady is calm in videos; original takes GFPGAN's own steps (gpen-512: GPEN's), each "
        "frame by itself, with its face finder and mask: strength, region, steadiness and colour "
        "then play no part.",
        advanced=True,
    )
    enhance_strength: float = option(
        0.8, low=0.0, high=1.0, help="How much of the restored face is shown; 0 shows none of it."
    )
    enhance_region: str = option(
        "face", choices=("face", "mouth"), help="What is restored: the face, or the mouth alone."
    )
    enhance_faces: str = option(
        "all", choices=("all", "largest"), help="Whose face: all (up to 8), or the largest alone."
    )
    enhance_steady: float = option(
        0.7,
        low=0.0,
        high=1.0,
        help="Takes flicker out of videos: 0 restores each frame by itself, 1 is calmest.",
    )
    keep_colour: bool = option(
        True, help="Keep the skin's own colour; the networks tend to make it lighter."
    )
    fidelity: float = option(
        0.7,
        low=0.0,
        high=1.0,
        help="More likeness, or less and more beauty. [enhancer codeformer]",
        advanced=True,
    )
    upscale: float = option(
        1.0, low=1.0, high=4.0, help="How many times larger the result is, each way."
    )
    upscaler: str = option(
        "",
        help="Network that enlarges what is around the faces: realesrgan-x2, realesrgan-x4, or the "
        "file of one that spandrel knows. Without one: Lanczos.",
        advanced=True,
    )
    enhance_batch: int = option(
        4, low=1, high=64, advanced=True, help="Faces restored at once on a GPU; 1 on a CPU."
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.upscaler and self.upscale == 1:
            raise OptionError("upscaler enlarges the picture: say by how much, such as upscale 2.")


@dataclass(frozen=True)
class EnhanceStage(EnhanceOptions):
    """Faces restored as the last stage of a job that renders a video."""

    enhance: bool = option(
        False, help="Restore the faces of the finished frames (needs weights, takes longer)."
    )
