"""Dense warps: positions, inversion, masks."""

from __future__ import annotations

import numpy as np
import pytest

from sadtalker_core.geometry import warp


def test_lattice_nodes_are_cell_centres_and_cells_invert_them() -> None:
    lattice = warp.Lattice.covering(10.2, 4.0, 31.0, 15.5, step=4)
    nodes = lattice.nodes()
    assert nodes[0, 0].tolist() == [11.5, 5.5]
    assert (lattice.columns, lattice.rows) == (6, 3)
    cells = lattice.to_cells(nodes)
    assert cells[2, 5].tolist() == [5.0, 2.0]


def test_scattered_field_passes_through_its_data_and_stays_within_it() -> None:
    random = np.random.default_rng(1)
    centres = random.uniform(0, 100, (60, 2)).astype(np.float32)
    values = random.uniform(-1, 1, (60, 2)).astype(np.float32)
    field = warp.ScatteredField(centres, softness=1.0, smoothing=0.0)
    assert np.abs(field.at(centres, values) - values).max() < 1e-3
    spots = random.uniform(0, 100, (500, 2)).astype(np.float32)
    everywhere = field.at(spots, values)
    assert np.abs(field.once(spots, values) - everywhere).max() < 1e-3
    assert np.abs(everywhere).max() < 1.6  # no overshoot as of thin plates


def test_scattered_field_smoothing_calms_contradicting_neighbours() -> None:
    centres = np.array([[0, 0], [0.01, 0], [50, 50]], np.float32)
    values = np.array([[1.0], [-1.0], [0.0]], np.float32)
    near = np.array([[-3.0, 0.0]], np.float32)
    wild = warp.ScatteredField(centres, 0.5, smoothing=0.0).at(near, values)
    calm = warp.ScatteredField(centres, 0.5, smoothing=0.2).at(near, values)
    assert abs(float(calm[0, 0])) < 0.2 < abs(float(wild[0, 0]))


def test_inverted_displacement_leads_back() -> None:
    lattice = warp.Lattice(0, 0, 4, 40, 30)
    nodes = lattice.nodes()
    bump = np.exp(-(((nodes - [80, 60]) / 25) ** 2).sum(-1))
    forward = np.stack([9 * bump, -6 * bump], axis=-1).astype(np.float32)
    backward = warp.invert_displacement(forward, lattice, nodes, steps=12)
    source = nodes + backward
    landed = source + warp.sample_field(forward, lattice, source)
    assert np.abs(landed - nodes).max() < 0.08  # of a pixel: linear interpolation between nodes


def test_enlarged_field_has_the_node_values_at_the_nodes() -> None:
    lattice = warp.Lattice(0, 0, 3, 5, 4)
    field = np.random.default_rng(0).normal(size=(4, 5, 2)).astype(np.float32)
    full = warp.enlarge_field(field, lattice)
    assert full.shape == (12, 15, 2)
    assert np.allclose(full[1::3, 1::3], field, atol=1e-5)


def test_identity_map_copies_the_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    same = warp.sample_picture(picture, warp.pixel_positions(0, 0, 30, 20))
    assert np.array_equal(same, picture)


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
def test_polygon_mask_is_exact_to_a_fraction_of_a_pixel(shift: float) -> None:
    square = np.array([[4, 4], [14, 4], [14, 9], [4, 9]], np.float32) + np.float32(shift)
    centre = warp.polygon_mask(square, 24, 16)
    weights = centre / centre.sum()
    x, y = np.meshgrid(np.arange(24), np.arange(16))
    assert float((weights * x).sum()) == pytest.approx(9 + shift, abs=0.15)
    assert float((weights * y).sum()) == pytest.approx(6.5 + shift, abs=0.15)
