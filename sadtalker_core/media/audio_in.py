"""Sound from files: whatever FFmpeg decodes, as a stream of any rate in constant memory.

Time zero is the first decoded sample, and a sound lasts exactly as long as its decoded samples;
time stamps of the file, which are often wrong, are not used. Everything that follows the sound
(motion, frames, the sound track of the result) counts on this one clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from torch import Tensor

from ..errors import MediaError
from ..runtime import Runtime
from ..structures import AudioClip
from .containers import MediaInput, media_input, named, open_container
from .sound_frames import (
    AUDIBLE,
    SoundWindow,
    clip_frames,
    clip_piece,
    decoded,
    decoded_frames,
    finite_and_peak,
    first_time_s,
    mono_chunks,
    sound_stream,
)
from .windows import as_seconds, check_window

_FRAMES_BETWEEN_CHECKS = 512


@dataclass(frozen=True)
class AudioSource:
    """A sound file that was looked at once from start to end. Made by ``open_audio``.

    Attributes:
        path: the file, or a file's bytes in memory.
        sample_rate: Hz, of the first decoded samples.
        channels: their number.
        duration_s: exact, decoded samples over rate.
        codec: FFmpeg's name of the codec.
        damaged_packets: packets that could not be decoded and were left out.
        is_silent: whether every sample is zero or nearly (below -80 dB).
        start_s: when the first sample is heard on the clock of the file; in a video file compare
            it with ``VideoSource.start_s``.
        sample_format: FFmpeg's name for the kind of the decoded samples, such as s16 or fltp.
        window: the part of the file's sound that this is, None for all of it.
    """

    path: MediaInput
    sample_rate: int
    channels: int
    duration_s: Fraction
    codec: str
    damaged_packets: int = 0
    is_silent: bool = False
    start_s: Fraction = Fraction(0)
    sample_format: str = "fltp"
    window: SoundWindow | None = None

    def sample_count(self, rate: int) -> int:
        """Samples that ``stream(rate)`` gives: the duration times ``rate``, rounded."""
        return max(1, round(self.duration_s * rate))

    def stream(self, rate: int = 16000) -> Iterator[Tensor]:
        """The sound from its start: (S,) float32 mono tensors in [-1, 1] at ``rate`` Hz.

        Each call is a fresh pass. Channels are mixed; resampling follows the exact ratio of the
        rates, so nothing drifts; NaN and infinity become 0. Altogether ``sample_count(rate)``.
        """
        return mono_chunks(self.frames(), self.sample_count(rate), rate)

    def frames(self) -> Iterator[Any]:
        """PyAV frames as they are in the file, free of NaN and infinity; a fresh pass."""
        return decoded_frames(self.path, self.window)


@dataclass(frozen=True)
class ClipSource:
    """A sound in memory, to be heard like a file. Made by ``open_clip``.

    Attributes:
        clip: the sound; it is not copied.
        is_silent: whether every sample is zero or nearly (below -80 dB).
    """

    clip: AudioClip
    is_silent: bool = False

    @property
    def sample_rate(self) -> int:
        return self.clip.sample_rate

    @property
    def channels(self) -> int:
        return self.clip.samples.shape[0]

    @property
    def duration_s(self) -> Fraction:
        """Exact: samples over rate."""
        return Fraction(self.clip.samples.shape[1], self.clip.sample_rate)

    def sample_count(self, rate: int) -> int:
        """Samples that ``stream(rate)`` gives: the duration times ``rate``, rounded."""
        return max(1, round(self.duration_s * rate))

    def stream(self, rate: int = 16000) -> Iterator[Tensor]:
        """The sound from its start as ``AudioSource.stream`` gives it: (S,) float32 mono."""
        return mono_chunks(clip_frames(self.clip), self.sample_count(rate), rate)


def open_clip(clip: AudioClip) -> ClipSource:
    """Look through a sound in memory once, on the device where it is.

    Raises:
        MediaError: no samples, or nothing but NaN and infinity.
    """
    if not clip.samples.shape[0] or not clip.samples.shape[1]:
        raise MediaError("the sound has no samples; it lasts 0 seconds.")
    step = clip.sample_rate * 10  # seconds, piece by piece: no copy of the whole is made
    has_finite, is_silent = False, True
    for start in range(0, clip.samples.shape[1], step):
        piece = clip.samples[:, start : start + step]
        has_finite = has_finite or bool(piece.isfinite().any())
        is_silent = is_silent and float(abs(clip_piece(clip, start, start + step)).max()) < AUDIBLE
        if has_finite and not is_silent:
            break
    if not has_finite:
        raise MediaError("the sound holds no valid sample, all are NaN or infinite.")
    return ClipSource(clip, is_silent)


def open_audio(
    path: str | MediaInput,
    runtime: Runtime | None = None,
    *,
    start_s: Fraction | float | None = None,
    duration_s: Fraction | float | None = None,
) -> AudioSource:
    """Look through the sound of an audio or video file: one decoding pass in constant memory.

    Args:
        path: the file, or the bytes of one (``io.BytesIO``), which must not change afterwards.
        runtime: asked for cancellation during the pass, told ``progress("listen", seconds, 0)``.
        start_s: take the sound from here on, on the clock of the file; what is before the file's
            own sound is silence. With ``VideoSource.start_s`` it begins with the first picture.
        duration_s: take at most so much of it; from the first sample if ``start_s`` is not given.

    Raises:
        MediaError: missing, unreadable, no sound in it, no samples, or nothing but NaN.
        OptionError: a time is negative or no number.
    """
    source = media_input(path)
    check_window(start_s, duration_s)
    length_s = None if duration_s is None else as_seconds(duration_s)
    window = None if start_s is None else SoundWindow(as_seconds(start_s), length_s)
    name = named(source)
    with open_container(source, "sound") as container:
        stream = sound_stream(container, source)
        codec = stream.codec_context.name
        samples: dict[int, int] = {}  # by rate: some files change it half-way
        first: tuple[int, int] | None = None
        has_finite = False
        peak = 0.0
        damaged: list[int] = []
        begins_s, sample_format = Fraction(0), "fltp"
        if window is None and length_s is not None:
            window = SoundWindow(_first_sample_s(source), length_s)
        for index, frame in enumerate(decoded(container, stream, damaged, window)):
            samples[frame.sample_rate] = samples.get(frame.sample_rate, 0) + frame.samples
            if first is None:
                first = frame.sample_rate, len(frame.layout.channels)
                begins_s = first_time_s(frame) if window is None else window.start_s
                sample_format = frame.format.name
            if not has_finite or peak < AUDIBLE:
                finite, loudest = finite_and_peak(frame)
                has_finite = has_finite or finite
                peak = max(peak, loudest)
            if runtime is not None and index % _FRAMES_BETWEEN_CHECKS == 0:
                runtime.check_cancelled()
                runtime.progress("listen", int(_seconds(samples)), 0)
    duration = _seconds(samples)
    if first is None or duration == 0:
        if window is not None:
            raise MediaError(f"{name} has no sound from {float(window.start_s):.3f} s on.")
        raise MediaError(f"{name} has no sound in it: it lasts 0 seconds or cannot be decoded.")
    if not has_finite:
        raise MediaError(f"{name} holds no valid sample, all are NaN or infinite; export it again.")
    return AudioSource(
        path=source,
        sample_rate=first[0],
        channels=first[1],
        duration_s=duration,
        codec=codec,
        damaged_packets=len(damaged),
        is_silent=peak < AUDIBLE,
        start_s=begins_s,
        sample_format=sample_format,
        window=window,
    )


def _first_sample_s(source: MediaInput) -> Fraction:
    with open_container(source, "sound") as container:
        for frame in decoded(container, sound_stream(container, source), []):
            return first_time_s(frame)
    return Fraction(0)


def _seconds(samples: dict[int, int]) -> Fraction:
    return sum((Fraction(count, rate) for rate, count in samples.items()), Fraction(0))
