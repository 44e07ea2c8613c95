"""Draws curves over time with Pillow: panels one below the other, axes, ticks, a legend each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

_SCALE = 2  # drawn larger and shrunk: smooth lines
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 62, 118, 34, 30, 26
_LEAST_PANEL = 62
_BACK, _PAPER, _GRID = (32, 33, 38), (22, 23, 27), (58, 60, 68)
_TEXT, _FAINT = (226, 226, 230), (150, 152, 160)
# Okabe and Ito: told apart by colour-blind people too.
_COLOURS = (
    *((230, 159, 0), (86, 180, 233), (0, 190, 140), (240, 228, 66)),
    *((213, 94, 0), (204, 121, 167), (190, 190, 190)),
)


@dataclass(frozen=True)
class Curve:
    """One line: a name and a value for each frame."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """Curves on one axis.

    Attributes:
        title: above it.
        unit: of its values.
        curves: drawn thick, named in the legend.
        others: drawn thin in the colours of those with the same name, such as of another motion.
    """

    title: str
    unit: str
    curves: Sequence[Curve]
    others: Sequence[Curve] = field(default=())


def draw_panels(
    panels: Sequence[Panel],
    fps: float,
    title: str,
    size: tuple[int, int],
    others_fps: float | None = None,
) -> Tensor:
    """(3, H, W) uint8.

    Args:
        panels: at least one.
        fps: frames per second of the curves; frame k is at k / fps seconds.
        title: a line above all.
        size: (H, W) in pixels; the height grows where panels would get too small.
        others_fps: of the thin curves; the same by default.
    """
    from PIL import Image, ImageDraw

    least = _TOP + _BOTTOM + len(panels) * (_LEAST_PANEL + _GAP)
    height, width = max(size[0], least), size[1]
    image = Image.new("RGB", (width * _SCALE, height * _SCALE), _BACK)
    board = _Board(ImageDraw.Draw(image))
    board.text((_LEFT, 9), title, _TEXT, 14)
    counts = [len(c.values) / fps for p in panels for c in p.curves]
    counts += [len(c.values) / (others_fps or fps) for p in panels for c in p.others]
    seconds = max([*counts, 1 / fps])
    room = (height - _TOP - _BOTTOM) / len(panels)
    for number, panel in enumerate(panels):
        top = _TOP + number * room + _GAP * 0.8
        box = (_LEFT, top, width - _RIGHT, top + room - _GAP)
        _draw_panel(board, panel, box, (fps, others_fps or fps), seconds)
    _draw_times(board, (_LEFT, width - _RIGHT), height - _BOTTOM, seconds)
    small = image.resize((width, height), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1).contiguous()


Box = tuple[float, float, float, float]


class _Board:
    """Drawing in final pixels on a larger picture."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw
        self._fonts: dict[int, Any] = {}

    def _font(self, size: int) -> Any:
        from PIL import ImageFont

        if size not in self._fonts:
            try:
                self._fonts[size] = ImageFont.load_default(size * _SCALE)
            except (TypeError, ImportError):  # an old Pillow, or one without FreeType
                self._fonts[size] = ImageFont.load_default()
        return self._fonts[size]

    def text(
        self, at: tuple[float, float], text: str, colour: Any, size: int = 11, anchor: str = "la"
    ) -> None:
        place = (at[0] * _SCALE, at[1] * _SCALE)
        font = self._font(size)
        try:
            self._draw.text(place, text, fill=colour, font=font, anchor=anchor)
        except ValueError:  # fonts of pixels know no anchors
            self._draw.text(place, text, fill=colour, font=font)

    def line(self, points: Sequence[tuple[float, float]], colour: Any, width: float) -> None:
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        if len(scaled) == 1:
            x, y = scaled[0]
            self._draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
        else:
            self._draw.line(scaled, fill=colour, width=round(width * _SCALE), joint="curve")

    def fill(self, box: Box, colour: Any) -> None:
        self._draw.rectangle([value * _SCALE for value in box], fill=colour)


