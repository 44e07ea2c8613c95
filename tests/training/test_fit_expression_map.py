"""Fitting the expression map: relations are found again, faces measured, error honest."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from sadtalker_core.errors import NoFaceError, StructureError, WeightsError
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.nets.recon3d import Recon3D, Recon3DConfig
from sadtalker_core.faces.nets.resnet import ResNetConfig
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.media.options import VideoOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.media.video_out import write_video
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import FrameStream, LiteMotion
from sadtalker_core.systems.lite.config import LiteRenderOptions
from sadtalker_core.systems.lite.pipeline import animate, prepare
from sadtalker_core.training.fit_expression_map import (
    FaceRows,
    controls_from_measures,
    explained_variance,
    fit_map,
    main,
    read_clip,
)
from sadtalker_core.transfer.expression_map import LITE_NAMES, load_expression_map

TOY = Recon3DConfig(ResNetConfig(4, (1, 1, 1, 3)))
LENGTH = 24


@pytest.fixture(scope="module")
def recon() -> Recon3D:
    torch.manual_seed(0)
    return Recon3D(TOY).eval()


@pytest.fixture(scope="module")
def nets() -> FaceNets:
    return load_face_nets()


@pytest.fixture(scope="module")
def motion() -> LiteMotion:
    t = torch.arange(LENGTH) / 25
    mouth = (torch.sin(2 * torch.pi * 3 * t)).clamp(min=0)
    lids = torch.zeros(LENGTH, 2)
    lids[10:13] = 0.9
    return dataclasses.replace(
        LiteMotion.rest(LENGTH, Fraction(25)),
        open=0.12 * mouth,
        jaw=0.09 * mouth,
        lids=lids,
        rotation_rad=0.05 * torch.sin(torch.stack((t, 2 * t, 3 * t), 1)),
    )


@pytest.fixture(scope="module")
def frames(small_portrait: Path, nets: FaceNets, motion: LiteMotion) -> Tensor:
    rgb = read_picture(small_portrait).rgb
    prepared = prepare(rgb, find_faces(nets, rgb)[0], LiteRenderOptions())
    return animate(prepared, motion, Runtime()).collect().frames


def made_up(name: str, weight: Tensor, seed: int, length: int = 150) -> FaceRows:
    generator = torch.Generator().manual_seed(seed)
    expression = torch.randn(length, 64, generator=generator)
    controls = expression @ weight + 0.01 * torch.randn(length, 9, generator=generator)
    controls[:, 8] = 0.1 * torch.randn(length, generator=generator)  # nothing to do with it
    return FaceRows(name, expression, controls)


def test_a_linear_relation_is_found_again() -> None:
    weight = torch.randn(64, 9, generator=torch.Generator().manual_seed(9)) * 0.05
    clips = [made_up(f"p{k}_{j}", weight, 10 * k + j) for k in range(3) for j in range(2)]
    found = fit_map(clips, strength=5.0)
    torch.testing.assert_close(found.weight[:, :8], weight[:, :8], atol=3e-3, rtol=0)
    assert (found.held_out[:8] > 0.97).all()
    assert found.held_out[8] < 0.1  # honest about what it cannot know
    controls = clips[0].controls[:, :8]
    again = (clips[0].controls @ found.back @ found.weight)[:, :8]
    assert (explained_variance(again, controls) > 0.7).all()
    assert (fit_map(clips[:1], strength=5.0).held_out[:8] > 0.8).all()  # one person: by time
    assert not found.forward(torch.ones(2, 64), torch.ones(1, 64)).any()
    with pytest.raises(StructureError, match="no clip"):
        fit_map([])


def test_people_are_left_out_whole() -> None:
    """Clips of one person are alike: testing on one while fitting to the other would flatter."""
    generator = torch.Generator().manual_seed(3)
    clips: list[FaceRows] = []
    for person in range(4):
        own = torch.randn(64, 9, generator=generator)
        for clip in range(2):
            rows = torch.randn(80, 64, generator=generator)
            clips.append(FaceRows(f"p{person}_{clip}", rows, rows @ own))
    assert fit_map(clips).held_out.max() < 0.3


def test_measures_of_generated_frames(
    recon: Recon3D, nets: FaceNets, frames: Tensor, motion: LiteMotion
) -> None:
    clip = read_clip("demo", frames.split(7), recon, nets)
    assert clip.expression.shape == (LENGTH, 64)
    assert clip.controls.shape == (LENGTH, len(LITE_NAMES))
    assert torch.isfinite(clip.expression).all()
    pairs = torch.stack((clip.controls[:, 0], motion.open))
    assert float(torch.corrcoef(pairs)[0, 1]) > 0.9
    blink = torch.stack((clip.controls[:, 5], motion.lids[:, 0]))
    assert float(torch.corrcoef(blink)[0, 1]) > 0.7
    half = read_clip("demo", frames.split(5), recon, nets, every=2)
    assert len(half.controls) == LENGTH // 2
    with pytest.raises(NoFaceError, match="0 of 4 frames"):
        read_clip("grey", [torch.full((4, 3, 96, 96), 90, dtype=torch.uint8)], recon, nets)


def test_controls_are_relative_to_rest() -> None:
    measures = torch.tensor([[0.02, 0.6, 0.1, 0.2, 1.5, 0.2, 0.2, 0.3, 0.3]]).repeat(3, 1)
    measures[2] += torch.tensor([0.1, 0.05, 0.01, 0.05, 0.08, -0.1, -0.2, 0.02, 0.0])
    rest = torch.tensor([True, True, False])
    controls = controls_from_measures(measures, rest)
    assert controls[:2].abs().max() < 1e-6
    wanted = [0.1, 0.05, 0.01, 0.5, 0.08, 0.5, 1.0, 0.02, 0.0]
    assert controls[2].tolist() == pytest.approx(wanted, abs=1e-5)


def test_the_whole_tool(
    tmp_path: Path, recon: Recon3D, frames: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "published.safetensors"
    save_file({f"face_3drecon.{k}": v for k, v in recon.state_dict().items()}, weights)
    clips = tmp_path / "clips"
    clips.mkdir()
    height, width = frames.shape[-2:]
    for name in ("anna_1", "bert_1"):
        stream = FrameStream(iter([frames]), LENGTH, (height, width), Fraction(25))
        write_video(
            stream,
            clips / f"{name}.mp4",
            audio=None,
            options=VideoOptions(),
            metadata={},
            runtime=Runtime(),
        )
    (clips / "notes.txt").write_text("no video")
    out = tmp_path / "expression_map.safetensors"
    main(["--weights", str(weights), "--clips", str(clips), "--every", "1", "--out", str(out)])
    found = load_expression_map(out)
    assert found.weight.abs().sum() > 0
    said = capsys.readouterr().out
    assert f"{2 * LENGTH} frames of 2 clips" in said
    assert "open " in said
    save_file({"a": torch.zeros(1)}, weights)
    with pytest.raises(WeightsError):
        main(["--weights", str(weights), "--clips", str(clips), "--out", str(out)])
