"""Frames of sound as FFmpeg gives them: decoded, cut, mixed to mono, resampled, regrouped."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor

from ..errors import MediaError
from ..structures import AudioClip
from .containers import FFMPEG_ERRORS, MediaInput, named, open_container

AUDIBLE = 1e-4  # -80 dB of full scale; a sound that stays below is silent
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
_CHUNK_S = Fraction(1, 2)  # of a streamed tensor
_CLIP_FRAME = 1 << 16  # samples of one piece of a clip in memory
_MAX_KNOWN_CHANNELS = 8
_MONO_WEIGHTS = {"FC": 1.0, "FL": 0.707, "FR": 0.707, "LFE": 0.0}  # others 0.5; voices are in FC

Samples = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class SoundWindow:
    """A part of a file's sound, on the clock of the file.

    Attributes:
        start_s: the first sample is heard then; before the file's own sound it is silence.
        duration_s: at most so long, None to the end.
    """

    start_s: Fraction
    duration_s: Fraction | None = None


def sound_stream(container: Any, source: MediaInput) -> Any:
    """The sound track of an open container that players would choose."""
    name = named(source)
    streams = decodable(container.streams.audio)
    if not streams and container.streams.audio:
        raise MediaError(f"{name} has sound of a kind that cannot be decoded; export it as AAC.")
    if not streams:
        if container.streams.video:
            raise MediaError(
                f"{name} is a video or picture without sound; give a file with a sound track."
            )
        raise MediaError(f"{name} has no sound track; give an audio file, or a video with sound.")
    best = container.streams.best("audio")
    return best if best in streams else streams[0]


def decodable(streams: Iterable[Any]) -> list[Any]:
    """Tracks that FFmpeg has a decoder for; to ask one for the others ends the process.

    Telephones write such tracks of spatial sound beside the usual one.
    """
    return [stream for stream in streams if stream.codec_context is not None]


def decoded(
    container: Any, stream: Any, damaged: list[int], window: SoundWindow | None = None
) -> Iterator[Any]:
    """Frames of the stream; the indices of packets that fail to decode are noted, not raised."""
    frames = _all_decoded(container, stream, damaged)
    return frames if window is None else _cut(frames, window)


def _all_decoded(container: Any, stream: Any, damaged: list[int]) -> Iterator[Any]:
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


def _cut(frames: Iterator[Any], window: SoundWindow) -> Iterator[Any]:
    """The frames of a window, cut to the sample.

    Only the first frame's time stamp counts, as for whole files; from there on samples are counted.
    """
    skip_s: Fraction | None = None
    left_s = window.duration_s
    for frame in frames:
        rate = frame.sample_rate
        if skip_s is None:
            skip_s = window.start_s - first_time_s(frame)
            if skip_s < 0:
                silent = round(-skip_s * rate)
                if left_s is not None:
                    silent = min(silent, round(left_s * rate))
                    left_s -= Fraction(silent, rate)
                yield from _silence(frame, silent)
                skip_s = Fraction(0)
        first = min(frame.samples, round(skip_s * rate))
        skip_s -= Fraction(first, rate)
        last = frame.samples
        if left_s is not None:
            last = min(last, first + round(left_s * rate))
            left_s -= Fraction(last - first, rate)
        if last > first:
            yield frame if last - first == frame.samples else _part(frame, first, last)
        if left_s is not None and round(left_s * rate) <= 0:
            return


def first_time_s(frame: Any) -> Fraction:
    """When a decoded frame is heard on the clock of its file, 0 where it does not say."""
    return Fraction(frame.pts or 0) * Fraction(frame.time_base or 0)


def _part(frame: Any, first: int, last: int) -> Any:
    values = frame.to_ndarray()
    width = 1 if frame.format.is_planar else len(frame.layout.channels)
    return _frame_like(frame, np.ascontiguousarray(values[:, first * width : last * width]))


def _silence(frame: Any, samples: int) -> Iterator[Any]:
    """Frames of silence of the kind of ``frame``, none longer than a second."""
    values = frame.to_ndarray()
    width = 1 if frame.format.is_planar else len(frame.layout.channels)
    zero = 128 if values.dtype == np.uint8 else 0
    while samples > 0:
        length = min(samples, frame.sample_rate)
        yield _frame_like(frame, np.full((len(values), length * width), zero, values.dtype))
        samples -= length


def _frame_like(frame: Any, values: Any) -> Any:
    made = av.AudioFrame.from_ndarray(values, format=frame.format.name, layout=frame.layout.name)
    made.sample_rate = frame.sample_rate
    return made


def decoded_frames(source: MediaInput, window: SoundWindow | None = None) -> Iterator[Any]:
    """PyAV frames of the sound of a file, floating point ones free of NaN and infinity."""
    with open_container(source, "sound") as container:
        for frame in decoded(container, sound_stream(container, source), [], window):
            yield _finite(frame)


def clip_frames(clip: AudioClip) -> Iterator[Any]:
    """The same of a clip in memory, piece by piece: no copy of the whole is made."""
    channels = clip.samples.shape[0]
    layout = LAYOUTS.get(channels, f"{channels} channels")  # a layout without names
    for start in range(0, clip.samples.shape[1], _CLIP_FRAME):
        piece = np.ascontiguousarray(clip_piece(clip, start, start + _CLIP_FRAME))
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate = clip.sample_rate
        yield frame


def clip_piece(clip: AudioClip, start: int, end: int) -> Samples:
    """(C, S) of a part of a clip, NaN and infinity as 0."""
    piece = clip.samples[:, start:end].detach().float()
    return piece.nan_to_num(0.0, 0.0, 0.0).cpu().numpy()


def finite_and_peak(frame: Any) -> tuple[bool, float]:
    """Whether any sample of a frame is finite, and the loudest of those in [0, 1]."""
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
    return _frame_like(frame, values)


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
    first, *others = _mono_weights(frame.layout)
    # Channel by channel: a matrix product rounds differently for frames of other lengths.
    mixed = level[0] * first
    for weight, channel in zip(others, level[1:]):
        mixed += channel * weight
    mono = av.AudioFrame.from_ndarray(mixed[None], format="fltp", layout="mono")
    mono.sample_rate = frame.sample_rate
    return mono


@functools.lru_cache(maxsize=32)
def _mono_weights_of(names: tuple[str, ...]) -> tuple[float, ...]:
    weights = [_MONO_WEIGHTS.get(name, 0.5) for name in names]
    total = sum(weights)
    return tuple(weight / total if total else 1 / len(weights) for weight in weights)


def _mono_weights(layout: Any) -> tuple[float, ...]:
    """How much of each channel is in the mix; 1 altogether."""
    return _mono_weights_of(tuple(getattr(channel, "name", "") for channel in layout.channels))


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


def mono_chunks(frames: Iterator[Any], total: int, rate: int) -> Iterator[Tensor]:
    """(S,) float32 mono tensors in [-1, 1] at ``rate`` Hz, ``total`` samples altogether."""
    mono = (f if len(f.layout.channels) == 1 else mixed_to_mono(f) for f in frames)
    heard = (f.to_ndarray()[0] for f in resampled(mono, "fltp", "mono", rate))
    return _regrouped(heard, total, rate)


def _regrouped(parts: Iterator[Samples], total: int, rate: int) -> Iterator[Tensor]:
    """Exactly ``total`` samples in chunks of equal length: what is missing is silence."""
    chunk = max(1, int(rate * _CHUNK_S))
    held: list[Samples] = []
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


def _sound_tensor(samples: Samples) -> Tensor:
    return torch.from_numpy(samples.clip(-1.0, 1.0).astype(np.float32))
