"""High dynamic range becomes what an ordinary screen shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from sadtalker_core.media.hdr import HLG, PQ, to_screen
from sadtalker_core.media.video_in import open_video

_CAN_TELL = hasattr(av.VideoFrame, "color_trc")


def _grey(share: float) -> np.ndarray[Any, np.dtype[np.uint16]]:
    return np.full((2, 2, 3), round(share * 65535), np.uint16)


@pytest.mark.parametrize(
    ("transfer", "share", "level"),
    [
        (PQ, 0.0, 0),
        (PQ, 0.5081, 190),  # 100 cd/m2: (100 / 203) ** (1 / 2.4)
        (PQ, 0.5807, 238),  # white, 203 cd/m2, drawn down a little
        (PQ, 1.0, 255),
        (HLG, 0.75, 238),  # the same white
        (HLG, 0.5, 143),  # 1/12 of the scene: 1000 * (1 / 12) ** 1.2 cd/m2
        (HLG, 1.0, 255),
    ],
)
def test_greys(transfer: int, share: float, level: int) -> None:
    found = to_screen(_grey(share), transfer, 9)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - level).max() <= 2


def test_brighter_is_never_darker() -> None:
    ramp = np.repeat(np.arange(0, 65536, 97, dtype=np.uint16)[None, :, None], 3, axis=2)
    for transfer in (PQ, HLG):
        levels = to_screen(ramp, transfer, 9)[0, :, 1].astype(int)
        assert (np.diff(levels) >= 0).all()


def test_wide_colours_become_stronger_in_narrow_ones() -> None:
    red = np.zeros((1, 1, 3), np.uint16)
    red[..., 0], red[..., 1:] = 33000, 20000
    wide, narrow = (to_screen(red, PQ, primaries)[0, 0].astype(int) for primaries in (9, 1))
    assert wide[0] - wide[1] > narrow[0] - narrow[1] + 5


@pytest.mark.skipif(not _CAN_TELL, reason="this PyAV does not tell the transfer of a frame")
@pytest.mark.parametrize(("transfer", "share", "level"), [(PQ, 0.5081, 190), (HLG, 0.5, 143)])
def test_a_video_of_a_phone(tmp_path: Path, transfer: int, share: float, level: int) -> None:
    path = tmp_path / "hdr.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.height = stream.width = 32
        stream.pix_fmt = "yuv420p10le"
        stream.options = {"qp": "0"}
        context = stream.codec_context
        context.colorspace, context.color_range = 9, 1
        context.color_trc, context.color_primaries = transfer, 9
        planes = np.full((48, 32), 512, np.uint16)
        planes[:32] = round(64 + 876 * share)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p10le")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = next(open_video(path).frames(1))[0].float().mean((1, 2))
    assert (found - level).abs().max() <= 3
