"""Options of the video writer."""

from __future__ import annotations

from dataclasses import dataclass

from ..options import check_options, option

FORMATS = ("auto", "mp4", "webm", "lossless", "png")
REPEATS = ("ping-pong", "loop", "hold", "trim")  # see ``repeat``
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower")


@dataclass(frozen=True)
class VideoOptions:
    """How frames become a file."""

    format: str = option(
        "auto",
        choices=FORMATS,
        help="Kind of output: mp4 (H.264 + AAC), webm (VP9 + Opus), lossless (MKV, H.264 in RGB "
        "without loss + FLAC), png (a folder of pictures + audio.wav). auto follows the suffix.",
    )
    crf: int = option(
        18,
        low=0,
        high=51,
        help="Quality of mp4 and webm: lower is better and larger; 18 looks like the original.",
    )
    preset: str = option(
        "veryfast", choices=PRESETS, help="Speed of the encoder; slower makes smaller files."
    )
    audio_bitrate: int = option(
        0,
        low=0,
        high=512,
        unit="kbit/s",
        help="Bit rate where sound must be re-encoded; 0 picks one without audible loss.",
    )

    def __post_init__(self) -> None:
        check_options(self)
