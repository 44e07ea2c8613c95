"""Crops and ratios on real portraits and clips, where a folder of them is at hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sadtalker_core.faces.composite import composite
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.systems.liveportrait.crop import (
    CropShape,
    crop_from_image,
    cut_averaged,
    face_square,
    inverse_map,
)
from sadtalker_core.systems.liveportrait.faces import PortraitFinder
from sadtalker_core.systems.liveportrait.paste import paste_exact, paste_weight
from sadtalker_core.training.fit_ratios import errors_of, read_pair


@pytest.fixture(scope="module")
def nets() -> FaceNets:
    return load_face_nets()


def psnr(a: Tensor, b: Tensor) -> float:
    return -20 * math.log10(float((a.float() - b.float()).square().mean().sqrt()) / 255 + 1e-9)


PORTRAITS = (
    "liveportrait_s5.jpg",  # fewer pixels than the crop
    "liveportrait_s2.jpg",  # twice as many
    "liveportrait_s7.jpg",  # reaches out of the picture
    "sadtalker_art_10.png",
)


@pytest.mark.parametrize("name", PORTRAITS)
def test_without_motion_nothing_is_seen_of_the_crop(
    sample_media: Path, nets: FaceNets, name: str
) -> None:
    rgb = read_picture(sample_media / "portraits" / name).rgb
    seen = PortraitFinder(nets)(rgb)
    assert seen is not None
    place = crop_from_image(face_square(seen.points_px, CropShape()), CropShape())
    back, crop = inverse_map(place), cut_averaged(rgb[None], place)
    weight = paste_weight(back, (rgb.shape[1], rgb.shape[2]))
    exact = paste_exact(rgb, crop, back)[0]
    matched = composite(rgb, crop.float() / 255, back)[0]
    for pasted, least in ((exact, 31), (matched, 48)):
        assert torch.equal(pasted[:, weight == 0], rgb[:, weight == 0])
        assert psnr(pasted[:, weight > 0], rgb[:, weight > 0]) > least


def test_eyes_and_lips_follow_the_originals_ratios(sample_media: Path, nets: FaceNets) -> None:
    eyes, _, lips = read_pair(
        sample_media / "video" / "liveportrait_d5.mp4",
        sample_media / "templates" / "d5.pkl",
        nets,
    )
    off, alike = errors_of(eyes, 1.528, 0.126)
    assert off < 0.05
    assert alike > 0.93
    off, alike = errors_of(lips, 1.0, 0.0)
    assert off < 0.07
    assert alike > 0.92
