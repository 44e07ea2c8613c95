"""ComfyUI's AUDIO, VIDEO and IMAGE as the sounds and videos that the library reads.

Files stay files: they are decoded while they are read, in constant memory, as often as it takes.
What is in memory already stays where it is and is not copied.
"""

from __future__ import annotations

import inspect
import io
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..sadtalker_core.errors import MediaError, OptionError
from ..sadtalker_core.motion_request import ReferenceVideo
from ..sadtalker_core.runtime import Runtime
from ..sadtalker_core.structures import AudioClip, FrameStream
from .bridge import pictures_of
from .moving import frames_in, rate_of

if TYPE_CHECKING:
    from ..sadtalker_core.media.audio_in import AudioSource, ClipSource
    from ..sadtalker_core.media.video_in import VideoSource

_CHUNK = 8  # frames of a reference video that are read at a time
_EDITED_BYTES = 256 * 1024 * 1024  # of float frames that the host decodes at a time for us
_REMEMBERED = 16  # sounds of which the length and kind are kept


@dataclass(frozen=True)
class CountedVideo(ReferenceVideo):
    """A video that came through a socket, whose length is known.

    Attributes:
        count: frames of each pass.
        size: (H, W) in pixels.
        file: where the frames are those of a file, which can be read from any frame on.
    """

    count: int
    size: tuple[int, int]
    file: VideoSource | None = None

    def stream(self) -> FrameStream:
        """One pass over its frames."""
        return FrameStream(iter(self.open()), self.count, self.size, self.fps)


