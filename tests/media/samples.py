"""Small media made on the fly, with the real encoders."""

from __future__ import annotations

import math
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor

from sadtalker_core.media.hdr import PQ
from sadtalker_core.media.video_in import open_video
from sadtalker_core.structures import FrameStream


def tone(rate: int, samples: int, channels: int = 1, hz: float = 440.0) -> np.ndarray[Any, Any]:
    """(C, S) float32 sine at a third of full scale, channel c at (c + 1) times ``hz``."""
    time_s = np.arange(samples) / rate
    rows = [np.sin(2 * math.pi * hz * (c + 1) * time_s) / 3 for c in range(channels)]
    return np.stack(rows).astype(np.float32)


def write_wav(path: Path, samples: np.ndarray[Any, Any], rate: int) -> Path:
    """16 bit WAV of (C, S) float samples, without FFmpeg."""
    data = (samples.T * 32767).round().astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(data.tobytes())
    return path


def write_sound(path: Path, codec: str, samples: np.ndarray[Any, Any], rate: int) -> Path:
    """(C, S) float32 samples through an encoder of FFmpeg; the suffix chooses the container."""
    channels = samples.shape[0]
    layout = {1: "mono", 2: "stereo", 6: "5.1"}.get(channels, f"{channels}c")
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.codec_context.layout = layout
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format="fltp", layout=layout
        )
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout=layout)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def pictures(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """(N, 3, H, W) uint8: smooth colours that move, none equal to another."""
    torch.manual_seed(seed)
    coarse = torch.rand(1, 3, 4, 4)
    base = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    still = (base[0].clamp(0, 1) * 255).round().to(torch.uint8)
    return torch.stack([still.roll(index % width, 2) for index in range(count)])


def frame_stream(
    frames: Tensor, fps: Fraction | int = 25, chunk: int = 8, length: int | None = None
) -> FrameStream:
    """A stream over (T, 3, H, W) frames; ``length`` may lie about T."""

    def chunks() -> Iterator[Tensor]:
        yield from frames.split(chunk)

    height, width = int(frames.shape[2]), int(frames.shape[3])
    return FrameStream(chunks(), length or len(frames), (height, width), Fraction(fps))


def decoded(path: Path) -> Tensor:
    """(T, 3, H, W) all frames of a video."""
    return torch.cat(list(open_video(path).frames()))


def write_video_without_frames(path: Path) -> Path:
    """A file with a video stream that nothing was ever put into."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.height = stream.width = 64
        stream.pix_fmt = "yuv420p"
        container.start_encoding()
    return path


def write_plain_video(
    path: Path, frames: Tensor, times: list[int], time_base: Fraction, codec: str = "libx264"
) -> Path:
    """Frames with time stamps of one's own choice, lossless, without sound."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.height, stream.width = int(frames.shape[2]), int(frames.shape[3])
        stream.pix_fmt = "yuv444p"
        stream.codec_context.time_base = time_base
        stream.options = {"qp": "0", "bf": "0"}
        for picture, time in zip(frames, times):
            pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_hdr_video(path: Path, picture: Tensor, count: int) -> Path:
    """``count`` frames of a picture (3, H, W) uint8 whose levels are said to be PQ's, lossless.

    PQ's whole range is far brighter than a face, so give a dark picture.
    """
    pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.height, stream.width = int(picture.shape[1]), int(picture.shape[2])
        stream.pix_fmt = "yuv420p10le"
        stream.options = {"qp": "0"}
        context = stream.codec_context
        context.colorspace, context.color_range = 9, 1
        context.color_trc, context.color_primaries = PQ, 9
        for _ in range(count):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p10le")))
        container.mux(stream.encode(None))
    return path


TELLS_TRANSFER = hasattr(av.VideoFrame, "color_trc")  # whether this PyAV tells a frame's transfer


def stream_ends(path: Path) -> dict[str, Fraction]:
    """By kind of stream, the latest end of a packet in seconds, as a player sees it."""
    ends: dict[str, Fraction] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.pts is None or not packet.size:
                continue
            end = (packet.pts + (packet.duration or 0)) * Fraction(packet.time_base)
            kind = packet.stream.type
            ends[kind] = max(ends.get(kind, Fraction(0)), end)
    return ends


def decoded_sound(path: Path) -> np.ndarray[Any, Any]:
    """(C, S) of all decoded samples as FFmpeg gives them."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp")
        parts: list[Any] = []
        for frame in container.decode(audio=0):
            frame.pts = None
            parts += [part.to_ndarray() for part in resampler.resample(frame)]
        parts += [part.to_ndarray() for part in resampler.resample(None)]
    return np.concatenate(parts, axis=1)


def turned_clockwise(path: Path) -> Path:
    """Write into an MP4's header that it is to be shown turned, as phones do."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # matrix of a version 0 track header
    a, b, c, d = 0, 1, -1, 0
    matrix = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], ">i4")
    data[at : at + 36] = matrix.tobytes()
    path.write_bytes(data)
    return path
