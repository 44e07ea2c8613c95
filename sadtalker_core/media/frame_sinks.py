"""Where frames go one by one: a video container, or a folder of pictures."""

from __future__ import annotations

import contextlib
import math
import os
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import av.error
import numpy as np
from PIL import Image

from ..errors import OutputError
from .colour import BT709, FULL, LIMITED, ColourConverter
from .files import ffmpeg_url
from .options import PRESETS, VideoOptions
from .pictures import png_text
from .sound_track import SoundPlan, SoundTrack, write_wav

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

_MUXERS = {"mp4": "mp4", "webm": "webm", "lossless": "matroska"}
_ENCODERS = {"mp4": "libx264", "webm": "libvpx-vp9", "lossless": "libx264rgb"}
_SOUND_AHEAD_S = 0.25  # the muxer waits for the slower stream, so they are fed side by side
_KEY_FRAME_EVERY_S = 4  # how far a player jumps at most when seeking
_MAX_THREADS = 8  # more cost quality and memory and gain nothing at these sizes
_PNG_COMPRESSION = 3


class FrameSink(Protocol):
    """Takes frames in order. ``finish`` completes the file; ``abort`` only lets go of it."""

    size: tuple[int, int]

    def write(self, pixels: Pixels) -> None: ...

    def finish(self) -> None: ...

    def abort(self) -> None: ...


class ContainerSink:
    """A video file: frames are encoded at once, the sound follows beside them.

    H.264 and VP9 store colour at half resolution and need even sizes: an odd width or height
    grows by one pixel, a copy of the last column or row. ``size`` is the size that is written.
    """

    def __init__(
        self,
        path: Path,
        kind: str,
        size: tuple[int, int],
        fps: Fraction,
        sound: SoundPlan | None,
        options: VideoOptions,
        metadata: dict[str, str],
        own_keys: dict[str, str] | None = None,
    ) -> None:
        height, width = size
        is_subsampled = kind != "lossless"
        self.size = (height + height % 2, width + width % 2) if is_subsampled else size
        self._source_size = size
        self._fps = fps
        self._count = 0
        self._colours = ColourConverter()
        self._is_rgb = not is_subsampled
        muxer_options = {"movflags": "+faststart"} if kind == "mp4" else {}
        if kind == "mp4" and sound is not None:
            # The lists of where tracks begin and end count in this; usual are whole milliseconds,
            # which leave some players a piece of the padding behind the last packet of sound.
            muxer_options["movie_timescale"] = str(sound.sample_rate)
        if own_keys and kind == "mp4":
            # MP4's usual tags know some names only; these are kept beside them, as ComfyUI does.
            muxer_options["movflags"] += "+use_metadata_tags"
        self._container: Any = av.open(
            ffmpeg_url(path), "w", format=_MUXERS[kind], options=muxer_options
        )
        self._sound: SoundTrack | None = None
        try:
            self._container.metadata.update({**metadata, **(own_keys or {})})
            self._stream = self._video_stream(kind, options)
            self._sound = SoundTrack(self._container, sound) if sound else None
        except BaseException:
            self.abort()
            raise

    def _video_stream(self, kind: str, options: VideoOptions) -> Any:
        name = _ENCODERS[kind]
        try:
            stream = self._container.add_stream(name, rate=self._fps)
        except (ValueError, av.error.FFmpegError) as error:
            raise OutputError(
                f"this build of PyAV has no {name} encoder; install av from PyPI, "
                "or choose another format."
            ) from error
        stream.height, stream.width = self.size
        codec: Any = stream.codec_context
        codec.time_base = 1 / self._fps
        codec.gop_size = math.ceil(self._fps * _KEY_FRAME_EVERY_S)
        # PyAV's default, slices, makes larger files that differ from run to run.
        codec.thread_type = "FRAME"
        codec.thread_count = min(os.cpu_count() or 1, _MAX_THREADS)
        if self._is_rgb:
            stream.pix_fmt = "rgb24"
            codec.color_range = FULL
            stream.options = {"qp": "0", "preset": options.preset}
            return stream
        stream.pix_fmt = "yuv420p"
        codec.color_range = LIMITED
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        if kind == "mp4":
            stream.options = {"crf": str(options.crf), "preset": options.preset}
        else:
            # libvpx counts quality to 63 and speed the other way round.
            speed = max(1, min(8, 7 - PRESETS.index(options.preset)))
            stream.options = {
                "crf": str(round(options.crf * 63 / 51)),
                "b": "0",
                "deadline": "good" if speed < 6 else "realtime",
                "cpu-used": str(speed),
                "row-mt": "1",
            }
        return stream

    def write(self, pixels: Pixels) -> None:
        frame = av.VideoFrame.from_ndarray(self._padded(pixels), format="rgb24")
        if not self._is_rgb:
            frame = self._colours.yuv420_bt709(frame)
        frame.pts = self._count
        frame.time_base = 1 / self._fps
        self._count += 1
        self._mux(self._stream.encode(frame))
        if self._sound is not None:
            for packet in self._sound.until(float(self._count / self._fps) + _SOUND_AHEAD_S):
                self._container.mux(packet)

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            if not packet.duration:
                packet.duration = 1  # one tick of 1 / fps: the last frame lasts as long as others
            self._container.mux(packet)

    def _padded(self, pixels: Pixels) -> Pixels:
        if self.size == self._source_size:
            return pixels
        (height, width), (to_height, to_width) = self._source_size, self.size
        return np.pad(pixels, ((0, to_height - height), (0, to_width - width), (0, 0)), "edge")

    def finish(self) -> None:
        self._mux(self._stream.encode(None))
        if self._sound is not None:
            for packet in self._sound.until(math.inf):
                self._container.mux(packet)
            self._sound.close()
        self._container.close()

    def abort(self) -> None:
        if self._sound is not None:
            self._sound.close()
        with contextlib.suppress(OSError, ValueError):  # the file is thrown away
            self._container.close()


class PictureFolderSink:
    """A folder with frame_000000.png and so on, and audio.wav beside them."""

    def __init__(
        self,
        folder: Path,
        size: tuple[int, int],
        sound: SoundPlan | None,
        metadata: dict[str, str],
    ) -> None:
        self.size = size
        self._folder = folder
        self._sound = sound
        self._text = png_text(metadata)
        self._count = 0
        folder.mkdir()

    def write(self, pixels: Pixels) -> None:
        name = f"{FRAME_PREFIX}{self._count:06d}.png"
        Image.fromarray(pixels).save(
            self._folder / name, pnginfo=self._text, compress_level=_PNG_COMPRESSION
        )
        self._count += 1

    def finish(self) -> None:
        if self._sound is not None:
            write_wav(self._sound, self._folder / SOUND_NAME)

    def abort(self) -> None:
        pass


FRAME_PREFIX = "frame_"
SOUND_NAME = "audio.wav"
