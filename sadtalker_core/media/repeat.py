"""A video or a picture made as long as a sound: repeated, played back and forth, held or cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import torch
from torch import Tensor

from ..errors import MediaError, OptionError
from ..motion_request import OpenFrames
from ..relip_request import RelipVideo
from .options import REPEATS
from .video_in import VideoSource

_CHUNK_BYTES = 48_000_000  # large pictures travel in smaller chunks
# A group of frames that is played backward is decoded forward from the key frame before it. Larger
# groups are decoded less often: this holds 31 frames of full HD.
_GROUP_BYTES = 192_000_000


def repeated_video(source: VideoSource, length: int, repeat: str, chunk: int) -> RelipVideo:
    """The first ``length`` frames of a video that goes on after its end.

    Args:
        source: the video.
        length: frames that are wanted.
        repeat: what follows the last frame. "ping-pong": backward to the first frame, forward
            again and so on; the two ends are not shown twice. "loop": the first frame. "hold": the
            last frame again. "trim": nothing, and the result is the shorter one.
        chunk: most frames that travel together.

    Returns:
        A video that decodes while it is read. It keeps at most a chunk, or while it runs backward
        a group of frames that is bounded in bytes.
    """
    _check(length, repeat)
    count = source.frame_count
    length = min(length, count) if repeat == "trim" else length
    chunk = _chunk_of(chunk, source.size)

    def opened() -> Iterator[Tensor]:
        return _exactly(_endless(source, repeat, chunk), length, chunk, source)

    return RelipVideo(opened, source.fps, length, source.size, _order(count, repeat))


def repeated_picture(rgb: Tensor, fps: Fraction, length: int, chunk: int) -> RelipVideo:
    """A still picture (3, H, W) uint8 as a video of ``length`` frames."""
    _check(length, "hold")
    height, width = int(rgb.shape[1]), int(rgb.shape[2])
    size = height, width
    chunk = _chunk_of(chunk, size)

    def opened() -> Iterator[Tensor]:
        for first in range(0, length, chunk):
            yield rgb.expand(min(chunk, length - first), 3, height, width).clone()

    return RelipVideo(opened, fps, length, size, _order(1, "hold"))


def repeated_frames(
    open_frames: OpenFrames,
    fps: Fraction,
    count: int,
    size: tuple[int, int],
    length: int,
    repeat: str,
    chunk: int,
) -> RelipVideo:
    """The same of frames that a host hands over, ``count`` of them in each fresh pass.

    Where a host cannot jump, what is played backward is read from the start for each group.
    """
    _check(length, repeat)
    length = min(length, count) if repeat == "trim" else length
    chunk = _chunk_of(chunk, size)

    def from_frame(first: int) -> Iterator[Tensor]:
        return _later(open_frames(), first)

    def opened() -> Iterator[Tensor]:
        endless = _endless_from(from_frame, count, size, repeat, chunk)
        return _exactly(endless, length, chunk, None)

    return RelipVideo(opened, fps, length, size, _order(count, repeat))


def _check(length: int, repeat: str) -> None:
    if repeat not in REPEATS:
        raise OptionError(f"repeat is {repeat!r}, known values are: {', '.join(REPEATS)}.")
    if length < 1:
        raise OptionError(f"a video needs at least 1 frame, got {length}.")


def _chunk_of(chunk: int, size: tuple[int, int]) -> int:
    return max(1, min(chunk, _CHUNK_BYTES // (size[0] * size[1] * 3)))


def _order(count: int, repeat: str) -> Callable[[int], int]:
    """Which source frame each frame shows."""
    if repeat == "loop":
        return lambda index: index % count
    if repeat == "ping-pong" and count > 1:
        period = 2 * (count - 1)
        return lambda index: min(index % period, period - index % period)
    return lambda index: min(index, count - 1)


def _endless(source: VideoSource, repeat: str, chunk: int) -> Iterator[Tensor]:
    def from_frame(first: int) -> Iterator[Tensor]:
        return source.frames(chunk, first)

    return _endless_from(from_frame, source.frame_count, source.size, repeat, chunk)


def _endless_from(
    from_frame: Callable[[int], Iterator[Tensor]],
    count: int,
    size: tuple[int, int],
    repeat: str,
    chunk: int,
) -> Iterator[Tensor]:
    """Chunks of frames without an end, but for "trim"."""
    last: Tensor | None = None
    for frames in from_frame(0):
        last = frames[-1:]
        yield frames
    if last is None or repeat == "trim":
        return
    last = last.clone()  # not the chunk that it is a part of
    while repeat == "hold" or count == 1:
        yield last
    group = max(chunk, _GROUP_BYTES // (size[0] * size[1] * 3))
    while True:
        if repeat == "ping-pong":  # back to the second frame, and on from the first
            yield from _backward(from_frame, count - 1, group, chunk)
        yield from from_frame(0)


def _backward(
    from_frame: Callable[[int], Iterator[Tensor]], end: int, group: int, chunk: int
) -> Iterator[Tensor]:
    """Frames ``end - 1`` down to 1."""
    while end > 1:
        begin = max(1, end - group)
        held: list[Tensor] = []
        for frames in from_frame(begin):
            missing = end - begin - len(held)
            held += frames[:missing].unbind()
            if len(held) == end - begin:
                break
        held.reverse()
        while held:
            yield torch.stack(held[:chunk])
            del held[:chunk]  # what was given is let go of
        end = begin


def _later(chunks: Iterator[Tensor], first: int) -> Iterator[Tensor]:
    """Chunks without the first frames."""
    for frames in chunks:
        if first < len(frames):
            yield frames[first:]
        first = max(0, first - len(frames))


def _exactly(
    chunks: Iterator[Tensor], length: int, chunk: int, source: VideoSource | None
) -> Iterator[Tensor]:
    """``length`` frames in chunks of one size, wherever they were cut before."""
    held: list[Tensor] = []
    given = 0
    for frames in chunks:
        for frame in frames:
            held.append(frame)
            if len(held) == min(chunk, length - given):
                yield torch.stack(held)
                given += len(held)
                held = []
            if given == length:
                return
    name = "the video" if source is None else str(source.path)
    raise MediaError(f"{name} ended after {given + len(held)} of {length} frames.")
