from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from sadtalker_core.errors import MediaError, OutputError
from sadtalker_core.media.pictures import Picture, read_picture, write_picture
from tests.media.samples import pictures


def _gradient(height: int = 24, width: int = 32) -> np.ndarray[Any, Any]:
    return pictures(1, height, width)[0].permute(1, 2, 0).contiguous().numpy()


def _read(path: Path) -> np.ndarray[Any, Any]:
    return read_picture(path).rgb.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "bmp"])
def test_lossless_kinds_come_back_exactly(tmp_path: Path, suffix: str) -> None:
    pixels = _gradient()
    path = tmp_path / f"me [1] 50% 张.{suffix}"
    settings: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(pixels).save(path, **settings)
    assert np.array_equal(_read(path), pixels)


def test_jpeg_is_close(tmp_path: Path) -> None:
    pixels = _gradient(64, 64)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=95, subsampling=0)
    assert np.abs(_read(tmp_path / "a.jpg").astype(int) - pixels).max() <= 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    pixels = _gradient()
    # How the stored picture must be turned to stand upright (EXIF 2.3, tag 0x0112).
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(_read(tmp_path / "a.png"), undo[orientation](pixels))


def test_damaged_exif_is_ignored(tmp_path: Path) -> None:
    Image.fromarray(_gradient()).save(tmp_path / "a.jpg", exif=b"Exif\0\0nonsense")
    assert read_picture(tmp_path / "a.jpg").size == (24, 32)


def test_alpha_is_kept_and_flattened(tmp_path: Path) -> None:
    pixels = _gradient()
    alpha = np.full((24, 32), 255, np.uint8)
    alpha[:8] = 0
    alpha[8:16] = 51  # a fifth
    Image.fromarray(np.dstack([pixels, alpha])).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha.numpy(), alpha)
    flat = picture.flattened((0.0, 1.0, 0.0)).permute(1, 2, 0).numpy()
    assert (flat[:8] == (0, 255, 0)).all()
    assert np.array_equal(flat[16:], pixels[16:])
    expected = pixels[8:16] * 0.2 + np.array([0, 255, 0]) * 0.8
    assert np.abs(flat[8:16] - expected).max() <= 0.51


def test_opaque_alpha_is_dropped(tmp_path: Path) -> None:
    Image.fromarray(_gradient()).convert("RGBA").save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").alpha is None