def _draw_panel(
    board: _Board, panel: Panel, box: Box, fps: tuple[float, float], seconds: float
) -> None:
    left, top, right, bottom = box
    board.fill(box, _PAPER)
    board.text((left, top - 4), f"{panel.title}  ({panel.unit})", _TEXT, 11, "ls")
    values = [v for c in (*panel.curves, *panel.others) for v in c.values if math.isfinite(v)]
    low, high = _limits(values)

    def height_of(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - top)

    step = nice_step((high - low) / max(3, (bottom - top) / 30))
    if max(high, -low) < step:  # zero would be the only number
        step = nice_step(step / 2.5)
    for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        y = height_of(k * step)
        board.line([(left, y), (right, y)], _FAINT if k == 0 else _GRID, 0.5)
        board.text((left - 6, y), _number(k * step, step), _FAINT, 10, "rm")
    for second in _time_ticks(seconds, right - left):
        x = left + second / seconds * (right - left)
        board.line([(x, top), (x, bottom)], _GRID, 0.5)
    colours = {c.name: _COLOURS[k % len(_COLOURS)] for k, c in enumerate(panel.curves)}
    for curves, rate, width in ((panel.others, fps[1], 0.6), (panel.curves, fps[0], 1.4)):
        drawn: list[tuple[list[tuple[float, float]], Any, float]] = []
        for curve in curves:
            pixels = max(2, int((right - left) * len(curve.values) / (rate * seconds)))
            colour = colours.get(curve.name, _FAINT)
            if len(curve.values) > 2 * pixels:
                # what moves within one pixel is a band, its mean a line
                spread, means = _columns(curve.values, pixels)
                drawn.insert(0, (spread, _dimmed(colour), 0.6))
                drawn.append((means, colour, width))
            else:
                drawn.append((list(enumerate(curve.values)), colour, width))
        for points, line_colour, thick in drawn:
            placed = [
                (left + frame / rate / seconds * (right - left), height_of(value))
                for frame, value in points
                if math.isfinite(value)
            ]
            if placed:
                board.line(placed, line_colour, thick)
    for k, curve in enumerate(panel.curves):
        y = top + 7 + 15 * k
        board.line([(right + 10, y), (right + 26, y)], colours[curve.name], 2.0)
        board.text((right + 31, y), curve.name, _TEXT, 10, "lm")


def _draw_times(board: _Board, ends: tuple[float, float], top: float, seconds: float) -> None:
    left, right = ends
    for second in _time_ticks(seconds, right - left):
        x = left + second / seconds * (right - left)
        board.text((x, top + 2), time_text(second, seconds), _FAINT, 10, "ma")
    unit = "min:s" if seconds >= 120 else "seconds"
    board.text((right + _RIGHT - 8, top + 2), unit, _FAINT, 10, "ra")


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest value with a margin; zero is always on the axis."""
    low, high = min([*values, 0.0]), max([*values, 0.0])
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, ... (times any power of ten) that is not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= least * (1 - 1e-9))


def _time_ticks(seconds: float, width: float) -> list[float]:
    least = seconds / max(1, width / 70)
    if least > 10:
        known = (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
        step = next((float(k) for k in known if k >= least), 86400.0)
    else:
        step = nice_step(least)
    return [k * step for k in range(int(seconds / step + 1e-9) + 1)]


def time_text(second: float, whole: float) -> str:
    """A tick's label: seconds, or minutes and seconds where the whole is long."""
    if whole >= 120:
        return f"{int(second) // 60}:{int(second) % 60:02d}"
    return f"{second:.2f}".rstrip("0").rstrip(".")


def _number(value: float, step: float) -> str:
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:.{places}f}"


def _columns(
    values: Sequence[float], pixels: int
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Frame and value of least and most in each pixel column, and of its mean."""
    rows = np.asarray(values, np.float64)
    edges = np.linspace(0, len(rows), pixels + 1).astype(int)
    spread: list[tuple[float, float]] = []
    means: list[tuple[float, float]] = []
    for start, end in zip(edges[:-1], edges[1:]):
        part = rows[start:end]
        ends = sorted((int(part.argmin()), int(part.argmax())))
        spread += [(float(start + k), float(part[k])) for k in dict.fromkeys(ends)]
        means.append((float(start + end - 1) / 2, float(part.mean())))
    return spread, means


def _dimmed(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    mixed = [round(0.35 * own + 0.65 * paper) for own, paper in zip(colour, _PAPER)]
    return mixed[0], mixed[1], mixed[2]
