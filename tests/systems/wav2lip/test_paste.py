"""What the generator sees, and its pictures put back."""

from __future__ import annotations

import torch
from torch import Tensor

from sadtalker_core.systems.wav2lip.faces import cut_faces, generator_input, generator_output
from sadtalker_core.systems.wav2lip.paste import paste_soft, soft_mask

BOX = (30, 20, 130, 160)


def _frame(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, 200, 160), dtype=torch.uint8, generator=generator)


def _oval(width: float = 60.0) -> Tensor:
    angle = torch.linspace(0, 6.2831853, 37)[:-1]
    return torch.stack((80 + width / 2 * angle.sin(), 90 - 60 * angle.cos()), 1)


def test_the_generator_sees_bgr_with_the_lower_half_hidden() -> None:
    faces = torch.tensor([255, 102, 0], dtype=torch.uint8)[:, None, None].expand(3, 96, 96)[None]
    seen = generator_input(faces)
    assert seen.shape == (1, 6, 96, 96)
    assert seen[0, 3:, 95, 0].tolist() == torch.tensor([0.0, 0.4, 1.0]).tolist()
    assert torch.equal(seen[0, :3, :48], seen[0, 3:, :48])
    assert seen[0, :3, 48:].max() == 0


def test_pictures_of_the_generator_are_cut_off_to_bytes() -> None:
    image = torch.tensor([0.0039, 0.5, 1.0])[:, None, None].expand(3, 2, 2)[None]
    assert generator_output(image)[0, :, 0, 0].tolist() == [255, 127, 0]


def test_faces_are_cut_from_their_boxes() -> None:
    frame = torch.zeros((3, 50, 60), dtype=torch.uint8)
    frame[:, 10:20, 30:50] = 200
    assert cut_faces([frame], [(30, 10, 50, 20)]).unique().tolist() == [200]


def test_soft_paste_leaves_all_else_to_the_bit() -> None:
    before = _frame()
    for oval in (None, _oval()):
        after = before.clone()
        grey = torch.full((3, 96, 96), 128, dtype=torch.uint8)
        paste_soft(after, grey, grey, BOX, oval)
        mask = torch.zeros(200, 160)
        mask[20:160, 30:130] = soft_mask(BOX, oval)
        assert torch.equal(after[:, mask == 0], before[:, mask == 0])
        assert (after[:, mask > 0.999] == 128).all()
        assert (mask > 0.999).sum() > 500
        # nothing above the hidden half, nothing on the box's edge
        assert mask[: 20 + 67].max() == 0
        assert mask[159].max() < 0.02
        assert mask[:, 30].max() < 0.02


def test_a_part_of_the_new_face_may_be_shown() -> None:
    before = torch.full((3, 200, 160), 100, dtype=torch.uint8)
    painted = torch.full((3, 96, 96), 100, dtype=torch.uint8)
    painted[:, 48:] = 200
    for strength, level in ((0.0, 100), (0.25, 125), (1.0, 200)):
        after = before.clone()
        paste_soft(after, painted, painted, BOX, None, strength)
        assert after[:, 125, 80].tolist() == [level] * 3


def test_the_outline_keeps_the_background_out_and_leaves_room_for_the_chin() -> None:
    plain, shaped = soft_mask(BOX, None), soft_mask(BOX, _oval())
    assert plain[110, 15] > 0.9
    assert shaped[110, 15] < 0.05
    # the chin is at row 130 of the box; an open mouth reaches lower
    assert shaped[133, 50] > 0.3 * plain[133, 50] > 0


def test_light_that_the_generator_lost_is_given_back() -> None:
    before = torch.full((3, 200, 160), 100, dtype=torch.uint8)
    seen = torch.full((3, 96, 96), 100, dtype=torch.uint8)
    painted = torch.full((3, 96, 96), 94, dtype=torch.uint8)
    after = before.clone()
    paste_soft(after, painted, seen, BOX, None)
    assert torch.equal(after, before)
    # the hidden half does not count
    painted[:, 60:] = 150
    paste_soft(after, painted, seen, BOX, None)
    assert after[:, 135, 80].tolist() == [156, 156, 156]
    # what is far off is no matter of light
    after = before.clone()
    paste_soft(after, torch.zeros_like(painted), seen, BOX, None)
    assert after[0, 135, 80] == 24
