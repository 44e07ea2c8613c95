"""Small pictures in memory, and single frames of videos."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from PIL import Image

from sadtalker_core.errors import MediaError
from sadtalker_core.media.options import VideoOptions
from sadtalker_core.media.thumbnails import frame_at, jpeg_of, poster_of
from sadtalker_core.media.video_out import write_video
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import FrameStream


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


@pytest.mark.parametrize(
    ("size", "small"), [((100, 60), (60, 100)), ((900, 300), (40, 120)), ((4000, 4000), (120, 120))]
)
def test_the_longer_side_has_its_limit(size: tuple[int, int], small: tuple[int, int]) -> None:
    found = opened(jpeg_of(torch.zeros(3, *size, dtype=torch.uint8), 120))
    assert found.format == "JPEG"
    assert found.size == small


def test_floats_are_shares_of_255() -> None:
    frame = torch.tensor([1.2, 0.5, -0.1])[:, None, None].expand(3, 32, 32)
    red, green, blue = opened(jpeg_of(frame, 64, quality=95)).getpixel((16, 16))  # type: ignore[misc]
    assert (red > 250, abs(green - 128) < 5, blue < 5) == (True, True, True)


@pytest.fixture(scope="module")
def brightening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty frames, each brighter than the one before."""
    path = tmp_path_factory.mktemp("video") / "grey.mkv"
    values = torch.arange(20, dtype=torch.uint8) * 12
    frames = values[:, None, None, None].expand(20, 3, 64, 64).contiguous()
    write_video(
        FrameStream(iter([frames]), 20, (64, 64), Fraction(25)),
        path,
        audio=None,
        options=VideoOptions(),
        metadata={},
        runtime=Runtime(),
    )
    return path


@pytest.mark.parametrize(("share", "grey"), [(0, 0), (0.5, 120), (1, 228), (-3, 0), (7, 228)])
def test_any_frame_of_a_video(brightening: Path, share: float, grey: int) -> None:
    frame = frame_at(brightening, share)
    assert frame.shape == (3, 64, 64)
    assert abs(float(frame.float().mean()) - grey) <= 2


def test_posters(brightening: Path, demo_portrait: Path, tmp_path: Path) -> None:
    assert opened(poster_of(brightening, 32)).size == (32, 32)
    assert opened(poster_of(demo_portrait, 100)).size == (100, 100)
    other = tmp_path / "notes.txt"
    other.write_text("x")
    with pytest.raises(MediaError, match="neither a picture nor a video"):
        poster_of(other, 100)