@dataclass(frozen=True)
class SoundInput:
    """A sound that came through a socket, read as often as it is asked for.

    Attributes:
        source: the file, or the sound in memory.
    """

    source: AudioSource | ClipSource

    @property
    def duration_s(self) -> Fraction:
        """Exact length in seconds."""
        return self.source.duration_s

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to hear from start to end."""
        return self.source.is_silent

    @property
    def for_writer(self) -> AudioClip | AudioSource:
        """What ``write_video`` takes; AAC of a file is then copied as it is."""
        from ..sadtalker_core.media.audio_in import ClipSource

        return self.source.clip if isinstance(self.source, ClipSource) else self.source

    def sample_count(self, rate: int) -> int:
        """Samples that ``open(rate)`` gives altogether."""
        return self.source.sample_count(rate)

    def open(self, rate: int = 16000) -> Iterator[Tensor]:
        """The sound from its start: (S,) float32 mono tensors in [-1, 1] at ``rate`` Hz."""
        return self.source.stream(rate)


def sound_of(audio: Mapping[str, Any] | None, runtime: Runtime | None = None) -> SoundInput | None:
    """The sound of an AUDIO or PORTRAIT_SOUND socket, None if nothing is connected.

    Args:
        audio: {"waveform": (1, C, S) in [-1, 1], "sample_rate": Hz}, or a file that is streamed.
        runtime: asked for cancellation while a file is looked through.

    Raises:
        MediaError: several sounds in one, no samples, or a file that cannot be read.
    """
    from ..sadtalker_core.media.audio_in import open_clip

    if audio is None:
        return None
    if "waveform" not in audio:
        return SoundInput(_looked_through(Path(str(audio["path"])), runtime))
    waveform: Tensor = audio["waveform"]
    if waveform.ndim == 2:
        waveform = waveform[None]
    if waveform.ndim != 3 or waveform.shape[0] != 1:
        raise MediaError(
            f"the AUDIO holds sounds of shape {tuple(waveform.shape)} (sounds, channels, samples); "
            "one sound at a time is needed: set the batch size to 1 in the node that makes it, or "
            "give the sounds one after the other as a list."
        )
    return SoundInput(open_clip(AudioClip(waveform[0], int(audio["sample_rate"]))))


_seen: dict[tuple[str, int, int], AudioSource] = {}


def _looked_through(path: Path, runtime: Runtime | None) -> AudioSource:
    """A sound file; several nodes of a graph ask for the same, it is looked through once."""
    from ..sadtalker_core.media.audio_in import open_audio

    try:
        state = path.stat()
    except OSError:
        return open_audio(path, runtime)  # which says what is wrong
    key = str(path), state.st_mtime_ns, state.st_size
    found = _seen.pop(key, None) or open_audio(path, runtime)
    _seen[key] = found  # now the latest
    while len(_seen) > _REMEMBERED:
        del _seen[next(iter(_seen))]
    return found


def reference_of(video: Any | None, images: Tensor | None, fps: float) -> ReferenceVideo:
    """The frames of a VIDEO or of a batch of pictures, read while they are needed.

    Args:
        video: a VIDEO; its cut, crop and size are respected.
        images: IMAGE (B, H, W, C) in [0, 1], instead of a VIDEO.
        fps: frames per second of ``images``; a VIDEO has its own.

    Raises:
        OptionError: both or none are given, or ``fps`` is no rate.
        MediaError: the video cannot be read.
    """
    if images is not None:
        if video is not None:
            raise OptionError("a VIDEO or IMAGE frames are needed, and both are connected.")
        return ReferenceVideo(_chunks_of(images), _rate(fps))
    if video is None:
        raise OptionError("a VIDEO or IMAGE frames are needed, and none is connected.")
    if _is_in_memory(video):
        parts = video.get_components()
        return ReferenceVideo(_chunks_of(parts.images), _rate(parts.frame_rate))
    source = _opened(video)
    if _is_edited(video, source):
        return ReferenceVideo(lambda: _edited_frames(video, source), source.fps)
    return ReferenceVideo(lambda: source.frames(_CHUNK), source.fps)


def counted_video(
    video: Any | None, images: Tensor | None, fps: float, runtime: Runtime
) -> CountedVideo:
    """The same with its length and size; what the host edits is read once to count it.

    Raises:
        OptionError: both or none are given, or ``fps`` is no rate.
        MediaError: the video cannot be read, or has no frames.
    """
    reference = reference_of(video, images, fps)
    if video is not None and _is_in_memory(video):
        images = video.get_components().images
    if images is not None:
        size = int(images.shape[1]), int(images.shape[2])
        return CountedVideo(reference.open, reference.fps, len(images), size)
    source = _opened(video)
    if not _is_edited(video, source):
        return CountedVideo(
            reference.open, reference.fps, source.frame_count, source.size, file=source
        )
    count, size = frames_in(reference, runtime), (0, 0)
    for chunk in reference.open():
        size = int(chunk.shape[2]), int(chunk.shape[3])
        break
    if not count:
        raise MediaError("the video has no frames; connect another one, or another part of it.")
    return CountedVideo(reference.open, reference.fps, count, size)


def video_sound(video: Any | None, runtime: Runtime | None = None) -> SoundInput | None:
    """The sound of a VIDEO beginning with its first picture, None if it has none.

    Raises:
        MediaError: it cannot be read.
    """
    from ..sadtalker_core.media.audio_in import open_audio

    if video is None:
        return None
    if _is_in_memory(video):
        return sound_of(video.get_components().audio, runtime)
    source = _opened(video)
    if not source.has_audio:
        return None
    start_s, duration_s = _window(video)
    if not start_s and duration_s is None:
        whole = open_audio(source.path, runtime)
        # Times of some files are a little wrong; a whole track is better for that.
        if abs(whole.start_s - Fraction(source.start_s)) < 1 / (2 * source.fps):
            return SoundInput(whole)
    begin_s = Fraction(source.start_s).limit_denominator(1_000_000)
    return SoundInput(
        open_audio(
            source.path,
            runtime,
            start_s=max(Fraction(0), begin_s),
            duration_s=None if duration_s is None else source.duration_s,
        )
    )


def video_of(path: str | Path) -> Any:
    """A video file as a VIDEO; it stays a file."""
    from .host import InputImpl

    return InputImpl.VideoFromFile(str(path))


def _rate(fps: float | Fraction) -> Fraction:
    if not math.isfinite(fps) or fps <= 0:
        raise OptionError(f"frames per second must be above 0, got {fps}.")
    if isinstance(fps, Fraction) and fps.denominator <= 1001:
        return fps  # a file's own
    return rate_of(float(fps))


def _chunks_of(images: Tensor) -> Callable[[], Iterator[Tensor]]:
    pictures_of(images[:1])  # says what is wrong now, not in the middle of the work

    def chunks() -> Iterator[Tensor]:
        for start in range(0, images.shape[0], _CHUNK):
            yield pictures_of(images[start : start + _CHUNK])

    return chunks


def _is_in_memory(video: Any) -> bool:
    """Whether the video is tensors: asked for a file, it would be encoded, with loss."""
    from .host import InputImpl

    if isinstance(video, InputImpl.VideoFromComponents):
        return True
    # Videos of other packs: those that leave the question to the host's base class.
    for kind in type(video).__mro__:
        if "get_stream_source" in vars(kind):
            return inspect.isabstract(kind)
    return True


def _opened(video: Any) -> VideoSource:
    from ..sadtalker_core.media.video_in import open_video

    source = video.get_stream_source()
    start_s, duration_s = _window(video)
    path = source if isinstance(source, io.BytesIO) else Path(source)
    return open_video(path, start_s=start_s, duration_s=duration_s)


def _window(video: Any) -> tuple[float, float | None]:
    """Start and length in seconds of the part that is used; None: to the end."""
    if not hasattr(video, "get_active_trim_window"):  # ComfyUI before trimming
        return 0.0, None
    start_s, duration_s = video.get_active_trim_window()
    return float(start_s), float(duration_s) or None


def _is_edited(video: Any, source: VideoSource) -> bool:
    """Whether the host would change what is in the file: crop, resize, or cut in ways of its own.

    Newer cores say so; those between tell by a size or a length that is not the file's.
    """
    from ..sadtalker_core.media.containers import open_container

    if hasattr(video, "has_pending_frame_edits") and video.has_pending_frame_edits():
        return True
    if sorted(video.get_dimensions()) != sorted(source.size):
        return True
    if hasattr(video, "get_active_trim_window") or not hasattr(video, "as_trimmed"):
        return False
    with open_container(source.path, "video") as container:
        known = container.duration
    return known is not None and abs(video.get_duration() - known / 1e6) > 0.5 / source.fps


def _edited_frames(video: Any, source: VideoSource) -> Iterator[Tensor]:
    """Frames as the host makes them of the file, a few seconds at a time.

    Only the host knows its edits. Parts begin and end half-way between two frames, so that each
    frame is in one of them however times are rounded.
    """
    width, height = video.get_dimensions()
    at_once = max(_CHUNK, _EDITED_BYTES // (max(width * height, 1) * 12))
    frame_s, length_s = float(1 / source.fps), float(video.get_duration())
    done = 0
    while True:
        start_s = max(0.0, (done - 0.5) * frame_s)
        if start_s >= length_s:
            return
        end_s = min((done + at_once - 0.5) * frame_s, length_s)
        part = video.as_trimmed(start_s, end_s - start_s, strict_duration=False)
        if part is not None:
            images = part.get_components().images
            for start in range(0, images.shape[0], _CHUNK):
                yield pictures_of(images[start : start + _CHUNK])
        done += at_once
