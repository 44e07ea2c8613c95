"""Dense warps: scattered-data interpolation, inversion of displacement fields, sampling, masks.

Conventions: positions are (x, y) with pixel centres at whole numbers. A *forward* displacement d
says that the point u of the source lands at ``u + d(u)``; a *backward* map m says that the pixel x
of the result shows the source at ``m(x)``. Arrays are numpy (H, W, ...) as OpenCV wants them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .opencv import cv2

_LARGE_MASK = 120_000  # pixels; larger masks are averaged from half the samples

Array = NDArray[Any]  # float32 throughout; numpy's stubs lose it in arithmetic
Image = NDArray[np.uint8]


def smoothstep(value: Array) -> Array:
    """0 at and below 0, 1 at and above 1, level at both ends."""
    t = np.clip(value, 0.0, 1.0)
    return t * t * (3 - 2 * t)


@dataclass(frozen=True)
class Lattice:
    """A regular lattice of nodes over a box of pixels, one node at the centre of each cell.

    Attributes:
        x0, y0: first pixel of the box.
        step: cell size in whole pixels.
        columns, rows: number of cells; the box is ``columns * step`` by ``rows * step`` pixels.
    """

    x0: int
    y0: int
    step: int
    columns: int
    rows: int

    @property
    def width(self) -> int:
        return self.columns * self.step

    @property
    def height(self) -> int:
        return self.rows * self.step

    def nodes(self) -> Array:
        """(rows, columns, 2) positions of the nodes in pixels of the picture."""
        half = (self.step - 1) / 2
        x = self.x0 + half + self.step * np.arange(self.columns, dtype=np.float32)
        y = self.y0 + half + self.step * np.arange(self.rows, dtype=np.float32)
        return np.stack(np.meshgrid(x, y), axis=-1)

    def to_cells(self, points: Array) -> Array:
        """Positions in pixels of the picture to positions in nodes of the lattice."""
        half = (self.step - 1) / 2
        origin = np.array([self.x0 + half, self.y0 + half], np.float32)
        return ((points - origin) / self.step).astype(np.float32)

    @classmethod
    def covering(cls, x0: float, y0: float, x1: float, y1: float, step: int) -> Lattice:
        """The smallest lattice of ``step`` that covers a box."""
        left, top = int(np.floor(x0)), int(np.floor(y0))
        columns = max(2, int(np.ceil((x1 - left) / step)))
        rows = max(2, int(np.ceil((y1 - top) / step)))
        return cls(left, top, step, columns, rows)


class ScatteredField:
    """Smooth interpolation of values known at scattered points (radial basis functions).

    The kernel is ``-sqrt(r^2 + softness^2)``: conditionally positive definite, follows the data
    without the overshoot of thin plates, and has no cusps at the points.
    """

    def __init__(self, centres: Array, softness: float, smoothing: float = 1e-3) -> None:
        """
        Args:
            centres: (M, 2) positions where values are known, in pixels.
            softness: radius in pixels below which the field is rounded off.
            smoothing: 0 interpolates exactly; larger follows the data less closely.
        """
        self._centres = centres.astype(np.float64)
        self._softness = float(softness)
        self._smoothing = smoothing

    @cached_property
    def _system(self) -> NDArray[np.float64]:
        count = len(self._centres)
        system = np.zeros((count + 1, count + 1))
        system[:count, :count] = self._kernel(self._centres)
        system[:count, :count] += self._smoothing * self._softness * np.eye(count)
        system[count, :count] = system[:count, count] = 1.0
        return system

    @cached_property
    def _inverse(self) -> Array:
        """Of the system: for values that come again and again."""
        return np.linalg.inv(self._system)

    def _kernel(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        squared = (
            (points**2).sum(1)[:, None]
            + (self._centres**2).sum(1)[None]
            - 2.0 * points @ self._centres.T
        )
        return -np.sqrt(np.maximum(squared, 0.0) + self._softness**2)

    def at(self, points: Array, values: Array) -> Array:
        """Values at other points.

        Args:
            points: (..., 2) positions in pixels.
            values: (M, C) values at the centres.

        Returns:
            (..., C)
        """
        count = len(self._centres)
        coefficients = self._inverse[:, :count] @ values.astype(np.float64)
        flat = points.reshape(-1, 2).astype(np.float64)
        result = np.empty((len(flat), values.shape[1]), np.float32)
        for start in range(0, len(flat), 4096):  # bounds the size of the kernel matrix
            part = self._kernel(flat[start : start + 4096])
            result[start : start + 4096] = part @ coefficients[:count] + coefficients[count]
        return result.reshape(*points.shape[:-1], values.shape[1])

    def once(self, points: Array, values: Array) -> Array:
        """The same as ``at`` to a thousandth, and faster where the centres are used one time."""
        known = np.concatenate([values.astype(np.float64), np.zeros((1, values.shape[1]))])
        coefficients = np.linalg.solve(self._system, known).astype(np.float32)
        middle = self._centres.mean(0)  # small numbers keep their places in float32
        centres = (self._centres - middle).astype(np.float32)
        flat = (points.reshape(-1, 2) - middle).astype(np.float32)
        squared = flat @ (-2 * centres.T)
        squared += (flat**2).sum(1)[:, None]
        squared += (centres**2).sum(1)[None]
        np.maximum(squared, 0, out=squared)
        squared += np.float32(self._softness**2)
        result = coefficients[-1] - np.sqrt(squared, out=squared) @ coefficients[:-1]
        return result.reshape(*points.shape[:-1], values.shape[1])


def sample_field(field: Array, lattice: Lattice, points: Array) -> Array:
    """Values of a lattice field at (..., 2) positions in pixels, bilinear, held at the border."""
    cells = lattice.to_cells(points).reshape(1, -1, 2)
    values = cv2.remap(field, cells, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(*points.shape[:-1], field.shape[2])


def invert_displacement(forward: Array, lattice: Lattice, nodes: Array, steps: int = 4) -> Array:
    """Backward displacement: at each node x the b with ``(x + b) + forward(x + b) = x``.

    Fixed-point iteration; it converges while neighbouring points do not change order.

    Args:
        forward: (rows, columns, 2) forward displacement at the nodes, in pixels.
        nodes: ``lattice.nodes()``, passed in because callers keep it.
    """
    cells = lattice.to_cells(nodes)
    backward = -forward
    for _ in range(steps):
        backward = -cv2.remap(
            forward,
            cells + backward / np.float32(lattice.step),
            None,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return backward


def enlarge_field(field: Array, lattice: Lattice) -> Array:
    """A lattice field at every pixel of the lattice's box: (height, width, C)."""
    return cv2.resize(field, (lattice.width, lattice.height), interpolation=cv2.INTER_LINEAR)


