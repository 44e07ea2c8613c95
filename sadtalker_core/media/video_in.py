"""Video from files: upright frames at a constant rate, as a stream in constant memory."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import MediaError, OptionError
from .colour import ColourConverter
from .containers import FFMPEG_ERRORS, MediaInput, media_input, named, open_container
from .sound_frames import decodable
from .windows import as_seconds, check_window

_SUFFIXES = {".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".gif", ".mpg", ".mpeg", ".ts"}
_SEEK_MARGIN_S = Fraction(1, 2)
_MAX_FPS = 240  # above lie broken headers, such as 90000


@dataclass(frozen=True)
class VideoSource:
    """A video file whose packets were counted once. Made by ``open_video``.

    Attributes:
        path: the file, or a file's bytes in memory.
        size: (H, W) in pixels, upright.
        fps: constant rate at which ``frames`` gives frames.
        frame_count: frames that ``frames`` gives.
        has_audio: whether the file has a sound track.
        rotation_deg: turn that the file asks for, counter-clockwise; already in ``size``.
        start_s: when the first frame is shown on the clock of the file (``AudioSource.start_s``).
        is_part: whether frames before ``start_s`` are left out.
    """

    path: MediaInput
    size: tuple[int, int]
    fps: Fraction
    frame_count: int
    has_audio: bool
    rotation_deg: int = 0
    start_s: float = 0.0
    is_part: bool = False

    @property
    def duration_s(self) -> Fraction:
        return self.frame_count / self.fps

    def frames(self, chunk: int = 8, first: int = 0) -> Iterator[Tensor]:
        """Frames from number ``first`` on: (N, 3, H, W) uint8 RGB, N at most ``chunk``.

        Each call is a fresh pass. Frame k is the one shown at k / fps, so a video of variable
        rate keeps its timing; frames that cannot be decoded are replaced by the one before. A
        later ``first`` jumps to a key frame before it where the file knows any.
        """
        if chunk < 1:
            raise OptionError(f"chunk must be at least 1 frame, got {chunk}.")
        held: list[np.ndarray[Any, np.dtype[np.uint8]]] = []
        for picture in _constant_rate(self, first):
            held.append(picture)
            if len(held) == chunk:
                yield _chunk(held)
                held = []
        if held:
            yield _chunk(held)


def is_video_name(path: Path) -> bool:
    """Whether a file of this name is read as a video, not as a picture."""
    return path.suffix.lower() in _SUFFIXES


def open_video(
    path: str | MediaInput,
    *,
    start_s: Fraction | float = 0,
    duration_s: Fraction | float | None = None,
) -> VideoSource:
    """Look through a video file: one pass over its packets, and its first frame decoded.

    Args:
        path: the file, or the bytes of one (``io.BytesIO``), which must not change afterwards.
        start_s: leave out frames shown before this time, on the clock of the file.
        duration_s: take frames shown in so much time from ``start_s`` on, None for all.

    Raises:
        MediaError: missing, unreadable, without pictures, nothing of it decodes, or no frame is
            shown in that time.
        OptionError: a time is negative or no number.
    """
    source = media_input(path)
    check_window(start_s, duration_s)
    begin_s = as_seconds(start_s)
    end_s = None if duration_s is None else begin_s + as_seconds(duration_s)
    name = named(source)
    with _opened(source) as (container, stream):
        first = next(_decoded_from(container, stream, begin_s), None)
        if first is None or (end_s is not None and _time_s(first) >= end_s):
            if begin_s or end_s is not None:
                raise MediaError(f"{name} has no frame {_span(begin_s, end_s)}.")
            raise MediaError(f"{name} holds no frame that can be decoded; export it again.")
        first_s, rotation = first.time or 0.0, _rotation(first)
        height, width = first.height, first.width
        has_audio = bool(decodable(container.streams.audio))
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    count, last_s = _last_packet(source, first_s, end_s)
    span_s = max(0.0, last_s - first_s)
    if rate is None or rate <= 0 or rate > _MAX_FPS:
        rate = Fraction((count - 1) / span_s).limit_denominator(1001) if span_s else Fraction(25)
    fps = Fraction(rate)
    return VideoSource(
        path=source,
        size=(width, height) if rotation % 180 == 90 else (height, width),
        fps=fps,
        # The last packet starts its frame at last_s: that is frame round(span * fps).
        frame_count=max(1, round(span_s * float(fps)) + 1),
        has_audio=has_audio,
        rotation_deg=rotation,
        start_s=first_s,
        is_part=begin_s > 0,
    )


def _span(begin_s: Fraction, end_s: Fraction | None) -> str:
    if end_s is None:
        return f"from {float(begin_s):.3f} s on"
    return f"between {float(begin_s):.3f} s and {float(end_s):.3f} s"


@contextlib.contextmanager
def _opened(source: MediaInput) -> Generator[tuple[Any, Any], None, None]:
    """A video's container and its pictures."""
    with open_container(source, "video") as container:
        stream = _picture_stream(container, source)
        try:
            yield container, stream
        finally:
            # A decoder holds Python's lock while it ends its threads, and where PyAV's log is on
            # (torchvision turns it on) a thread that meets an error waits for that lock: for ever.
            # This ends their work without the lock.
            stream.codec_context.flush_buffers()


