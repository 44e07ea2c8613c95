"""Faces restored in pictures and videos, and what is around them enlarged."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.enhance.toys import toy_file, toy_finder_files

from .conftest import Host
from .pack import pack_module
from .scenes import call, run, small_head, sound
from .short_graphs import look_at
from .test_foundation import _tensors
from .test_relip import accept, clip, video_of

errors = pack_module("sadtalker_core.errors")
host_models = pack_module("nodes.host_models")
published = pack_module("sadtalker_core.weights.published_enhance")


def write_toys(host: Host) -> None:
    toy_file(host.models / "talking_portraits", published.GFPGAN_14.file)
    accept(host, [published.GFPGAN_14])


@pytest.fixture
def enhancer(host: Host) -> Any:
    write_toys(host)
    (made,) = run("LoadEnhancer")
    return made


def difference(a: Tensor, b: Tensor) -> Tensor:
    """(N, H, W) in levels."""
    return (a - b).abs().amax(3) * 255


def test_faces_change_and_the_rest_keeps_its_pixels(enhancer: Any) -> None:
    before = clip(3)
    made, report = run("EnhanceFrames", enhancer=enhancer, images=before)
    assert report == "3 pictures of 192x192, faces restored in 3."
    levels = difference(made, before)
    assert float(levels.max()) > 3
    assert float(levels[:, :4].max()) < 0.51  # the corner, in levels of a byte
    nothing, _ = run("EnhanceFrames", enhancer=enhancer, images=before, enhance_strength=0.0)
    assert float(difference(nothing, before).max()) < 0.51
    mouth, _ = run("EnhanceFrames", enhancer=enhancer, images=before, enhance_region="mouth")
    touched = [int((difference(each, before) > 0.51).sum()) for each in (made, mouth)]
    assert 0 < touched[1] < touched[0] / 3


def test_pictures_by_themselves_know_nothing_of_each_other(enhancer: Any) -> None:
    both = torch.cat([small_head(), small_head().flip(2) * 0.7])
    given = {"enhancer": enhancer, "is_video": False}
    made, report = run("EnhanceFrames", images=both, **given)
    alone, _ = run("EnhanceFrames", images=both[1:], **given)
    assert torch.equal(made[1:], alone)
    as_video, _ = run("EnhanceFrames", enhancer=enhancer, images=both)
    assert not torch.equal(as_video[1:], alone)
    assert report.startswith("2 pictures")


def test_frames_without_a_face_are_told(enhancer: Any) -> None:
    before = clip(4)
    before[1] = 0.5
    for is_video in (True, False):
        given = {"enhancer": enhancer, "is_video": is_video, "enhance_steady": 0.0}
        made, report = run("EnhanceFrames", images=before, **given)
        assert report.splitlines()[0] == "4 pictures of 192x192, faces restored in 3."
        assert "1 of 4 frames show no face" in report
        assert float(difference(made, before)[1].max()) < 0.51


def test_a_video_is_enhanced_into_a_file_with_its_sound(host: Host, enhancer: Any) -> None:
    dubbed, _ = run("RelipVideo", video=video_of(clip(6)), audio=sound(0.24))
    given = {"enhancer": enhancer, "video": dubbed, "upscale": 1.5}
    shown = call("EnhanceVideo", **given)
    seen = look_at(host.output / "video" / "enhanced_00001_.mp4")
    assert (seen.frames, seen.fps, seen.size) == (6, Fraction(25), (288, 288))
    assert seen.sound_s == pytest.approx(0.24, abs=0.07)
    assert seen.loudness > 0.05
    assert shown.result[0].get_dimensions() == (288, 288)
    assert shown.ui.as_dict()["images"]


class Doubling:
    """An UPSCALE_MODEL of the host that remembers where it was."""

    scale = 2

    def __init__(self, *, fails: bool = False) -> None:
        self.model = torch.nn.Conv2d(1, 1, 1)
        self.places: list[str] = []
        self._fails = fails

    def to(self, device: Any) -> Doubling:
        self.places.append(str(device))
        return self

    def __call__(self, picture: Tensor) -> Tensor:
        if self._fails:
            raise RuntimeError("out of memory")
        return F.interpolate(picture * 0.5, scale_factor=2.0)


def test_the_hosts_upscale_model_enlarges_what_is_around(enhancer: Any) -> None:
    model = Doubling()
    given = {"enhancer": enhancer, "images": clip(2), "enhance_strength": 0.0}
    made, _ = run("EnhanceFrames", upscale=2.0, upscale_model=model, **given)
    wanted = F.interpolate(given["images"].movedim(3, 1) * 0.5, scale_factor=2.0).movedim(1, 3)
    assert made.shape == (2, 384, 384, 3)
    assert float(difference(made, wanted).max()) < 1.01
    assert model.places == ["cpu", "cpu"]  # moved in, and out again
    broken = Doubling(fails=True)
    with pytest.raises(RuntimeError, match="memory"):
        run("EnhanceFrames", upscale=2.0, upscale_model=broken, **given)
    assert broken.places == ["cpu", "cpu"]
    with pytest.raises(errors.OptionError, match="upscale is 1"):
        run("EnhanceFrames", upscale_model=model, **given)


def test_the_originals_own_way(host: Host) -> None:
    folder = host.models / "talking_portraits"
    write_toys(host)
    toy_finder_files(folder)
    accept(host, [pack_module("sadtalker_core.weights.published").RETINAFACE, published.PARSENET])
    (model,) = run("LoadEnhancer", enhance_way="original")
    assert model.networks.original is not None
    made, report = run("EnhanceFrames", enhancer=model, images=clip(2))
    assert made.shape == (2, 192, 192, 3)
    assert report.startswith("2 pictures")


def test_every_number_moves_with_the_model(enhancer: Any) -> None:
    enhancer._patcher.model.to("meta")
    found = _tensors(enhancer.networks.enhancer.restore, "enhancer")
    assert [path for path, each in found if each.device.type != "meta"] == []


def test_missing_files_and_terms(host: Host) -> None:
    with pytest.raises(errors.WeightsError) as caught:
        run("LoadEnhancer", enhancer="gpen-512")
    said = str(caught.value)
    assert said.startswith("Face enhancer needs weights that are not here (1 file")
    assert "Commercial use: not allowed." in said
    assert "models download gpen-512" in said
    write_toys(host)
    (model,) = run("LoadEnhancer")
    text, data = run("LicenceReport", model=model)
    assert "gfpgan-1.4" in text
    assert '"id": "enhance"' in data
    text, _, missing = run("ModelReport", engine="enhance")
    assert missing == 0
    assert "Face enhancer: ready" in text
