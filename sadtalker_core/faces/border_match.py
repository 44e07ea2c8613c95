"""Making a rendered crop agree with the picture around it before it is pasted.

A renderer moves everything in its crop: with the head also the neck, the shoulders and the hair
that cross the crop's border, beyond which the picture stands still. Blending alone then shows
double or broken outlines, and a membrane of colours (Poisson blending) drags the difference into
the face. Here the rendered crop is first bent, near its border only, until it lies on the picture
there; then a smooth field of colour takes away what difference of brightness remains.

All functions work on small square maps (``n`` cells a side, whatever the shape of the crop), are
batched, follow the device of their tensors and treat each frame by itself, so that cutting a
sequence into chunks never changes the result.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, pad

Sides = tuple[bool, bool, bool, bool]  # left, top, right, bottom: beyond it the picture goes on

_SEARCH_CELLS = 32
_SEARCH = 5  # of 32 cells: 16 % of the side
_SHY = 0.005  # cost of a cell of motion: what is not clearly seen to move rests, and is steady
_SHARP = 0.006
_STEPS = 3  # refinements at each size
_FLAT = 4e-5  # gradient energy below which a place says nothing about motion
_ALIKE = 4e-4  # squared difference, summed over colours, that is no difference
_CALM = 0.3  # trust in rest where nothing is to be seen
_BEND_RING = 0.06  # width beyond the soft edge of the ring whose motion is taken back
_COLOUR_RING = 0.09  # width of the ring that is compared, part of the side
_SAME = 0.07  # differences within a cell's surroundings above which two places do not correspond
_MOST_COLOUR = 0.16  # largest correction, of the range 0 to 1
_LEAST_BEND = 0.25  # cells
_MOST_BEND = 0.45  # largest bend, part of the depth over which it fades: keeps it free of folds


def depth_from_sides(sides: Sides, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Distance to the nearest held side, for places in [0, 1] of the crop, 9 where none is held.

    Args:
        sides: which sides are held.
        rows: (h,) places from the top.
        columns: (w,) places from the left.

    Returns:
        (h,) distance to top or bottom, (w,) distance to left or right.
    """
    left, top, right, bottom = sides
    far_rows, far_columns = torch.full_like(rows, 9.0), torch.full_like(columns, 9.0)
    down = torch.minimum(rows if top else far_rows, 1 - rows if bottom else far_rows)
    across = torch.minimum(columns if left else far_columns, 1 - columns if right else far_columns)
    return down, across


def smoothstep(value: Tensor) -> Tensor:
    """0 below 0, 1 above 1, smooth between."""
    t = value.clamp(0, 1)
    return t * t * (3 - 2 * t)


def bend_to_picture(crops: Tensor, still: Tensor, sides: Sides, hold: float, fade: float) -> Tensor:
    """Displacement that lays the crops on the picture along the held sides.

    Args:
        crops: (N, 3, n, n) rendered crops, [0, 1].
        still: (1, 3, n, n) the picture there.
        sides: which sides are held.
        hold: depth, part of the side, over which the crop lies on the picture.
        fade: depth at which the bend has faded to nothing: the face is left as it was rendered.

    Returns:
        (N, 2, n, n) x, y in parts of the side: the crop is to be read at place + displacement.
        Method: Lucas and Kanade 1981, coarse to fine.
    """
    n = still.shape[-1]
    flow, sure = _flow(_without_shade(crops), _without_shade(still))
    places = (torch.arange(n, device=still.device, dtype=still.dtype) + 0.5) / n
    down, across = depth_from_sides(sides, places, places)
    # only what moves at the border is taken back; what is not sure follows its surroundings
    ring = 1 - smoothstep((torch.minimum(down[:, None], across[None, :]) - hold) / _BEND_RING)
    weight = sure * ring
    flow = _soft(_extended(flow * weight, weight), max(1, round(n / 40)))
    fall_down = 1 - smoothstep((down - hold) / (fade - hold))
    fall_across = 1 - smoothstep((across - hold) / (fade - hold))
    window = 1 - (1 - fall_down)[:, None] * (1 - fall_across)[None, :]
    most = _MOST_BEND * fade * n
    length = flow.square().sum(1, keepdim=True).sqrt().clamp(min=1e-6)
    # less than a quarter of a cell is the noise of resampling
    rested = smoothstep(length / _LEAST_BEND)
    flow = flow * (rested * most * torch.tanh(length / most) / length)
    return flow * window / n


