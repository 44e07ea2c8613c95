"""Shared layers against their definitions."""

from __future__ import annotations

import pytest
import torch

from sadtalker_core.systems.blocks import dense_motion
from sadtalker_core.systems.blocks.layers import coordinate_grid
from sadtalker_core.systems.blocks.spade import Spade, SpadeConfig, SpectralConv2d

from .toys import moved_keypoints


def test_grid_is_xyz_and_reaches_both_ends() -> None:
    grid = coordinate_grid((2, 3, 5), torch.zeros(1))
    assert grid.shape == (2, 3, 5, 3)
    assert grid[0, 0, 0].tolist() == [-1, -1, -1]
    assert grid[1, 2, 4].tolist() == [1, 1, 1]
    assert grid[0, 0, 4].tolist() == [1, -1, -1]
    assert grid[0, 1, 0].tolist() == [-1, 0, -1]


def test_resting_keypoints_propose_to_stay() -> None:
    source, _ = moved_keypoints(1)
    motions = dense_motion.sparse_motions((4, 8, 8), source, source)
    grid = coordinate_grid((4, 8, 8), source)
    torch.testing.assert_close(motions, grid.expand_as(motions))
    assert dense_motion.heatmap_change((4, 8, 8), source, source).abs().max() == 0


def test_proposals_point_from_driving_to_source() -> None:
    source, driving = torch.zeros(1, 1, 3), torch.tensor([[[0.5, 0.0, -0.25]]])
    motions = dense_motion.sparse_motions((3, 5, 5), source, driving)
    grid = coordinate_grid((3, 5, 5), source)
    assert motions.shape == (1, 2, 3, 5, 5, 3)
    torch.testing.assert_close(motions[0, 0], grid)
    torch.testing.assert_close(motions[0, 1], grid - torch.tensor([0.5, 0.0, -0.25]))
    heat = dense_motion.heatmap_change((3, 5, 5), source, driving)
    assert heat[0, 0].abs().max() == 0
    assert heat[0, 1, 0, 1, 2, 2] == pytest.approx(-1, abs=1e-3)  # the source's place


def test_small_weights_are_dropped_without_rescaling() -> None:
    motions = torch.ones(1, 3, 1, 1, 1, 3) * torch.tensor([1.0, 10.0, 100.0]).view(1, 3, 1, 1, 1, 1)
    mask = torch.tensor([0.5, 0.4991, 0.0009]).view(1, 3, 1, 1, 1)
    found = dense_motion.combine(mask, motions, 1e-3)
    assert found.flatten().tolist() == pytest.approx([5.491] * 3)
    found = dense_motion.combine(mask, motions, 0.0)
    assert found.flatten().tolist() == pytest.approx([5.581] * 3)


def test_sampling_keeps_the_published_mismatch() -> None:
    volume = torch.arange(8.0).view(1, 1, 1, 1, 8).expand(1, 1, 8, 8, 8)
    moved = dense_motion.sample_volume(volume, coordinate_grid((8, 8, 8), volume)[None])
    # Places of the grid lie outside the outermost voxels' centres: half of zero comes in.
    assert moved[0, 0, 4, 4, -1] == pytest.approx(3.5, abs=1e-5)


def test_spectral_norm_is_the_one_of_torch() -> None:
    torch.manual_seed(0)
    ours = SpectralConv2d(5, 7, 3)
    theirs = torch.nn.utils.spectral_norm(torch.nn.Conv2d(5, 7, 3, padding=1)).eval()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = torch.rand(1, 5, 6, 6)
    torch.testing.assert_close(ours(x), theirs(x))


def test_spade_follows_its_definition() -> None:
    torch.manual_seed(0)
    net = Spade(4, SpadeConfig(inputs=3, hidden=5))
    x, features = torch.rand(2, 4, 8, 8) * 5, torch.rand(2, 3, 4, 4)
    steer = net.mlp_shared(features.repeat_interleave(2, 2).repeat_interleave(2, 3))
    mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
    normed = (x - mean) / (var + 1e-5).sqrt()
    want = normed * (1 + net.mlp_gamma(steer)) + net.mlp_beta(steer)
    torch.testing.assert_close(net(x, features), want, atol=1e-5, rtol=1e-5)
