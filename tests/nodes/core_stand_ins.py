"""Core nodes that the example graphs use, each as small as it can be.

Names, types and order of sockets are ComfyUI's. What they are given is checked more strictly than
there: an IMAGE of a wrong layout is an error here and a strange picture there.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

from . import host_stand_ins

SEEN: list[torch.Tensor] = []
"""What went into ``VAEEncode``, newest last."""


def checked_image(image: Any) -> torch.Tensor:
    """An IMAGE as every core node expects it: (B, H, W, 3), float32, [0, 1], contiguous."""
    assert isinstance(image, torch.Tensor), type(image)
    assert image.ndim == 4, image.shape
    assert image.shape[-1] == 3, image.shape
    assert image.dtype == torch.float32, image.dtype
    assert image.is_contiguous()
    low, high = float(image.min()), float(image.max())
    assert low >= 0, low
    assert high <= 1, high
    return image


def checked_mask(mask: Any) -> torch.Tensor:
    """A MASK: (B, H, W), float32, [0, 1]."""
    assert isinstance(mask, torch.Tensor), type(mask)
    assert mask.ndim == 3, mask.shape
    assert mask.dtype == torch.float32, mask.dtype
    assert float(mask.min()) >= 0
    assert float(mask.max()) <= 1
    return mask


def checked_audio(audio: Any) -> dict[str, Any]:
    """An AUDIO: waveform (B, C, S) float32 and its rate."""
    assert audio["waveform"].ndim == 3
    assert audio["waveform"].dtype == torch.float32
    assert isinstance(audio["sample_rate"], int)
    return audio


def _alike(first: Any, second: Any) -> tuple[torch.Tensor, torch.Tensor]:
    assert checked_audio(first)["sample_rate"] == checked_audio(second)["sample_rate"]
    return first["waveform"], second["waveform"]


def _input(name: str) -> str:
    import folder_paths

    path = Path(folder_paths.get_annotated_filepath(name))
    assert path.is_file(), f"{name} is not in the input folder"
    return str(path)


def _new_file(prefix: str, suffix: str) -> tuple[Path, dict[str, str]]:
    import folder_paths

    root = folder_paths.get_output_directory()
    folder, name, count, below, _ = folder_paths.get_save_image_path(prefix, root, 1, 1)
    Path(folder).mkdir(parents=True, exist_ok=True)
    file = f"{name}_{count:05}_.{suffix}"
    return Path(folder) / file, host_stand_ins.SavedResult(file, below, "output")


class Core:
    """A node of the first kind; the docstring of ``run`` has its sockets."""

    FUNCTION = "run"
    REQUIRED: dict[str, Any] = {}
    OPTIONAL: dict[str, Any] = {}
    RETURN_TYPES: tuple[str, ...] = ()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        given = {"required": cls.REQUIRED, "optional": cls.OPTIONAL}
        return {
            group: {name: (kind, {}) for name, kind in inputs.items()}
            for group, inputs in given.items()
        }


class LoadImage(Core):
    REQUIRED = {"image": "COMBO"}
    RETURN_TYPES = ("IMAGE", "MASK")

    def run(self, image: str) -> tuple[torch.Tensor, torch.Tensor]:
        import numpy as np
        from PIL import Image

        with Image.open(_input(image)) as picture:
            pixels = torch.from_numpy(np.array(picture.convert("RGB"))).float()[None] / 255
        return pixels, torch.zeros(1, 64, 64)


class LoadAudio(Core):
    REQUIRED = {"audio": "COMBO"}
    RETURN_TYPES = ("AUDIO",)

    def run(self, audio: str) -> tuple[dict[str, Any]]:
        import av
        import numpy as np

        with av.open(_input(audio)) as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
            frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
            samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
            return ({"waveform": torch.from_numpy(samples)[None], "sample_rate": stream.rate},)


class AudioConcat(Core):
    REQUIRED = {"audio1": "AUDIO", "audio2": "AUDIO", "direction": "COMBO"}
    RETURN_TYPES = ("AUDIO",)

    def run(self, audio1: Any, audio2: Any, direction: str) -> tuple[dict[str, Any]]:
        first, second = _alike(audio1, audio2)
        parts = (first, second) if direction == "after" else (second, first)
        return ({"waveform": torch.cat(parts, dim=2), "sample_rate": audio1["sample_rate"]},)


class AudioMerge(Core):
    REQUIRED = {"audio1": "AUDIO", "audio2": "AUDIO", "merge_method": "COMBO"}
    RETURN_TYPES = ("AUDIO",)

    def run(self, audio1: Any, audio2: Any, merge_method: str) -> tuple[dict[str, Any]]:
        first, second = _alike(audio1, audio2)
        merged = {
            "add": torch.add,
            "subtract": torch.sub,
            "multiply": torch.mul,
            "mean": lambda a, b: (a + b) / 2,
        }[merge_method](first, second)
        return ({"waveform": merged, "sample_rate": audio1["sample_rate"]},)


class LoadVideo(Core):
    REQUIRED = {"file": "COMBO"}
    RETURN_TYPES = ("VIDEO",)

    def run(self, file: str) -> tuple[Any]:
        return (host_stand_ins.VideoFromFile(_input(file)),)


class CreateVideo(Core):
    REQUIRED = {"images": "IMAGE", "fps": "FLOAT"}
    OPTIONAL = {"audio": "AUDIO"}
    RETURN_TYPES = ("VIDEO",)

    def run(self, images: torch.Tensor, fps: float, audio: Any = None) -> tuple[Any]:
        sound = None if audio is None else checked_audio(audio)
        made = host_stand_ins.VideoComponents(checked_image(images), Fraction(fps), sound)
        return (host_stand_ins.VideoFromComponents(made),)


class GetVideoComponents(Core):
    REQUIRED = {"video": "VIDEO"}
    RETURN_TYPES = ("IMAGE", "AUDIO", "FLOAT")

    def run(self, video: Any) -> tuple[Any, Any, float]:
        made = video.get_components()
        return made.images, made.audio, float(made.frame_rate)


class SaveVideo(Core):
    REQUIRED = {"video": "VIDEO", "filename_prefix": "STRING", "format": "COMBO", "codec": "COMBO"}
    OUTPUT_NODE = True

    def run(self, video: Any, filename_prefix: str, format: str, codec: str) -> dict[str, Any]:
        path, result = _new_file(filename_prefix, "mp4")
        video.save_to(str(path), format=format, codec=codec, metadata={"prompt": {}})
        return {"ui": {"images": [result], "animated": (True,)}, "result": ()}


class SaveAudio(Core):
    REQUIRED = {"audio": "AUDIO", "filename_prefix": "STRING"}
    OUTPUT_NODE = True

    def run(self, audio: Any, filename_prefix: str) -> tuple[()]:
        checked_audio(audio)
        return ()


class SaveImage(Core):
    REQUIRED = {"images": "IMAGE", "filename_prefix": "STRING"}
    OUTPUT_NODE = True

    def run(self, images: torch.Tensor, filename_prefix: str) -> dict[str, Any]:
        return _shown(checked_image(images))


class PreviewImage(Core):
    REQUIRED = {"images": "IMAGE"}
    OUTPUT_NODE = True

    def run(self, images: torch.Tensor) -> dict[str, Any]:
        return _shown(checked_image(images))


class MaskPreview(Core):
    REQUIRED = {"mask": "MASK"}
    OUTPUT_NODE = True

    def run(self, mask: torch.Tensor) -> dict[str, Any]:
        return _shown(checked_mask(mask)[..., None].expand(-1, -1, -1, 3))


class PreviewAny(Core):
    REQUIRED = {"source": "*"}
    OUTPUT_NODE = True

    def run(self, source: Any) -> dict[str, Any]:
        return {"ui": {"text": (str(source),)}, "result": ()}


class ImageScale(Core):
    REQUIRED = {
        "image": "IMAGE",
        "upscale_method": "COMBO",
        "width": "INT",
        "height": "INT",
        "crop": "COMBO",
    }
    RETURN_TYPES = ("IMAGE",)

    def run(self, image: torch.Tensor, width: int, height: int, **_: Any) -> tuple[torch.Tensor]:
        return (_resized(image, height, width),)


class ImageScaleBy(Core):
    REQUIRED = {"image": "IMAGE", "upscale_method": "COMBO", "scale_by": "FLOAT"}
    RETURN_TYPES = ("IMAGE",)

    def run(self, image: torch.Tensor, scale_by: float, **_: Any) -> tuple[torch.Tensor]:
        height, width = (round(side * scale_by) for side in image.shape[1:3])
        return (_resized(image, height, width),)


class ImageCompositeMasked(Core):
    REQUIRED = {
        "destination": "IMAGE",
        "source": "IMAGE",
        "x": "INT",
        "y": "INT",
        "resize_source": "BOOLEAN",
    }
    OPTIONAL = {"mask": "MASK"}
    RETURN_TYPES = ("IMAGE",)

    def run(
        self, destination: torch.Tensor, source: torch.Tensor, x: int, y: int, **rest: Any
    ) -> tuple[torch.Tensor]:
        made = checked_image(destination).clone()
        height, width = checked_image(source).shape[1:3]
        weight = (
            torch.ones(1) if rest.get("mask") is None else checked_mask(rest["mask"])[..., None]
        )
        place = made[:, y : y + height, x : x + width]
        fitting = source[:, : place.shape[1], : place.shape[2]]
        if weight.ndim == 4:
            weight = weight[:, : place.shape[1], : place.shape[2]]
        place.copy_(fitting * weight + place * (1 - weight))
        return (made,)


class VAEEncode(Core):
    """In place of an autoencoder: takes what one would, gives a latent of its shape."""

    REQUIRED = {"pixels": "IMAGE"}
    RETURN_TYPES = ("LATENT",)

    def run(self, pixels: torch.Tensor) -> tuple[dict[str, torch.Tensor]]:
        count, height, width, _ = checked_image(pixels).shape
        SEEN.append(pixels)
        return ({"samples": torch.zeros(count, 4, height // 8, width // 8)},)


def _shown(image: torch.Tensor) -> dict[str, Any]:
    return {"ui": host_stand_ins.PreviewImage(image).as_dict(), "result": ()}


def _resized(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    planes = checked_image(image).movedim(-1, 1)
    resized = torch.nn.functional.interpolate(planes, (height, width), mode="nearest")
    return resized.movedim(1, -1).contiguous()


NODES: dict[str, type[Any]] = {kind.__name__: kind for kind in Core.__subclasses__()}
