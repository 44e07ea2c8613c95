"""Sound from files: whatever FFmpeg decodes, as a stream of any rate in constant memory.

Time zero is the first decoded sample, and a sound lasts exactly as long as its decoded samples;
time stamps of the file, which are often wrong, are not used. Everything that follows the sound
(motion, frames, the sound track of the result) counts on this one clock.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor

from ..errors import MediaError
from ..runtime import Runtime
from .containers import FFMPEG_ERRORS, open_container

_CHUNK_S = Fraction(1, 2)  # of a streamed tensor
_MAX_KNOWN_CHANNELS = 8
_FRAMES_BETWEEN_CHECKS = 512
_MONO_WEIGHTS = {"FC": 1.0, "FL": 0.707, "FR": 0.707, "LFE": 0.0}  # others 0.5; voices are in FC


@dataclass(frozen=True)
class AudioSource:
    """A sound file that was looked at once from start to end. Made by ``open_audio``.

    Attributes:
        path: the file.
        sample_rate: Hz, of the first decoded samples.
        channels: their number.
        duration_s: exact, decoded samples over rate.
        codec: FFmpeg's name of the codec.
        damaged_packets: packets that could not be decoded and were left out.
        is_silent: whether every sample is zero or nearly (below -80 dB).
        start_s: when the first sample is heard on the clock of the file; in a video file compare
            it with ``VideoSource.start_s``.
        sample_format: FFmpeg's name for the kind of the decoded samples, such as s16 or fltp.
    """

    path: Path
    sample_rate: int
    channels: int
    duration_s: Fraction
    codec: str
    damaged_packets: int = 0
    is_silent: bool = False
    start_s: Fraction = Fraction(0)
    sample_format: str = "fltp"

    def sample_count(self, rate: int) -> int:
        """Samples that ``stream(rate)`` gives: the duration times ``rate``, rounded."""
        return max(1, round(self.duration_s * rate))

    def stream(self, rate: int = 16000) -> Iterator[Tensor]:
        """The sound from its start: (S,) float32 mono tensors in [-1, 1] at ``rate`` Hz.

        Each call is a fresh pass. Channels are mixed; resampling follows the exact ratio of the
        rates, so nothing drifts; NaN and infinity become 0. Altogether ``sample_count(rate)``.
        """
        return _regrouped(_mono_samples(self.path, rate), self.sample_count(rate), rate)


def open_audio(path: str | Path, runtime: Runtime | None = None) -> AudioSource:
    """Look through the sound of an audio or video file: one decoding pass in constant memory.

    Args:
        path: the file.
        runtime: asked for cancellation during the pass, told ``progress("listen", seconds, 0)``.

    Raises:
        MediaError: missing, unreadable, no sound in it, no samples, or nothing but NaN.
    """
    path = Path(path)
    with open_container(path, "sound") as container:
        stream = _sound_stream(container, path)
        codec = stream.codec_context.name
        samples: dict[int, int] = {}  # by rate: some files change it half-way
        first: tuple[int, int] | None = None
        has_finite = False
        peak = 0.0
        damaged: list[int] = []
        start_s, sample_format = Fraction(0), "fltp"
        for index, frame in enumerate(_decoded(container, stream, damaged)):
            samples[frame.sample_rate] = samples.get(frame.sample_rate, 0) + frame.samples
            if first is None:
                first = frame.sample_rate, len(frame.layout.channels)
                start_s = Fraction(frame.pts or 0) * Fraction(frame.time_base or 0)
                sample_format = frame.format.name
            if not has_finite or peak < _AUDIBLE:
                finite, loudest = _finite_and_peak(frame)
                has_finite = has_finite or finite
                peak = max(peak, loudest)
            if runtime is not None and index % _FRAMES_BETWEEN_CHECKS == 0:
                runtime.check_cancelled()
                runtime.progress("listen", int(_seconds(samples)), 0)
    duration_s = _seconds(samples)
    if first is None or duration_s == 0:
        raise MediaError(f"{path} has no sound in it: it lasts 0 seconds or cannot be decoded.")
    if not has_finite:
        raise MediaError(f"{path} holds no valid sample, all are NaN or infinite; export it again.")
    return AudioSource(
        path=path,
        sample_rate=first[0],
        channels=first[1],
        duration_s=duration_s,
        codec=codec,
        damaged_packets=len(damaged),
        is_silent=peak < _AUDIBLE,
        start_s=start_s,
        sample_format=sample_format,
    )


_AUDIBLE = 1e-4  # -80 dB of full scale


def _seconds(samples: dict[int, int]) -> Fraction:
    return sum((Fraction(count, rate) for rate, count in samples.items()), Fraction(0))


def _sound_stream(container: Any, path: Path) -> Any:
    if not container.streams.audio:
        if container.streams.video:
            raise MediaError(
                f"{path} is a video or picture without sound; give a file with a sound track."
            )
        raise MediaError(f"{path} has no sound track; give an audio file, or a video with sound.")
    return container.streams.best("audio") or container.streams.audio[0]


def _decoded(container: Any, stream: Any, damaged: list[int]) -> Iterator[Any]:
    """Frames of the stream; the indices of packets that fail to decode are noted, not raised."""
    stream.thread_type = "SLICE"  # frame threads would hold many frames for no gain in sound
    packets = container.demux(stream)
    index = 0
    while True:
        try:
            packet = next(packets)
        except (StopIteration, *FFMPEG_ERRORS):
            return  # a file cut short ends where it was cut
        try:
            frames = packet.decode()
        except FFMPEG_ERRORS:
            if packet.size:
                damaged.append(index)
            frames = []
        index += 1
        for frame in frames:
            if frame.samples:
                yield frame


def decoded_frames(path: Path) -> Iterator[Any]:
    """PyAV frames of the sound of a file, floating point ones free of NaN and infinity."""
    with open_container(path, "sound") as container:
        for frame in _decoded(container, _sound_stream(container, path), []):
            yield _finite(frame)


def _finite_and_peak(frame: Any) -> tuple[bool, float]:
    values = frame.to_ndarray()
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.any():
            return False, 0.0
        return True, float(np.abs(values[finite]).max())
    if values.dtype == np.uint8:
        return True, float(np.abs(values.astype(np.int16) - 128).max()) / 128
    return True, float(np.abs(values.astype(np.float64)).max()) / float(np.iinfo(values.dtype).max)


def _finite(frame: Any) -> Any:
    """The frame, or a copy with zeros for NaN and infinity and no time stamp."""
    frame.pts = None
    if not frame.format.name.startswith(("flt", "dbl")):
        return frame
    values = frame.to_ndarray()
    if np.isfinite(values).all():
        return frame
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    clean = av.AudioFrame.from_ndarray(values, format=frame.format.name, layout=frame.layout.name)
    clean.sample_rate = frame.sample_rate
    return clean


def has_known_layout(frame: Any) -> bool:
    """Whether FFmpeg knows where the channels of a frame stand, so that it can mix them."""
    count = len(frame.layout.channels)
    named = not re.match(r"^\d+ channels", frame.layout.name)
    return count <= 2 or (named and count <= _MAX_KNOWN_CHANNELS)


def mixed_to_mono(frame: Any) -> Any:
    """A mono frame: the weighted mean of all channels, which cannot clip.

    FFmpeg's own mix of float samples is 3 dB louder for a voice that is on both sides than for
    the same voice in mono, and knows no way for layouts without names.
    """
    channels = len(frame.layout.channels)
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, channels).T
    if values.dtype.kind == "f":
        level = values.astype(np.float32)
    elif values.dtype == np.uint8:
        level = (values.astype(np.float32) - 128) / 128
    else:
        level = values.astype(np.float32) / float(-np.iinfo(values.dtype).min)
    names = [getattr(channel, "name", "") for channel in frame.layout.channels]
    weights = np.array([_MONO_WEIGHTS.get(name, 0.5) for name in names], np.float32)
    if not weights.any():
        weights[:] = 1.0
    mixed = (weights / weights.sum()) @ level
    mono = av.AudioFrame.from_ndarray(mixed[None], format="fltp", layout="mono")
    mono.sample_rate = frame.sample_rate
    return mono


def resampled(frames: Iterator[Any], sample_format: str, layout: str | None, rate: int | None):
    """Frames in another sample format, layout (None: their own) and rate (None: their own).

    A change of format half-way starts a new resampler; one that is drained first loses nothing.
    """
    make = functools.partial(av.AudioResampler, format=sample_format, layout=layout, rate=rate)
    current: tuple[str, str, int] | None = None
    resampler: Any = None
    for frame in frames:
        if not has_known_layout(frame):
            frame = mixed_to_mono(frame)
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if kind != current:
            if resampler is not None:
                yield from resampler.resample(None)
            resampler, current = make(), kind
        yield from resampler.resample(frame)
    if resampler is not None:
        yield from resampler.resample(None)


def _mono_samples(path: Path, rate: int) -> Iterator[np.ndarray[Any, np.dtype[np.float32]]]:
    frames = decoded_frames(path)
    mono = (f if len(f.layout.channels) == 1 else mixed_to_mono(f) for f in frames)
    for frame in resampled(mono, "fltp", "mono", rate):
        yield frame.to_ndarray()[0]


def _regrouped(
    parts: Iterator[np.ndarray[Any, np.dtype[np.float32]]], total: int, rate: int
) -> Iterator[Tensor]:
    """Exactly ``total`` samples in chunks of equal length: what is missing is silence."""
    chunk = max(1, int(rate * _CHUNK_S))
    held: list[np.ndarray[Any, np.dtype[np.float32]]] = []
    held_count = given = 0
    for part in parts:
        held.append(part)
        held_count += len(part)
        while held_count >= chunk and given < total:
            joined = np.concatenate(held)
            size = min(chunk, total - given)
            yield _sound_tensor(joined[:size])
            given += size
            held = [joined[size:]]
            held_count = len(joined) - size
        if given >= total:
            return
    rest = np.concatenate(held) if held else np.zeros(0, np.float32)
    missing = total - given - len(rest)
    rest = np.pad(rest, (0, max(0, missing)))[: total - given]
    for start in range(0, len(rest), chunk):
        yield _sound_tensor(rest[start : start + chunk])


def _sound_tensor(samples: np.ndarray[Any, np.dtype[np.float32]]) -> Tensor:
    return torch.from_numpy(samples.clip(-1.0, 1.0).astype(np.float32))
