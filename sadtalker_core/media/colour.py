"""Between RGB and the YUV of video files: the right matrix and range, rounded without a shift.

Through FFmpeg's scale filter, whose options mean the same in every version; PyAV's own
``reformat`` takes matrix, range and flags differently from version to version, and its default is
about one level too dark on the way back.
"""

from __future__ import annotations

from typing import Any

import av.filter
import numpy as np

from .hdr import is_hdr, to_screen

BT709 = 1  # AVCOL_SPC_BT709; primaries and transfer have the same number
LIMITED, FULL = 1, 2  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG
_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
_BT2020 = (9, 10)  # AVCOL_SPC_BT2020_NCL and _CL
_HD_LINES = 720  # pictures without tags: BT.709 from here on, BT.601 below, as players do
_TO_YUV = "in_range=pc:out_range=tv:out_color_matrix=bt709:flags=bicubic+accurate_rnd"
_TO_RGB = "out_range=pc:flags=bicubic+accurate_rnd+full_chroma_int"


class ColourConverter:
    """Converts frames of one video; set up anew when their size, kind or tags change."""

    def __init__(self) -> None:
        self._made_for: tuple[int, int, str, str, str] | None = None
        self._source: Any = None
        self._sink: Any = None

    def yuv420_bt709(self, frame: Any) -> Any:
        """An rgb24 frame as yuv420p: BT.709 matrix, limited range, even size."""
        return self._convert(frame, _TO_YUV, "yuv420p")

    def rgb_pixels(self, frame: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Any decoded frame as (H, W, 3) uint8 RGB; its tags of matrix and range are respected.

        High dynamic range becomes what an ordinary screen shows.
        """
        if frame.format.is_rgb:
            return frame.to_ndarray(format="rgb24")
        is_full = frame.color_range == FULL or frame.format.name.startswith("yuvj")
        tags = f"in_range={'pc' if is_full else 'tv'}:in_color_matrix={_matrix(frame)}"
        transfer: int | None = getattr(frame, "color_trc", None)  # older PyAV does not tell
        if transfer is not None and is_hdr(transfer):
            deep = self._convert(frame, f"{tags}:{_TO_RGB}", "rgb48le").to_ndarray()
            return to_screen(deep, transfer, getattr(frame, "color_primaries", None))
        return self._convert(frame, f"{tags}:{_TO_RGB}", "rgb24").to_ndarray()

    def _convert(self, frame: Any, scale: str, wanted: str) -> Any:
        kind = frame.width, frame.height, frame.format.name, scale, wanted
        if kind != self._made_for:
            self._build(*kind)
            self._made_for = kind
        frame.pts = None
        self._source.push(frame)
        return self._sink.pull()

    def _build(self, width: int, height: int, pixels: str, scale: str, wanted: str) -> None:
        graph = av.filter.Graph()
        size = f"video_size={width}x{height}:pix_fmt={pixels}:time_base=1/25:pixel_aspect=1/1"
        self._source = graph.add("buffer", size)
        self._sink = graph.add("buffersink")
        steps = [
            self._source,
            graph.add("scale", scale),
            graph.add("format", f"pix_fmts={wanted}"),
            self._sink,
        ]
        for one, following in zip(steps, steps[1:]):
            one.link_to(following)
        graph.configure()
        self._graph = graph  # its filters die with it


def _matrix(frame: Any) -> str:
    if frame.colorspace in _BT2020:
        return "bt2020"
    if frame.colorspace == _UNSPECIFIED:
        return "bt709" if frame.height >= _HD_LINES else "bt601"
    return "bt709" if frame.colorspace == BT709 else "bt601"