def _picture_stream(container: Any, source: MediaInput) -> Any:
    streams = container.streams.video
    if not streams:
        raise MediaError(f"{named(source)} has no pictures in it; a video file is needed.")
    stream = streams[0]
    stream.thread_type = "AUTO"
    return stream


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, *FFMPEG_ERRORS):
            return
        try:
            frames = packet.decode()
        except FFMPEG_ERRORS:
            frames = []
        yield from frames


def _decoded_from(container: Any, stream: Any, begin_s: Fraction) -> Iterator[Any]:
    """Frames shown at ``begin_s`` or later; jumps to a key frame before it where it can."""
    if begin_s <= 0:
        yield from _decoded(container, stream)
        return
    tick = _tick_at(stream, begin_s)
    with contextlib.suppress(*FFMPEG_ERRORS):
        # Some kinds of file land a little late: they count in the order of decoding.
        container.seek(_tick_at(stream, max(Fraction(0), begin_s - _SEEK_MARGIN_S)), stream=stream)
    frames = _decoded(container, stream)
    first = next(frames, None)
    if first is None or (first.pts is not None and first.pts > tick):
        # This file knows no jumps, or too few: all before is decoded and left out.
        with contextlib.suppress(*FFMPEG_ERRORS):
            container.seek(0)
            first, frames = None, _decoded(container, stream)
    for frame in frames if first is None else itertools.chain([first], frames):
        if frame.pts is None or frame.pts >= tick:
            yield frame


def _tick_at(stream: Any, time_s: Fraction) -> int:
    """A time in ticks of the stream, rounded down: a frame that begins then is not missed."""
    return int(time_s / stream.time_base)


def _time_s(frame: Any) -> Fraction:
    return Fraction(frame.pts or 0) * Fraction(frame.time_base or 0)


def _last_packet(source: MediaInput, first_s: float, end_s: Fraction | None) -> tuple[int, float]:
    """Packets from ``first_s`` up to ``end_s``, and the latest time at which a frame starts, s."""
    count, last_s = 0, 0.0
    with _opened(source) as (container, stream):
        first_tick = round(first_s / stream.time_base)
        end_tick = None if end_s is None else _tick_at(stream, end_s)
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, *FFMPEG_ERRORS):
                return count, last_s
            if not packet.size or packet.pts is None or packet.is_discard:
                continue
            if packet.pts < first_tick or (end_tick is not None and packet.pts >= end_tick):
                continue
            count += 1
            last_s = max(last_s, float(packet.pts * packet.time_base))


def _rotation(frame: Any) -> int:
    return int(getattr(frame, "rotation", 0) or 0) % 360


def _constant_rate(
    source: VideoSource, first: int = 0
) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Pictures from ``first`` to the end, each the latest that had started at its time."""
    shown: Any = None  # the frame on screen, converted once however often it is repeated
    picture: np.ndarray[Any, np.dtype[np.uint8]] | None = None
    colours = ColourConverter()
    for tick, frame in _from_tick(source, first):
        # what comes before ``first`` is not converted
        while shown is not None and first < min(tick, source.frame_count):
            if picture is None:
                picture = _upright_rgb(shown, source, colours)
            yield picture
            first += 1
        if first >= source.frame_count:
            return
        shown, picture = frame, None
    while shown is not None and first < source.frame_count:
        if picture is None:
            picture = _upright_rgb(shown, source, colours)
        yield picture
        first += 1


def _from_tick(source: VideoSource, first: int) -> Iterator[tuple[int, Any]]:
    """Frames, each with the tick of the constant rate at which it begins; the one that is shown
    at tick ``first``, and perhaps some before it, come first."""
    jumped = False
    for moment in _after_jump(source, first):
        jumped = True
        yield moment
    if jumped:
        return
    tick = 0
    with _opened(source.path) as (container, stream):
        begin_s = Fraction(source.start_s) if source.is_part else Fraction(0)
        for frame in _decoded_from(container, stream, begin_s):
            # One without a time follows on the one before.
            tick = tick if frame.time is None else _tick_of(frame, source)
            yield tick, frame
            tick += 1


def _after_jump(source: VideoSource, first: int) -> Iterator[tuple[int, Any]]:
    """The same from a key frame on; nothing where the file cannot be entered before ``first``."""
    jump_s = Fraction(source.start_s) + first / source.fps - _SEEK_MARGIN_S
    if jump_s <= source.start_s:
        return
    with _opened(source.path) as (container, stream):
        try:
            container.seek(_tick_at(stream, jump_s), stream=stream)
        except FFMPEG_ERRORS:
            return
        frames = _decoded(container, stream)
        landed = next(frames, None)
        if landed is None or landed.time is None or _tick_of(landed, source) > first:
            return
        for frame in itertools.chain([landed], frames):
            if frame.time is not None:
                yield _tick_of(frame, source), frame


def _tick_of(frame: Any, source: VideoSource) -> int:
    """The nearest tick: time stamps are rounded to milliseconds in some containers."""
    return round((frame.time - source.start_s) * float(source.fps))


def _upright_rgb(
    frame: Any, source: VideoSource, colours: ColourConverter
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    rgb = colours.rgb_pixels(frame)
    rgb = np.rot90(rgb, source.rotation_deg // 90) if source.rotation_deg else rgb
    height, width = source.size
    if rgb.shape[:2] != (height, width):  # streams may change size half-way
        from PIL import Image

        rgb = np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BICUBIC))
    return rgb


def _chunk(pictures: list[np.ndarray[Any, np.dtype[np.uint8]]]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
