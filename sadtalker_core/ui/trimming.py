"""The part of a sound that somebody marked in gradio 3's player, which only sends two numbers."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

from ..errors import TalkingPortraitsError
from ..media.audio_in import open_audio


def marked_part(path: Path, first_percent: float, last_percent: float) -> Path:
    """A WAV file beside ``path`` with the part between two percentages of its length.

    gradio would cut it with ffmpeg, which hosts often lack. A file that cannot be read is given
    back as it is: the job then says what is wrong with it.
    """
    # Three decimals: the player's numbers are long, and the name is shown with the result.
    target = path.with_name(f"{path.stem}-{first_percent:.3g}-{last_percent:.3g}.wav")
    try:
        whole = open_audio(str(path))
        share = Fraction(str(first_percent)) / 100
        length = whole.duration_s * (Fraction(str(last_percent)) / 100 - share)
        if length <= 0:
            return path
        start = whole.start_s + whole.duration_s * share
        part = open_audio(str(path), start_s=start, duration_s=length)
        with wave.open(str(target), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(part.sample_rate)
            for samples in part.stream(part.sample_rate):
                scaled = (samples.clamp(-1, 1) * 32767).round().short()
                file.writeframes(scaled.numpy().astype("<i2").tobytes())
    except (TalkingPortraitsError, OSError):
        return path
    return target
