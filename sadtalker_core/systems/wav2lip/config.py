"""Options of Wav2Lip: the original's where they make sense here, and how the face is put back."""

from __future__ import annotations

from dataclasses import dataclass

from ...faces.box_options import BoxOptions, BoxWords
from ...options import check_options, option, same_option


@dataclass(frozen=True)
class Wav2LipOptions(BoxWords):
    """How the lower half of a face is painted anew."""

    model: str = option(
        "gan",
        choices=("gan", "exact"),
        help="gan looks clearer; exact follows the sound a little closer.",
    )
    finder: str = option(
        "tracker",
        choices=("tracker", "original"),
        help="Who finds the face: our own tracker, which follows one person, or the original's "
        "detector (S3FD, one more file).",
    )
    pad_top: int = same_option(BoxOptions, "pad_top")
    pad_bottom: int = same_option(BoxOptions, "pad_bottom", 10)
    pad_left: int = same_option(BoxOptions, "pad_left")
    pad_right: int = same_option(BoxOptions, "pad_right")
    box: str = same_option(BoxOptions, "box")
    smoothing: str = same_option(BoxOptions, "smoothing")
    static: bool = option(False, help="Show the first frame throughout; only its lips move.")
    paste: str = option(
        "soft",
        choices=("soft", "hard"),
        help="soft puts back the lower face alone, with a soft edge; hard the whole box, as the "
        "original does.",
    )

    def __post_init__(self) -> None:
        check_options(self)
        self.fixed_box()
