"""The sound track of a written video: copied where possible, else encoded, never loaded whole.

Its length is planned in samples before the first is written, so that sound and pictures end within
one frame of each other whatever the frame rate, sample rate and packet size.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from ..structures import AudioClip
from .audio_in import AudioSource
from .containers import FFMPEG_ERRORS, open_container
from .sound_frames import LAYOUTS, clip_frames, resampled, sound_stream

_AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200)
_AAC_MAX_RATE = 96000
_AAC_PACKET = 1024  # samples
_OPUS_RATE = 48000
_MAX_FLAC_RATE = 655350
_ENCODERS = {"mp4": "aac", "webm": "libopus", "lossless": "flac", "wav": "pcm_s16le"}


@dataclass(frozen=True)
class SoundPlan:
    """How the sound gets into the file.

    Attributes:
        sound: the file, or the clip in memory.
        encoder: name of FFmpeg's encoder, or None to copy the packets.
        sample_rate: Hz, of the track.
        samples: length of the track at that rate.
        layout: of the channels.
        sample_format: of the samples given to the encoder.
        bit_rate: bits per second, 0 where it has no meaning.
        skipped: samples at the start of the copied packets that players leave out.
    """

    sound: AudioSource | AudioClip
    encoder: str | None
    sample_rate: int
    samples: int
    layout: str
    sample_format: str
    bit_rate: int
    skipped: int = 0

    @property
    def duration_s(self) -> Fraction:
        return Fraction(self.samples, self.sample_rate)


def plan_sound(
    sound: AudioSource | AudioClip, kind: str, video_s: Fraction, fps: Fraction, bit_rate: int
) -> SoundPlan:
    """Decide on codec, rate and exact length of a track beside ``video_s`` seconds of pictures.

    A sound that ends within one frame of the pictures keeps every sample; a longer one is cut at
    the last picture, a shorter one continues in silence.

    Args:
        sound: looked-through file or clip.
        kind: "mp4", "webm", "lossless" or "wav".
        video_s: exact length of the pictures.
        fps: frames per second.
        bit_rate: for lossy codecs, bits per second; 0 picks one without audible loss.
    """
    if isinstance(sound, AudioSource):
        own_rate, channels, sound_s = sound.sample_rate, sound.channels, sound.duration_s
    else:
        own_rate, channels = sound.sample_rate, sound.samples.shape[0]
        sound_s = Fraction(sound.samples.shape[1], sound.sample_rate)
    encoder = _ENCODERS[kind]
    rate = _track_rate(encoder, own_rate)
    fits = video_s - 1 / fps < sound_s < video_s + 1 / fps
    samples = round(sound_s * rate) if fits else int(video_s * rate)
    if kind == "webm":
        channels = min(channels, 2)
    layout = LAYOUTS.get(channels, "stereo")
    copied = _copyable(sound, kind, fits or sound_s > video_s)
    if copied is not None:
        encoder = None
    deep = _is_deep(sound)
    sample_format = {"aac": "fltp", "libopus": "flt", "flac": "s32" if deep else "s16"}.get(
        encoder or "", "s16"
    )
    if kind == "wav" and deep:
        encoder, sample_format = "pcm_s24le", "s32"
    if kind in ("lossless", "wav"):
        bit_rate = 0
    elif bit_rate == 0:
        per_channel = int(min(160_000, max(48_000, rate * 3.5)))
        bit_rate = per_channel * {"mono": 1, "stereo": 2}.get(layout, 4)
    return SoundPlan(sound, encoder, rate, samples, layout, sample_format, bit_rate, copied or 0)


def _track_rate(encoder: str, rate: int) -> int:
    if encoder == "libopus":
        return _OPUS_RATE
    if encoder == "aac":
        return next((known for known in _AAC_RATES if known >= rate), _AAC_MAX_RATE)
    return min(rate, _MAX_FLAC_RATE)


def _is_deep(sound: AudioSource | AudioClip) -> bool:
    """Whether 16 bits would lose something of the decoded samples."""
    if isinstance(sound, AudioClip):
        return True
    return sound.sample_format not in ("s16", "s16p", "u8", "u8p")


def _copyable(sound: AudioSource | AudioClip, kind: str, is_long_enough: bool) -> int | None:
    """Samples to skip at the start of the copied packets, or None if they must be re-encoded.

    Only AAC into MP4, and only when every packet is sound: packets are given new times in a row,
    as the decoder counts them, so that gaps and wrong time stamps of the file do not come along.
    """
    if not isinstance(sound, AudioSource) or kind != "mp4" or sound.codec != "aac":
        return None
    if sound.damaged_packets or not is_long_enough or sound.window is not None:
        return None
    total = round(sound.duration_s * sound.sample_rate)
    with open_container(sound.path, "sound") as container:
        stream = sound_stream(container, sound.path)
        if stream.profile != "LC" or not stream.codec_context.extradata:
            return None  # SBR doubles the rate between packet and samples; ADTS lacks the header
        count = 0
        start: Fraction | None = None
        try:
            for packet in container.demux(stream):
                if not packet.size:
                    continue
                if start is None:
                    if packet.pts is None:
                        return None
                    start = packet.pts * packet.time_base
                count += 1
        except FFMPEG_ERRORS:
            return None
    if start is None:
        return None
    skipped = round((sound.start_s - start) * sound.sample_rate)
    unheard_end = count * _AAC_PACKET - skipped - total
    return skipped if skipped >= 0 and 0 <= unheard_end < 2 * _AAC_PACKET else None


class SoundTrack:
    """Packets of the planned track for an open output container. Close it after use."""

    def __init__(self, container: Any, plan: SoundPlan) -> None:
        self._plan = plan
        self._closing = contextlib.ExitStack()
        self._held: Any = None
        if plan.encoder is None:
            assert isinstance(plan.sound, AudioSource)
            source = self._closing.enter_context(open_container(plan.sound.path, "sound"))
            template = sound_stream(source, plan.sound.path)
            stream = container.add_stream_from_template(template)
            self._packets = self._copied(source, template, stream)
        else:
            stream = container.add_stream(plan.encoder, rate=plan.sample_rate)
            stream.codec_context.layout = plan.layout
            stream.codec_context.format = plan.sample_format
            stream.codec_context.time_base = Fraction(1, plan.sample_rate)
            if plan.bit_rate:
                stream.codec_context.bit_rate = plan.bit_rate
            self._packets = self._encoded(stream)

    def until(self, time_s: float) -> Iterator[Any]:
        """Packets that begin before ``time_s`` and were not given yet."""
        while True:
            if self._held is None:
                self._held = next(self._packets, None)
            packet = self._held
            if packet is None:
                return
            begin = packet.pts if packet.pts is not None else 0
            if float(begin * packet.time_base) >= time_s:
                return
            self._held = None
            yield packet

    def close(self) -> None:
        self._closing.close()

    def _copied(self, source: Any, template: Any, stream: Any) -> Iterator[Any]:
        plan = self._plan
        begin = -plan.skipped
        for packet in source.demux(template):
            if not packet.size:
                continue
            if begin >= plan.samples:
                return
            packet.stream = stream
            packet.time_base = Fraction(1, plan.sample_rate)
            packet.pts = packet.dts = begin
            # Players stop the last packet here, in the middle of it if need be.
            packet.duration = min(_AAC_PACKET, plan.samples - begin)
            begin += _AAC_PACKET
            yield packet

    def _encoded(self, stream: Any) -> Iterator[Any]:
        for frame in exact_frames(self._plan):
            yield from stream.encode(frame)
        yield from stream.encode(None)


def exact_frames(plan: SoundPlan) -> Iterator[Any]:
    """PyAV frames of exactly ``plan.samples`` samples: cut, or continued in silence."""
    sound = plan.sound
    frames = sound.frames() if isinstance(sound, AudioSource) else clip_frames(sound)
    left = plan.samples
    for frame in resampled(frames, plan.sample_format, plan.layout, plan.sample_rate):
        if frame.samples > left:
            if left:
                yield _frame_of(_interleaved(frame)[:left], plan, plan.samples - left)
            return
        frame.pts = plan.samples - left
        frame.time_base = Fraction(1, plan.sample_rate)
        left -= frame.samples
        yield frame
    channels = len(av.AudioLayout(plan.layout).channels)
    while left:
        silence = np.zeros((min(left, plan.sample_rate), channels), _dtype(plan.sample_format))
        yield _frame_of(silence, plan, plan.samples - left)
        left -= len(silence)


def _dtype(sample_format: str) -> Any:
    return {"s16": np.int16, "s32": np.int32}.get(sample_format, np.float32)


def _interleaved(frame: Any) -> np.ndarray[Any, Any]:
    """Samples of a frame as (S, C)."""
    values = frame.to_ndarray()
    if frame.format.is_planar:
        return values.T
    return values.reshape(-1, len(frame.layout.channels))


def _frame_of(samples: np.ndarray[Any, Any], plan: SoundPlan, pts: int) -> Any:
    planar = plan.sample_format.endswith("p")
    shaped = samples.T if planar else samples.reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(shaped), format=plan.sample_format, layout=plan.layout
    )
    frame.sample_rate = plan.sample_rate
    frame.pts = pts
    frame.time_base = Fraction(1, plan.sample_rate)
    return frame


def write_wav(plan: SoundPlan, path: Path) -> None:
    """Write the planned track alone as a WAV file (RF64 beyond 4 GB)."""
    with av.open(f"file:{path}", "w", format="wav", options={"rf64": "auto"}) as container:
        track = SoundTrack(container, plan)
        try:
            for packet in track.until(float("inf")):
                container.mux(packet)
        finally:
            track.close()