def pixel_positions(x0: int, y0: int, width: int, height: int) -> Array:
    """(height, width, 2) positions of the pixels of a box."""
    x = np.arange(x0, x0 + width, dtype=np.float32)
    y = np.arange(y0, y0 + height, dtype=np.float32)
    return np.stack(np.meshgrid(x, y), axis=-1)


def sample_picture(picture: Image, backward: Array, smooth: bool = True) -> Image:
    """The picture seen through a backward map (h, w, 2); beyond its border it is mirrored.

    ``smooth`` takes cubic interpolation, which keeps moving detail as crisp as resting detail.
    """
    how = cv2.INTER_CUBIC if smooth else cv2.INTER_LINEAR
    return cv2.remap(picture, backward, None, how, borderMode=cv2.BORDER_REFLECT_101)


def polygon_mask(points: Array, width: int, height: int) -> Array:
    """Anti-aliased (height, width) coverage in [0, 1] of a polygon given in pixels of the box.

    Drawn larger and averaged: OpenCV's own anti-aliased fill is off by up to half a pixel.
    """
    finer = 4 if width * height < _LARGE_MASK else 2
    mask = np.zeros((height * finer, width * finer), np.uint8)
    fixed = np.round(((points + 0.5) * finer - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_8, 4)
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / np.float32(255)


def blur(mask: Array, sigma: float) -> Array:
    """Gaussian blur of a mask or field; nothing below a fifth of a pixel."""
    return cv2.GaussianBlur(mask, (0, 0), sigma) if sigma > 0.2 else mask


def warp_affine(picture: Array, result_from_picture: Array, width: int, height: int) -> Array:
    """A float picture moved by a 2x3 matrix into a box of the given size, transparent outside."""
    return cv2.warpAffine(picture, result_from_picture, (width, height), flags=cv2.INTER_LINEAR)
