"""Video to files: encoded while it is rendered, complete or not there at all."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av.error
from torch import Tensor

from ..errors import MediaError, OutputError, StructureError, TalkingPortraitsError
from ..runtime import Runtime
from ..structures import AudioClip, FrameStream
from .audio_in import AudioSource, ClipSource, open_audio
from .files import check_output_path, replaced_when_complete, temporary_beside, write_error
from .frame_sinks import FRAME_PREFIX, SOUND_NAME, ContainerSink, FrameSink, PictureFolderSink
from .options import VideoOptions
from .pictures import pixels_hwc
from .provenance import container_metadata
from .sound_track import SoundPlan, plan_sound

SUFFIX_FORMATS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mp4",
    ".webm": "webm",
    ".mkv": "lossless",
    "": "png",
}
_QUEUED_CHUNKS = 2  # enough to overlap; each is runtime.chunk frames of memory
_POLL_S = 0.1  # how soon Ctrl-C and errors of the encoder are seen
_GIVE_UP_S = 5.0  # for the encoder to let go of its file after a stop


@dataclass(frozen=True)
class WrittenVideo:
    """What was written.

    Attributes:
        path: the file, or the folder of pictures.
        frames: their number.
        duration_s: exact length of the pictures.
        size: (H, W) as written: even for mp4 and webm.
        audio_duration_s: exact length of the sound, None without sound.
        is_audio_copied: whether the sound's packets were copied as they were.
    """

    path: Path
    frames: int
    duration_s: Fraction
    size: tuple[int, int]
    audio_duration_s: Fraction | None
    is_audio_copied: bool = False


def format_of(path: str | Path, options: VideoOptions) -> str:
    """The kind of output for a path: "mp4", "webm", "lossless" or "png".

    Raises:
        OutputError: the format is to follow the suffix, and the suffix is not known.
    """
    if options.format != "auto":
        return options.format
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIX_FORMATS:
        known = ", ".join(name for name in SUFFIX_FORMATS if name)
        raise OutputError(
            f"{path} has the unknown suffix {suffix!r}; known are {known}, "
            "or no suffix for a folder of pictures."
        )
    return SUFFIX_FORMATS[suffix]


def check_video_path(
    path: str | Path, options: VideoOptions, inputs: tuple[str | Path, ...] = ()
) -> None:
    """Raise ``OutputError`` if a video cannot or must not be written there. Cheap: ask first."""
    path = Path(path)
    kind = format_of(path, options)
    check_output_path(path, [Path(source) for source in inputs])
    if kind == "png":
        if path.exists() and not _is_replaceable_folder(path):
            raise OutputError(
                f"{path} exists and holds other things than frames of an earlier video; "
                "give the name of a new folder."
            )
    elif path.is_dir():
        raise OutputError(f"{path} is a folder; give the name of a file in it.")


def write_video(
    stream: FrameStream,
    path: str | Path,
    *,
    audio: AudioSource | ClipSource | AudioClip | Path | str | None,
    options: VideoOptions,
    metadata: Mapping[str, str],
    runtime: Runtime,
    own_keys: Mapping[str, str] | None = None,
) -> WrittenVideo:
    """Render the frames of ``stream`` into a file; encoding runs beside the rendering.

    Args:
        stream: chunks of (N, 3, H, W) RGB, uint8 or float in [0, 1], on any device. A chunk must
            not be changed after it was given. uint8 views of (N, H, W, 3) are taken as they are.
        path: suffix .mp4 .m4v .mov .webm .mkv, or none for a folder of pictures.
        audio: file, looked-through file, or clip; its packets are copied when they fit (AAC to
            MP4), else it is encoded at its own rate (Opus knows only 48 kHz) in high quality.
            It ends within one frame of the pictures.
        options: kind of output and quality.
        metadata: title, comment and anything else; ``read_provenance`` reads it back.
        runtime: asked for cancellation before each chunk, told ``progress("render", ...)``.
        own_keys: texts that a host looks for under their own names, such as ComfyUI's workflow;
            in a video file only.

    Raises:
        OutputError: unknown suffix, no permission, disk full, or the output is an input.
        MediaError: the sound cannot be read.
        StructureError: the stream's frames are not what it says.
        Cancelled: the user stopped. As with Ctrl-C, nothing is left under the final name.
    """
    path = Path(path)
    kind = format_of(path, options)
    if isinstance(audio, (str, Path)):
        audio = open_audio(audio, runtime)
    elif isinstance(audio, ClipSource):
        audio = audio.clip
    sources = _files_read(audio)
    check_video_path(path, options, sources)
    if stream.length < 1:
        raise StructureError(f"a video needs at least 1 frame, got {stream.length}.")
    video_s = stream.length / stream.fps
    sound: SoundPlan | None = None
    if audio is not None:
        sound_kind = "wav" if kind == "png" else kind
        rate = options.audio_bitrate * 1000
        sound = plan_sound(audio, sound_kind, video_s, stream.fps, rate)
    words = container_metadata(metadata)

    def make_sink(temporary: Path) -> FrameSink:
        if kind == "png":
            return PictureFolderSink(temporary, stream.size, sound, words)
        named = dict(own_keys or {})
        return ContainerSink(temporary, kind, stream.size, stream.fps, sound, options, words, named)

    with contextlib.ExitStack() as closing:
        close = getattr(stream.chunks, "close", None)
        if close is not None:
            closing.callback(close)  # a stopped renderer lets go of its memory now
        if kind == "png":
            size = _write_folder(stream, path, make_sink, runtime)
        else:
            with replaced_when_complete(path) as temporary:
                size = _encode(stream, path, make_sink, temporary, runtime)
    return WrittenVideo(
        path=path,
        frames=stream.length,
        duration_s=video_s,
        size=size,
        audio_duration_s=sound.duration_s if sound else None,
        is_audio_copied=sound is not None and sound.encoder is None,
    )


def _files_read(audio: AudioSource | AudioClip | None) -> tuple[Path, ...]:
    """The file of the sound, which must not be overwritten."""
    if isinstance(audio, AudioSource) and isinstance(audio.path, Path):
        return (audio.path,)
    return ()


def _write_folder(stream: FrameStream, path: Path, make_sink: Any, runtime: Runtime) -> Any:
    temporary = temporary_beside(path)
    try:
        size = _encode(stream, path, make_sink, temporary, runtime)
        if path.exists():
            # Another name first: a folder with files in it cannot be replaced in one step.
            old = temporary_beside(path)
            os.replace(path, old)
            try:
                os.replace(temporary, path)
            except BaseException:
                os.replace(old, path)  # an earlier result is never lost
                raise
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(temporary, path)
        return size
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_replaceable_folder(path: Path) -> bool:
    return path.is_dir() and all(
        item.name == SOUND_NAME or (item.name.startswith(FRAME_PREFIX) and item.suffix == ".png")
        for item in path.iterdir()
    )


def _rendered(stream: FrameStream) -> Iterator[Tensor]:
    """The chunks; a system error while they are made is not blamed on the output."""
    try:
        yield from stream.chunks
    except OSError as error:
        raise MediaError(f"the frames could not be made: {error}.") from error


def _encode(
    stream: FrameStream, path: Path, make_sink: Any, temporary: Path, runtime: Runtime
) -> tuple[int, int]:
    """Run the renderer here and the encoder in its thread, and see both end. Written (H, W)."""
    encoder = _Encoder(make_sink, temporary, path)
    encoder.start()
    done = 0
    try:
        runtime.progress("render", 0, stream.length)
        for chunk in _rendered(stream):
            runtime.check_cancelled()
            done += _checked(chunk, stream, done)
            encoder.put(chunk if chunk.device.type == "cpu" else _to_host(chunk))
            runtime.progress("render", done, stream.length)
        runtime.check_cancelled()
        if done != stream.length:
            raise StructureError(f"{stream.length} frames were announced, {done} were rendered.")
        return encoder.finish()
    except BaseException:
        encoder.stop()
        raise


def _checked(chunk: Tensor, stream: FrameStream, done: int) -> int:
    """Frames in the chunk, if it is what the stream says."""
    height, width = stream.size
    if chunk.ndim != 4 or tuple(chunk.shape[1:]) != (3, height, width):
        raise StructureError(
            f"frames {done} and on have shape {tuple(chunk.shape)}, "
            f"expected (N, 3, {height}, {width})."
        )
    if done + chunk.shape[0] > stream.length:
        raise StructureError(f"{stream.length} frames were announced, more were rendered.")
    return chunk.shape[0]


def _to_host(chunk: Tensor) -> Tensor:
    import torch

    return torch.from_numpy(pixels_hwc(chunk)).permute(0, 3, 1, 2)


class _Encoder:
    """A thread that feeds a sink from a short queue."""

    def __init__(self, make_sink: Any, temporary: Path, path: Path) -> None:
        self._make_sink = make_sink
        self._temporary = temporary
        self._path = path
        self._queue: queue.Queue[Tensor | None] = queue.Queue(_QUEUED_CHUNKS)
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._size = (0, 0)
        self._thread = threading.Thread(target=self._run, name="video-encoder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, chunk: Tensor | None) -> None:
        while True:
            self._raise_error()
            with contextlib.suppress(queue.Full):
                self._queue.put(chunk, timeout=_POLL_S)
                return

    def finish(self) -> tuple[int, int]:
        self.put(None)
        while self._thread.is_alive():
            self._thread.join(_POLL_S)  # in short steps: join alone would hold Ctrl-C back
        self._raise_error()
        return self._size

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(_GIVE_UP_S)

    def _raise_error(self) -> None:
        if self._error is None:
            return
        if isinstance(self._error, TalkingPortraitsError):
            raise self._error
        if isinstance(self._error, (OSError, av.error.FFmpegError)):
            raise write_error(self._path, self._error) from self._error
        raise self._error

    def _run(self) -> None:
        sink: FrameSink | None = None
        try:
            made: FrameSink = self._make_sink(self._temporary)
            sink, self._size = made, made.size
            while (chunk := self._next()) is not None:
                for index in range(chunk.shape[0]):
                    if self._stopping.is_set():
                        raise _Stopped
                    made.write(pixels_hwc(chunk[index : index + 1])[0])
            made.finish()
        except BaseException as error:  # also MemoryError: it must reach the caller
            self._error = error
            if sink is not None:
                with contextlib.suppress(Exception):
                    sink.abort()

    def _next(self) -> Tensor | None:
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Empty):
                return self._queue.get(timeout=_POLL_S)
        raise _Stopped


class _Stopped(Exception):
    """Ends the encoder's thread when the caller gave up."""
