"""What is behind the lips: colours taken from the portrait, teeth and tongue drawn once.

The layers are small RGBA pictures in the frontal frame of the mouth (origin in the middle of the
lips, unit E), drawn at prepare time and only moved per frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.warp import Array, Image, blur, polygon_mask, smoothstep

# Widths of the upper teeth from the middle outward, in E (central incisor 8.5 mm, E about 90 mm).
_UPPER_WIDTHS = (0.090, 0.070, 0.078, 0.070, 0.068, 0.09)
_LOWER_WIDTHS = (0.056, 0.060, 0.068, 0.070, 0.072, 0.09)
_ARCH_RADIUS = 0.285  # of the dental arch seen from above
HALF_WIDTH, HALF_HEIGHT = 0.42, 0.30  # of the layer pictures


@dataclass(frozen=True)
class MouthColours:
    """RGB in [0, 1] taken from the portrait so that the mouth shares its light and its palette."""

    teeth: Array
    cavity: Array
    tongue: Array


@dataclass(frozen=True)
class MouthLayers:
    """Premultiplied RGBA pictures (h, w, 4) float32 in [0, 1].

    Attributes:
        upper_teeth: fixed to the skull.
        lower_jaw: lower teeth, fixed to the jaw.
        tongue: follows the jaw.
        colours: what they were painted with.
        pixels_per_unit: of the pictures.
    """

    upper_teeth: Array
    lower_jaw: Array
    tongue: Array
    colours: MouthColours
    pixels_per_unit: float


def _luma(colour: Array) -> float:
    return float(colour @ np.array([0.299, 0.587, 0.114], np.float32))


def pick_colours(picture: Image, mesh_px: Array, eyes_px: Array, unit_px: float) -> MouthColours:
    """Colours of teeth, cavity and tongue from cheeks, lips and eye whites.

    The teeth take the brightness of skin and eye white but little of their hue: a cast of the
    picture then shows as faintly as it would on real teeth, and a grey picture gets grey teeth.
    """
    skin = np.median(
        np.concatenate([_patch(picture, mesh_px[i], 0.05 * unit_px) for i in (50, 280, 205, 425)]),
        axis=0,
    )
    lip = np.median(
        np.concatenate([_patch(picture, mesh_px[i], 0.02 * unit_px) for i in (17, 84, 314, 16)]),
        axis=0,
    )
    whites = np.concatenate([_inside(picture, eye[:16]) for eye in eyes_px])
    bright = np.sort(whites @ np.array([0.299, 0.587, 0.114]))
    white = float(bright[int(0.85 * (len(bright) - 1))]) if len(bright) else 0.6
    luma_skin = max(_luma(skin), 0.05)
    luma_teeth = float(np.clip(max(1.06 * luma_skin, 0.92 * white), 0.25, 0.86))
    teeth = luma_teeth + 0.28 * (skin - luma_skin) * (luma_teeth / luma_skin)
    # ivory, but only as far as the picture has colour at all
    colourful = float(np.clip(np.ptp(skin) / max(luma_skin, 0.1) / 0.25, 0, 1))
    teeth = teeth * (1 - colourful * np.array([0.0, 0.025, 0.09], np.float32))
    luma_lip = _luma(lip)
    cavity = np.clip(0.17 * luma_lip + 0.34 * (lip - luma_lip), 0.015, 0.22)
    tongue = 0.72 * lip + 0.10 * (skin - luma_skin)
    as_array = [np.clip(c, 0, 1).astype(np.float32) for c in (teeth, cavity, tongue)]
    return MouthColours(*as_array)


def _patch(picture: Image, point: Array, radius: float) -> Array:
    height, width = picture.shape[:2]
    r = max(1, int(radius))
    x, y = int(np.clip(point[0], 0, width - 1)), int(np.clip(point[1], 0, height - 1))
    area = picture[max(0, y - r) : y + r + 1, max(0, x - r) : x + r + 1]
    return area.reshape(-1, 3).astype(np.float32) / np.float32(255)


def _inside(picture: Image, contour: Array) -> Array:
    """Pixels inside an eye contour, (N, 3) in [0, 1]."""
    height, width = picture.shape[:2]
    ring = np.concatenate([contour[:9], contour[15:8:-1]])
    low = np.maximum(np.floor(ring.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(ring.max(0)).astype(int) + 1, [width, height])
    if (high <= low).any():
        return np.zeros((0, 3), np.float32)
    mask = polygon_mask(ring - low, int(high[0] - low[0]), int(high[1] - low[1])) > 0.5
    area = picture[low[1] : high[1], low[0] : high[0]]
    return area[mask].astype(np.float32) / np.float32(255)


def paint_layers(colours: MouthColours, unit_px: float, teeth: float) -> MouthLayers:
    """Draw teeth and tongue at the scale of the portrait; ``teeth`` 0 to 1 is how clearly."""
    scale = float(np.clip(unit_px, 80, 420))
    columns, rows = int(2 * HALF_WIDTH * scale), int(2 * HALF_HEIGHT * scale)
    x = (np.arange(columns, dtype=np.float32) + 0.5) / scale - HALF_WIDTH
    y = (np.arange(rows, dtype=np.float32) + 0.5) / scale - HALF_HEIGHT
    grid_x, grid_y = np.meshgrid(x, y)
    soft = 1.2 / scale
    upper = _teeth_row(grid_x, grid_y, _UPPER_WIDTHS, 0.036, -0.095, soft, colours.teeth, 0.25)
    lower = _teeth_row(
        grid_x, -grid_y, _LOWER_WIDTHS, 0.018, -0.080, soft, 0.90 * colours.teeth, 0.10
    )
    upper, lower = upper * np.float32(teeth), lower * np.float32(teeth)
    return MouthLayers(upper, lower, _tongue(grid_x, grid_y, colours.tongue), colours, scale)


def _arch(s: Array) -> Array:
    """Length along the dental arch to its width seen from the front."""
    return _ARCH_RADIUS * np.sin(np.clip(s / _ARCH_RADIUS, -np.pi / 2, np.pi / 2))


def _teeth_row(
    x: Array,
    y: Array,
    widths: tuple[float, ...],
    edge: float,
    gum: float,
    soft: float,
    colour: Array,
    smile: float,
) -> Array:
    """One row of teeth whose biting edge lies at ``edge`` and whose gum lies at ``gum``."""
    inside = np.clip(np.abs(x) / _ARCH_RADIUS, 0, 0.999)
    along = np.arcsin(inside) * _ARCH_RADIUS
    bounds = np.concatenate([[0.0], np.cumsum(widths)])
    index = np.clip(np.searchsorted(bounds, along.ravel(), side="right") - 1, 0, len(widths) - 1)
    index = index.reshape(x.shape)
    middle = ((bounds[:-1] + bounds[1:]) / 2)[index]
    half = (np.asarray(widths) / 2)[index]
    across = np.abs(along - middle) / half  # 0 in the middle of a tooth, 1 between two
    # side incisors are a little shorter, canines a little longer, and the row rises to the sides
    length = np.asarray([0.0, -0.007, -0.002, -0.008, -0.012, -0.016])[index]
    bottom = edge + length - smile * x * x - 0.010 * across**4
    alpha = smoothstep((bottom - y) / soft) * smoothstep((y - gum) / (6 * soft))
    alpha *= smoothstep((_arch(np.asarray(bounds[-1])) - np.abs(x)) / (10 * soft))
    depth = 1 - 0.88 * (inside**2.4)  # teeth turn away and into shadow toward the sides
    round_off = 1 - 0.10 * across**2 - 0.22 * smoothstep((across - 0.86) / 0.14 + 0.5)
    tip = 1 - 0.07 * smoothstep(1 - (bottom - y) / 0.018)  # translucent biting edge
    shade = depth * round_off * tip
    rgb = colour[None, None] * shade[..., None]
    # warmer in the depth: light there has bounced off the lips
    rgb = rgb * (1 - (1 - depth[..., None]) * np.array([0.0, 0.14, 0.18], np.float32))
    return np.concatenate([rgb * alpha[..., None], alpha[..., None]], axis=2).astype(np.float32)


def _tongue(x: Array, y: Array, colour: Array) -> Array:
    """A soft mound behind the lower teeth with a faint middle furrow."""
    top = -0.02 + 0.9 * x * x
    alpha = smoothstep((y - top) / 0.05 + 0.5) * smoothstep((0.24 - np.abs(x)) / 0.06 + 0.5)
    shade = 0.62 + 0.38 * np.clip((y - top) / 0.12, 0, 1) - 0.10 * np.exp(-((x / 0.02) ** 2))
    shade = shade * (1 - 0.35 * (np.abs(x) / 0.24) ** 2)
    rgb = colour[None, None] * shade[..., None]
    layer = np.concatenate([rgb * alpha[..., None], alpha[..., None]], axis=2)
    return blur(layer.astype(np.float32), 1.5)