def _without_shade(maps: Tensor) -> Tensor:
    """Maps without their slow changes: light and colour shifts must not look like motion."""
    return maps - _soft(maps, max(2, maps.shape[-1] // 12))


def _flow(moving: Tensor, still: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 2, n, n) cells with ``moving(place + flow) = still(place)``, and (N, 1, n, n) trust."""
    pyramid = [(moving, still)]
    while pyramid[-1][0].shape[-1] > _SEARCH_CELLS:
        pyramid.append((avg_pool2d(pyramid[-1][0], 2), avg_pool2d(pyramid[-1][1], 2)))
    flow = _searched(*pyramid[-1])
    sure = flow[:, :1]
    for moved, rest in reversed(pyramid):
        if flow.shape[-1] != rest.shape[-1]:
            flow = 2 * interpolate(flow, size=rest.shape[-2:], mode="bilinear", align_corners=False)
        flow, sure = _refined(flow, moved, rest)
    return flow, sure


def _searched(moving: Tensor, still: Tensor) -> Tensor:
    """(N, 2, n, n) rough motion by trying every one up to ``_SEARCH`` cells: none is too large."""
    count, n = moving.shape[0], moving.shape[-1]
    side = 2 * _SEARCH + 1
    wide = pad(moving, (_SEARCH, _SEARCH, _SEARCH, _SEARCH), mode="replicate")
    shifted = wide.unfold(2, n, 1).unfold(3, n, 1)  # (N, 3, side, side, n, n)
    cost = (shifted - still[:, :, None, None]).abs().mean(1).reshape(count, side * side, n, n)
    cost = _soft(cost, 2)
    steps = torch.arange(-_SEARCH, _SEARCH + 1, device=still.device, dtype=still.dtype)
    dy, dx = (axis.reshape(-1) for axis in torch.meshgrid(steps, steps, indexing="ij"))
    # where nothing is to be seen the smallest motion is the best guess
    cost = cost + _SHY * (dx.square() + dy.square()).sqrt()[None, :, None, None]
    share = torch.softmax(-cost / _SHARP, dim=1)
    flow = torch.stack(
        ((share * dx[:, None, None]).sum(1), (share * dy[:, None, None]).sum(1)), dim=1
    )
    return _soft(flow, 1)


def _refined(flow: Tensor, moving: Tensor, still: Tensor) -> tuple[Tensor, Tensor]:
    dx, dy = _slopes(still)
    window = 2
    a = _soft((dx * dx).sum(1, keepdim=True), window)
    b = _soft((dx * dy).sum(1, keepdim=True), window)
    c = _soft((dy * dy).sum(1, keepdim=True), window)
    ridge = 0.06 * (a + c) + _FLAT
    a, c = a + ridge, c + ridge
    inverse = 1 / (a * c - b * b)
    difference = still - displaced(moving, flow)
    for _ in range(_STEPS):
        p = _soft((dx * difference).sum(1, keepdim=True), window)
        q = _soft((dy * difference).sum(1, keepdim=True), window)
        step = torch.cat(((c * p - b * q) * inverse, (a * q - b * p) * inverse), 1)
        flow = _soft(flow + step.clamp(-1, 1), 1)
        difference = still - displaced(moving, flow)
    error = _soft(difference.square().sum(1, keepdim=True), window)
    plain = _soft((still - moving).square().sum(1, keepdim=True), window)
    texture = a + c
    # trusted where there is something to see and the bend explains it
    sure = texture / (texture + 30 * _FLAT) * (plain / (plain + 2 * error + 1e-6))
    # plain background that looks the same without a bend is known to rest
    calm = _CALM * _ALIKE / (_ALIKE + plain)
    return flow, torch.maximum(torch.where(plain < 1e-6, torch.ones_like(sure), sure), calm)


def _slopes(maps: Tensor) -> tuple[Tensor, Tensor]:
    wide = pad(maps, (1, 1, 1, 1), mode="replicate")
    dx = (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2
    dy = (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2
    return dx, dy


def _soft(maps: Tensor, reach: int) -> Tensor:
    """Mean of means over (2 reach + 1) cells: nearly Gaussian; edges are repeated.

    As two matrix products, which is several times faster than pooling with such windows.
    """
    across = _blur_matrix(maps.shape[-1], reach, maps)
    down = across if maps.shape[-2] == maps.shape[-1] else _blur_matrix(maps.shape[-2], reach, maps)
    return down @ maps @ across.mT


def _blur_matrix(n: int, reach: int, like: Tensor) -> Tensor:
    """(n, n) matrix of the blur along one axis."""
    cells = torch.arange(n, device=like.device)
    near = cells[:, None] + torch.arange(-reach, reach + 1, device=like.device)
    once = like.new_zeros(n, n).scatter_add_(
        1, near.clamp(0, n - 1), like.new_full(near.shape, 1 / (2 * reach + 1))
    )
    return once @ once


def displaced(maps: Tensor, flow: Tensor) -> Tensor:
    """(N, C, h, w) maps read at each place + ``flow`` (N, 2, h, w) cells; edges are repeated."""
    height, width = maps.shape[-2:]
    y = torch.arange(height, device=maps.device, dtype=maps.dtype)[:, None] + flow[:, 1]
    x = torch.arange(width, device=maps.device, dtype=maps.dtype)[None, :] + flow[:, 0]
    grid = torch.stack((2 * (x + 0.5) / width - 1, 2 * (y + 0.5) / height - 1), -1)
    return grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)


def colour_field(crops: Tensor, still: Tensor, sides: Sides) -> Tensor:
    """What to add to each crop so that its colours meet the picture's along the held sides.

    The difference along the border is carried inward by a pyramid (push and pull), which is
    smooth and nearly the membrane that Poisson blending solves for. Places where crop and picture
    show different things (hair that moved in, a shoulder that moved off) do not count.

    Args:
        crops: (N, 3, n, n) rendered and bent crops, [0, 1]; n a power of two.
        still: (1, 3, n, n) the picture there.
        sides: which sides are held.

    Returns:
        (N, 3, n, n), within +-0.16; zero when no side is held.
    """
    n = still.shape[-1]
    places = (torch.arange(n, device=still.device, dtype=still.dtype) + 0.5) / n
    down, across = depth_from_sides(sides, places, places)
    depth = torch.minimum(down[:, None], across[None, :])
    ring = 1 - smoothstep(depth / _COLOUR_RING)
    if not any(sides):
        return torch.zeros_like(crops)
    difference = still - crops
    shade = _soft(difference, max(1, n // 32))
    odd = (difference - shade).square().mean(1, keepdim=True)
    large = difference.square().mean(1, keepdim=True)
    trust = ring / (1 + _soft(odd, 1) / _SAME**2 * 4) / (1 + (large / (2.5 * _SAME) ** 2) ** 2)
    field = _extended(difference * trust, trust)
    return _MOST_COLOUR * torch.tanh(field / _MOST_COLOUR)


def colour_field_in(changed: Tensor, still: Tensor, mask: Tensor) -> Tensor:
    """What to add to changed pictures so that their colours meet the still ones' along the edge of
    a mask of any shape.

    As ``colour_field``, but the places that are compared lie where the mask fades. Where it reaches
    the picture's own border there is nothing to agree with.

    Args:
        changed: (N, 3, n, n), [0, 1]; n a power of two.
        still: (1 or N, 3, n, n) what is around it.
        mask: (1 or N, 1, n, n) in [0, 1], 1 where ``changed`` is shown.

    Returns:
        (N, 3, n, n), within +-0.16; zero without an edge.
    """
    n = changed.shape[-1]
    reach = max(1, round(_COLOUR_RING * n / 4))
    soft = _soft(mask, reach)
    # most of the ring lies inside: the seam is where the changed picture still counts
    ring = (4 * soft * (1 - soft)).clamp(0, 1) * smoothstep(2 * mask)
    difference = still - changed
    shade = _soft(difference, max(1, n // 32))
    odd = (difference - shade).square().mean(1, keepdim=True)
    large = difference.square().mean(1, keepdim=True)
    trust = ring / (1 + _soft(odd, 1) / _SAME**2 * 4) / (1 + (large / (2.5 * _SAME) ** 2) ** 2)
    field = _extended(difference * trust, trust)
    has_edge = (ring.amax((1, 2, 3), keepdim=True) > 1e-3).to(field)
    return _MOST_COLOUR * torch.tanh(field / _MOST_COLOUR) * has_edge


def _extended(weighted: Tensor, weight: Tensor) -> Tensor:
    """Values known with some weight, everywhere: coarser means fill what is not known."""
    if weighted.shape[-1] <= 2:
        total = weight.sum((2, 3), keepdim=True)
        return (weighted.sum((2, 3), keepdim=True) / (total + 1e-4)).expand_as(weighted)
    coarse = _extended(avg_pool2d(weighted, 2), avg_pool2d(weight, 2))
    filled = interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    doubt = 0.15  # weight of the coarser mean: what only few cells say is spread
    return _soft((weighted + doubt * filled) / (weight + doubt), 1)