def _png(path: Path, bits: int, colour: int, samples: np.ndarray[Any, Any]) -> Path:
    """A PNG by hand: Pillow writes 16 bit only in grey. ``samples``: (H, W, C) big-endian."""

    def block(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + block(b"IHDR", header)
        + block(b"IDAT", zlib.compress(rows))
        + block(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bit_becomes_eight(tmp_path: Path, colour: int, channels: int) -> None:
    eight = _gradient()[..., :1].repeat(channels, axis=2) if channels < 3 else _gradient()
    if channels in (2, 4):
        alpha = np.full((24, 32, 1), 128, np.uint8)
        eight = np.concatenate([eight[..., : channels - 1], alpha], axis=2)
    wide = (eight.astype(">u2") * 257).astype(">u2")
    picture = read_picture(_png(tmp_path / "a.png", 16, colour, wide))
    rgb = picture.rgb.permute(1, 2, 0).numpy()
    expected = eight[..., :1].repeat(3, axis=2) if channels < 3 else eight[..., :3]
    assert np.abs(rgb.astype(int) - expected).max() <= 1
    assert (picture.alpha is not None) == (channels in (2, 4))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA"])
def test_grey_and_palette_become_rgb(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(_gradient()).convert("L").convert(mode)
    path = tmp_path / ("a.tiff" if mode == "PA" else "a.png")
    image.save(path)
    expected = np.array(image.convert("RGB"))
    assert np.array_equal(_read(path), expected)


def test_palette_transparency_becomes_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(_gradient()).quantize(8)
    image.save(tmp_path / "a.png", transparency=0)
    alpha = read_picture(tmp_path / "a.png").alpha
    assert alpha is not None
    assert np.array_equal(alpha.numpy() == 0, np.array(image) == 0)


def test_rgb_transparent_colour_becomes_alpha(tmp_path: Path) -> None:
    pixels = _gradient()
    pixels[:4] = (1, 2, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=(1, 2, 3))
    alpha = read_picture(tmp_path / "a.png").alpha
    assert alpha is not None
    assert (alpha[:4] == 0).all()
    assert (alpha[4:] == 255).all()


def test_cmyk_jpeg_is_not_inverted(tmp_path: Path) -> None:
    # Pillow writes CMYK the way Adobe does: inverted, with an Adobe marker.
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:16] = (230, 40, 60)
    pixels[16:] = (250, 250, 250)
    Image.fromarray(pixels).convert("CMYK").save(tmp_path / "a.jpg", quality=98)
    assert b"Adobe" in (tmp_path / "a.jpg").read_bytes()
    assert np.abs(_read(tmp_path / "a.jpg").astype(int) - pixels).max() <= 12


def test_icc_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    pixels = _gradient()
    Image.fromarray(pixels).save(tmp_path / "srgb.png", icc_profile=lab.tobytes())
    assert np.array_equal(_read(tmp_path / "srgb.png"), pixels)
    Image.fromarray(pixels).save(tmp_path / "linear.png", icc_profile=_linear_profile())
    expected = 255 * _srgb_from_linear(pixels / 255)
    assert np.abs(_read(tmp_path / "linear.png") - expected).max() <= 3


def _srgb_from_linear(light: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _linear_profile() -> bytes:
    """sRGB's own profile with its tone curves replaced by straight lines."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    for index in range(count):
        at = 132 + 12 * index
        name, offset, size = struct.unpack(">4sII", data[at : at + 12])
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            straight = b"curv" + bytes(8)
            data[offset : offset + size] = straight + bytes(size - len(straight))
            data[at + 8 : at + 12] = struct.pack(">I", 12)
        if name == b"desc":  # its text says sRGB, for which nothing would be converted
            data[offset : offset + size] = (
                bytes(data[offset : offset + size])
                .replace(b"s\0R\0G\0B", b"l\0i\0n\0e")
                .replace(b"sRGB", b"line")
            )
    return bytes(data)


def test_broken_icc_profile_is_ignored(tmp_path: Path) -> None:
    pixels = _gradient()
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=b"no profile")
    assert np.array_equal(_read(tmp_path / "a.png"), pixels)


def _header_only_png(path: Path, side: int) -> Path:
    _png(path, 8, 2, np.zeros((1, 1, 3), np.uint8))
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", side, side)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("side", [20000, 11000, 9000])
def test_too_large_is_refused_before_decoding(tmp_path: Path, side: int) -> None:
    with pytest.raises(MediaError, match="too large.*80 megapixels"):
        read_picture(_header_only_png(tmp_path / "a.png", side))


def _bad_files(folder: Path) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    good = folder / "good.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(good)
    data = good.read_bytes()
    files = {
        "truncated.jpg": data[: len(data) // 2],
        "start.jpg": data[:100],
        "text.png": b"hello, world\n",
        "empty.png": b"",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    Image.new("RGB", (1, 1)).save(folder / "one.png")
    return {name: folder / name for name in [*files, "one.png"]}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("truncated.jpg", "damaged or cut short"),
        ("start.jpg", "only the start"),
        ("text.png", "not a picture"),
        ("empty.png", "empty file"),
        ("one.png", "only 1x1 pixels"),
        ("missing.png", "does not exist"),
        (".", "is a folder"),
    ],
)
def test_bad_file_gives_its_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    _bad_files(tmp_path)
    with pytest.raises(MediaError, match=sentence) as caught:
        read_picture(tmp_path / name)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_write_picture_float_and_uint8(tmp_path: Path) -> None:
    frame = pictures(1, 24, 32)[0]
    write_picture(tmp_path / "new" / "a.png", frame, text={"title": "T 张"})
    write_picture(tmp_path / "b.png", frame.float() / 255)
    for name in ("new/a.png", "b.png"):
        assert torch.equal(read_picture(tmp_path / name).rgb, frame)
    with Image.open(tmp_path / "new" / "a.png") as image:
        assert image.info["title"] == "T 张"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.png", "new"]


def test_write_picture_refuses_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"'\.gif'.*\.png"):
        write_picture(tmp_path / "a.gif", pictures(1, 24, 32)[0])
    assert list(tmp_path.iterdir()) == []


def test_picture_without_alpha_is_flat() -> None:
    rgb = pictures(1, 24, 32)[0]
    assert Picture(rgb).flattened((0, 0, 0)) is rgb
