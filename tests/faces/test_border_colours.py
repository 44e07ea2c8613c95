"""Colours that agree along the edge of a mask of any shape."""

from __future__ import annotations

import torch

from sadtalker_core.faces.border_match import colour_field_in

N = 64


def disc(radius: float = 20.0) -> torch.Tensor:
    """(1, 1, N, N) 1 in the middle, soft at its edge."""
    place = torch.arange(N) - N / 2 + 0.5
    far = (place[:, None].square() + place[None].square()).sqrt()
    return ((radius - far) / 4).clamp(0, 1)[None, None]


def scene() -> torch.Tensor:
    """(1, 3, N, N) of slow colours."""
    ramp = torch.linspace(0.3, 0.7, N)
    return torch.stack([ramp.expand(N, N), ramp[:, None].expand(N, N), ramp.expand(N, N)])[None]


def test_a_tint_inside_of_the_mask_is_taken_away() -> None:
    tint = torch.tensor([0.08, 0.04, -0.05])[None, :, None, None]
    field = colour_field_in(scene() + tint, scene(), disc())
    middle = field[0, :, N // 2, N // 2]
    torch.testing.assert_close(middle, -tint[0, :, 0, 0], atol=0.02, rtol=0)


def test_equal_pictures_are_left_alone() -> None:
    field = colour_field_in(scene(), scene(), disc())
    assert float(field.abs().max()) < 1e-5


def test_without_an_edge_nothing_is_compared() -> None:
    for mask in (torch.ones(1, 1, N, N), torch.zeros(1, 1, N, N)):
        assert float(colour_field_in(scene() + 0.1, scene(), mask).abs().max()) == 0


def test_what_moved_in_does_not_count() -> None:
    """A dark thing that crosses the edge on one side must not darken the face."""
    changed = scene() + 0.05
    changed[..., N // 2 - 4 : N // 2 + 4, : N // 2] = 0.0
    field = colour_field_in(changed, scene(), disc())
    assert float((field[0, :, N // 2, N // 2] + 0.05).abs().max()) < 0.03


def test_each_frame_is_for_itself() -> None:
    both = torch.cat([scene() + 0.1, scene() - 0.06])
    together = colour_field_in(both, scene(), disc())
    alone = torch.cat([colour_field_in(one[None], scene(), disc()) for one in both])
    torch.testing.assert_close(together, alone)
