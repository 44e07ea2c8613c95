"""Pictures from and to files, with every kind of pixel turned into plain RGB."""

from __future__ import annotations

import io
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..errors import MediaError, OutputError, StructureError
from .files import check_input_file, replaced_when_complete

MAX_MEGAPIXELS = 80  # 240 MB as RGB; cameras for portraits stay below
MIN_SIDE_PX = 16  # less cannot show a face

_WRITERS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in memory, upright.

    Attributes:
        rgb: (3, H, W) uint8, sRGB.
        alpha: (H, W) uint8, 255 is opaque; None when the file has no transparency.
    """

    rgb: Tensor
    alpha: Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.rgb.shape[1], self.rgb.shape[2]

    def flattened(self, background: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Tensor:
        """The picture over a plain colour: (3, H, W) uint8.

        Args:
            background: RGB in [0, 1], seen where the picture is transparent.
        """
        if self.alpha is None:
            return self.rgb
        alpha = self.alpha.to(torch.int32)[None]
        colour = (torch.tensor(background) * 255).round().to(torch.int32)[:, None, None]
        mixed = self.rgb.to(torch.int32) * alpha + colour * (255 - alpha)
        return ((mixed + 127) // 255).to(torch.uint8)


def read_picture(path: str | Path, *, min_side: int = MIN_SIDE_PX) -> Picture:
    """The picture of a file: PNG, JPEG, WebP and whatever else Pillow knows; first of an animation.

    EXIF rotation is applied; 16 bit, grey, palette and CMYK become 8 bit RGB; colours of an
    embedded ICC profile become sRGB.

    Args:
        path: the file.
        min_side: refuse a picture with a side below this many pixels.

    Raises:
        MediaError: missing, unreadable, damaged, too small, or beyond ``MAX_MEGAPIXELS``.
    """
    path = Path(path)
    check_input_file(path, "picture")
    try:
        with warnings.catch_warnings():
            # Pillow's own limit lies above ours.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path)
    except Image.DecompressionBombError as error:
        raise _too_large(path, "") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise MediaError(
            f"{path} is not a picture that can be read, or only the start of one; "
            "PNG, JPEG and WebP are known, whatever the name of the file says."
        ) from error
    with image:
        width, height = image.size
        if width * height > MAX_MEGAPIXELS * 1_000_000:
            raise _too_large(path, f" ({width}x{height} pixels)")
        if min(width, height) < min_side:
            raise MediaError(
                f"{path} is only {width}x{height} pixels; "
                f"at least {min_side} on each side are needed, 512 are good."
            )
        try:
            image.load()
        except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
            raise MediaError(
                f"{path} is damaged or cut short ({error}); export or download it again."
            ) from error
        return _picture_of(_upright(image), path)


def _too_large(path: Path, size: str) -> MediaError:
    return MediaError(
        f"{path} is too large{size}: the limit is {MAX_MEGAPIXELS} megapixels. "
        "Make it smaller, for example 4096 pixels on its long side."
    )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image) or image
    except Exception:  # EXIF blocks are damaged in many ways and never worth a refusal
        _log.warning("the EXIF block of the picture is damaged, its rotation is ignored")
        return image


def _picture_of(image: Image.Image, path: Path) -> Picture:
    if image.mode in _SIXTEEN_BIT_MODES:
        wide = np.asarray(image).astype(np.int64).clip(0, 65535)
        grey = ((wide + 128) // 257).astype(np.uint8)  # 65535 / 255 = 257
        return Picture(torch.from_numpy(grey)[None].expand(3, -1, -1).contiguous())
    if image.mode == "F":
        light = np.nan_to_num(np.asarray(image, dtype=np.float32))
        scale = 255.0 if light.size and light.max() <= 1.0 else 1.0
        grey = (light * scale).round().clip(0, 255).astype(np.uint8)
        return Picture(torch.from_numpy(grey)[None].expand(3, -1, -1).contiguous())
    try:
        alpha = None
        if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
            straight = image.convert("RGBA")
            alpha = np.array(straight.getchannel("A"))
            profile = image.info.get("icc_profile")
            image = straight.convert("RGB")
            image.info["icc_profile"] = profile
        rgb = np.array(_in_srgb(image))
    except (OSError, ValueError) as error:
        raise MediaError(
            f"{path} has pixels of a kind ({image.mode}) that cannot be turned into RGB; "
            "save it as PNG or JPEG."
        ) from error
    return Picture(
        torch.from_numpy(rgb).permute(2, 0, 1).contiguous(),
        None if alpha is None or bool((alpha == 255).all()) else torch.from_numpy(alpha),
    )


def _in_srgb(image: Image.Image) -> Image.Image:
    """RGB pixels; through the embedded ICC profile where there is one that fits."""
    profile: Any = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            from PIL import ImageCms  # some builds of Pillow lack it

            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" not in ImageCms.getProfileDescription(source).lower():
                converted = ImageCms.profileToProfile(
                    image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
                )
                if converted is not None:
                    return converted
        except Exception as error:  # LittleCMS reports damaged and foreign profiles in many ways
            _log.warning("the colour profile of the picture is ignored: %s", error)
    return image.convert("RGB")


def is_picture_name(path: Path) -> bool:
    """Whether a file of this name is written as a picture."""
    return path.suffix.lower() in _WRITERS


def write_picture(path: str | Path, rgb: Tensor, *, text: dict[str, str] | None = None) -> Path:
    """Write a PNG, JPEG or WebP, chosen by the suffix. Returns the path.

    Args:
        path: the file; it is replaced only when the new one is complete.
        rgb: (3, H, W) RGB, uint8 or float in [0, 1].
        text: entries for the PNG's text blocks, such as a title.

    Raises:
        OutputError: unknown suffix, no permission, disk full.
    """
    path = Path(path)
    kind = _WRITERS.get(path.suffix.lower())
    if kind is None:
        raise OutputError(
            f"{path} has the unknown suffix {path.suffix!r}; known are {', '.join(_WRITERS)}."
        )
    if rgb.ndim != 3 or rgb.shape[0] != 3:
        raise StructureError(f"write_picture needs (3, H, W), got {tuple(rgb.shape)}.")
    image = Image.fromarray(pixels_hwc(rgb[None])[0])
    settings: dict[str, Any] = {}
    if kind == "JPEG":
        settings = {"quality": 95, "subsampling": 0}
    elif kind == "WEBP":
        settings = {"quality": 95}
    elif text:
        settings = {"pnginfo": png_text(text)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder {path.parent} cannot be made: {error.strerror}.") from error
    with replaced_when_complete(path) as temporary:
        image.save(temporary, format=kind, **settings)
    return path


def png_text(text: dict[str, str]) -> Any:
    """Text blocks for ``Image.save(pnginfo=...)``."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, value in text.items():
        info.add_itxt(key, value)
    return info


def pixels_hwc(frames: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(N, 3, H, W) uint8, or float in [0, 1], as contiguous (N, H, W, 3) uint8 on the CPU.

    Costs nothing for uint8 frames that are a permuted view of (N, H, W, 3).
    """
    if frames.dtype != torch.uint8:
        # NaN has no colour: black rather than an undefined byte
        frames = frames.float().nan_to_num(0.0).clamp(0, 1).mul(255).round().to(torch.uint8)
    return frames.permute(0, 2, 3, 1).contiguous().cpu().numpy()
