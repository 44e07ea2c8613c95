"""Faces edited by sliders, by keyframes and by openings; keypoints without pictures."""

from __future__ import annotations

import gc
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.systems.liveportrait.toy_files import write_toy_files as liveportrait_files
from tests.systems.sadtalker.toy_files import write_toy_files as sadtalker_files

from .conftest import Host
from .pack import ROOT, node_list, pack_module

node_list()
expression = pack_module("nodes.expression")
values_of = pack_module("nodes.expression_values")
preview = pack_module("nodes.expression_preview")
moments = pack_module("nodes.video_moments")
portraits = pack_module("nodes.portraits")
runtimes = pack_module("sadtalker_core.runtime")
portrait_nodes = pack_module("nodes.portrait")
faces_nodes = pack_module("nodes.faces")
keypoints = pack_module("nodes.keypoint_tracks")
host_models = pack_module("nodes.host_models")
pictures = pack_module("sadtalker_core.media.pictures")
sliders_module = pack_module("sadtalker_core.expression_sliders")
structures = pack_module("sadtalker_core.structures")
errors = pack_module("sadtalker_core.errors")

Sliders = sliders_module.ExpressionSliders
Edit, Editor = expression.EditExpression, expression.ExpressionEditor
REST = {name: values_of.neutral_of(name) for name in values_of.SPECS}
FPS = Fraction(25)


@pytest.fixture(scope="module")
def image(demo_portrait: Path) -> Tensor:
    rgb = pictures.read_picture(demo_portrait).flattened()
    return rgb.movedim(0, -1)[None].float() / 255


@pytest.fixture(scope="module")
def portrait(image: Tensor) -> Any:
    made = portrait_nodes.PreparePortrait.execute(
        model=host_models.builtin(), image=image, frame="crop", frame_size=160
    )
    return made.result[0][0]


@pytest.fixture
def liveportrait(host: Host) -> Any:
    folder = host.models / "talking_portraits"
    folder.mkdir()
    liveportrait_files(folder)
    return host_models.load_model("liveportrait")


def edit(image: Tensor, **changes: Any) -> Any:
    return Edit.execute(image=image, **{**REST, **changes})


def show(portrait: Any, model: Any = None, **changes: Any) -> Tensor:
    """The editor's picture (H, W, 3)."""
    given = {**REST, **changes}
    answer = Editor.execute(model=model or host_models.builtin(), portrait=portrait, **given)
    return answer.result[1][0]


def test_every_slider_has_a_place_where_it_leaves_the_face_alone() -> None:
    made = {given.id: given.as_dict() for given in values_of.slider_inputs()}
    assert list(made) == list(values_of.SPECS)
    for name, spec in values_of.SPECS.items():
        widget = made[name]
        assert str(getattr(widget["display"], "value", widget["display"])) == "slider"
        assert widget["min"] <= widget["default"] <= widget["max"]
        assert (widget["min"], widget["max"]) in [
            (spec.low, spec.high),
            (widget["default"], spec.high),
        ]
        assert spec.help in widget["tooltip"]
    assert values_of.sliders_of({name: made[name]["default"] for name in made}) == Sliders()
    # numbers as sliders of a browser give them
    moved = values_of.sliders_of({**REST, "smile": 0.30000000000000004, "mov_z": 1.1})
    assert moved == Sliders(smile="0.3", mov_z="1.1")
    assert values_of.sliders_of({**REST, "lip_open_ratio": 0.0}) == Sliders(lip_open_ratio="0")


def test_the_frontends_part_knows_the_editors() -> None:
    script = (ROOT / "web" / "js" / "talking_portraits.js").read_text()
    editors = {node.GET_SCHEMA().node_id: node for node in (Edit, Editor)}
    assert set(re.findall(r'"(TalkingPortraits\w+)"', script)) == set(editors)
    switch = re.search(r'SWITCH = "(\w+)"', script)
    assert switch is not None
    for node in editors.values():
        inputs = {given.id: given.as_dict() for given in node.GET_SCHEMA().inputs}
        assert inputs[switch[1]]["default"] is True
        # by these the script tells sliders from other widgets, and what resetting them means
        shown = {name for name, given in inputs.items() if "slider" in str(given.get("display"))}
        assert shown == set(values_of.SPECS)


def test_untouched_sliders_give_the_picture_itself(host: Host, image: Tensor) -> None:
    frames, masks, change = edit(image).result
    assert torch.equal(frames, image)
    assert masks.shape == (1, 512, 512)
    assert values_of.expression_of(change) == Sliders()


def test_a_slider_changes_the_face_alone_and_shows_it(host: Host, image: Tensor) -> None:
    from PIL import Image

    answer = edit(image, aaa=60.0)
    frames, masks, change = answer.result
    changed = (frames - image).abs().amax(-1)[0] > 0.05
    assert 300 < int(changed.sum()) < 20000
    assert not bool((changed & (masks[0] == 0)).any())
    assert change["aaa"] == "60"
    shown = answer.ui.as_dict()["images"][0]
    assert shown["type"] == "temp"
    with Image.open(host.temp / shown["subfolder"] / shown["filename"]) as file:
        assert file.size == (512, 512)
    assert Edit.GET_SCHEMA().is_output_node


def test_large_pictures_are_shown_smaller_only_while_it_is_live(host: Host) -> None:
    from PIL import Image

    for is_live, size in ((True, (1536, 768)), (False, (3072, 1536))):
        shown = expression._preview(torch.zeros(1, 1536, 3072, 3), is_live).as_dict()["images"][0]
        with Image.open(host.temp / shown["filename"]) as file:
            assert file.size == size


def test_a_moved_slider_prepares_nothing_again(
    host: Host, image: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview.READY.clear()
    looked: list[int] = []
    real = portrait_nodes.find_in_pictures

    def counted(*args: Any) -> Any:
        looked.append(1)
        return real(*args)

    monkeypatch.setattr(portrait_nodes, "find_in_pictures", counted)
    own = image.clone()
    first = edit(own, smile=0.5).result[0]
    second = edit(own, smile=1.0).result[0]
    assert len(looked) == 1
    assert not torch.equal(first, second)
    own.copy_(image.flip(2))  # another node wrote into it
    mirrored = edit(own, smile=1.0).result[0]
    assert len(looked) == 2
    assert torch.equal(mirrored, edit(image.flip(2), smile=1.0).result[0])
    held = len(preview.READY._kept)
    del own
    gc.collect()
    assert len(preview.READY._kept) < held


def test_a_batch_is_edited_alike_and_faces_can_be_chosen(host: Host, image: Tensor) -> None:
    batch = torch.cat((image, image.flip(2)))
    frames, masks, _ = edit(batch, blink=-15.0).result
    assert frames.shape == batch.shape
    assert len(masks) == 2
    assert all(bool((a - b).abs().max() > 0.1) for a, b in zip(frames, batch))
    wide = torch.cat((image, image.flip(2)), 2)
    faces = faces_nodes.DetectFaces.execute(image=wide).result[0]
    right = faces_nodes.ChooseFace.execute(faces=faces, by="right", numbers="", x=0, y=0).result[0]
    edited = edit(wide, faces=right, aaa=80.0).result[0]
    assert torch.equal(edited[:, :, :400], wide[:, :, :400])
    assert (edited - wide).abs().max() > 0.2


def test_expressions_are_added(host: Host, portrait: Any) -> None:
    base = values_of.expression_dict(Sliders(smile="0.5", rotate_yaw="0:0, 1:20"))
    answer = Editor.execute(
        model=host_models.builtin(),
        portrait=portrait,
        expression=base,
        **{**REST, "smile": 1.0, "rotate_yaw": 10.0, "lip_open_ratio": 0.2},
    )
    found = values_of.expression_of(answer.result[0])
    assert found == Sliders(
        smile="1.3", rotate_yaw="0:10, 1:25", lip_open_ratio="0.2"
    )  # within the sliders' ranges
    both = values_of.added(
        Sliders(mov_z="1.1", eyes_open_ratio="0.1"), Sliders(mov_z="1.05", eyes_open_ratio="0.3")
    )
    assert both == Sliders(mov_z="1.15", eyes_open_ratio="0.3")
    keys = values_of.added(Sliders(blink="0:0, 1:-10"), Sliders(blink="0.5:0, 2:4"))
    assert keys.blink == "0:0, 0.5:-5, 1:-8.962962963, 2:-6"


def test_the_moment_that_is_shown_is_chosen(host: Host, portrait: Any) -> None:
    keys = values_of.expression_dict(Sliders(rotate_yaw="0:0, 1:20"))
    still, half, end = (show(portrait, expression=keys, time=time) for time in (0.0, 0.5, 1.0))
    assert torch.equal(still, show(portrait))
    assert torch.allclose(half, show(portrait, rotate_yaw=10.0), atol=1 / 255)
    assert torch.equal(end, show(portrait, rotate_yaw=20.0))


def lite_motion(yaw: list[float]) -> dict[str, Any]:
    motion = structures.LiteMotion.rest(len(yaw), FPS)
    motion.rotation_rad[:, 1] = torch.tensor(yaw)
    return motion.to_dict()


def test_motion_lies_under_the_sliders(host: Host, portrait: Any) -> None:
    motion = lite_motion([0.0, 0.1, 0.2])
    shown = [show(portrait, motion=motion, time=k / 25) for k in (0, 1, 2, 9)]
    assert torch.equal(shown[2], shown[3])  # its last frame is held
    assert not torch.equal(shown[1], shown[2])
    alone = show(portrait, motion=lite_motion([0.2]))
    assert torch.equal(shown[2], alone)
    more = show(portrait, motion=motion, time=0.08, smile=1.0)
    assert (more - shown[2]).abs().max() > 0.1
    none = show(portrait, motion=motion, time=0.08, multiplier=0.0)
    assert torch.equal(none, shown[0])


def test_motion_goes_where_the_frame_is_made(portrait: Any) -> None:
    seen: list[torch.device] = []

    def animate(networks: Any, prepared: Any, motions: Any, *_: Any) -> Any:
        seen.append(motions[0].translation.device)
        return structures.FrameStream(iter([torch.zeros(1, 3, 4, 4)]), 1, (4, 4), FPS)

    value = portraits.portrait_of(portrait)
    driving = replace(value.engine.driving, animate=animate)
    engine = replace(value.engine, driving=driving, region=lambda *_: torch.zeros(1, 4, 4))
    runtime = runtimes.Runtime(device=torch.device("meta"))
    model: Any = SimpleNamespace(engine=engine, networks=None)
    motion = structures.LiteMotion.from_dict(lite_motion([0.0, 0.1]))
    preview.edited_frame(model, value, Sliders(), runtime, motion)
    assert [device.type for device in seen] == ["meta"]


def test_a_video_is_edited_at_one_moment(host: Host, image: Tensor) -> None:
    images = torch.cat((image, image.roll(40, 2), image.roll(80, 2)))
    video = portrait_nodes.PrepareVideo.execute(
        model=host_models.builtin(), images=images, fps=10.0
    ).result[0]
    for index, time in enumerate((0.0, 0.1, 0.2)):
        plain = show(video, time=time)
        assert torch.equal(plain, images[index])
        edited = show(video, time=time, aaa=70.0)
        away = (edited - plain).abs().amax(-1) > 0.1
        assert int(away.nonzero()[:, 1].float().mean()) == pytest.approx(225 + 40 * index, abs=15)


def test_a_moment_of_a_video_is_that_of_the_whole(liveportrait: Any, image: Tensor) -> None:
    images = torch.cat((image, image.roll(40, 2), image.flip(2)))
    video = portrait_nodes.PrepareVideo.execute(model=liveportrait, images=images, fps=10.0).result[
        0
    ]
    value = portraits.portrait_of(video, liveportrait)
    driving = liveportrait.engine.driving
    stream = driving.animate(
        liveportrait.networks,
        value.prepared,
        (),
        driving.options(),
        Sliders(rotate_yaw="0:0, 0.2:20"),
        3,
        FPS,
        runtimes.Runtime(),
    )
    whole = torch.cat(list(stream))
    keys = values_of.expression_dict(Sliders(rotate_yaw="0:0, 0.2:20"))
    for index in (2, 0, 1):
        shown = show(video, liveportrait, expression=keys, time=index / 10)
        assert torch.allclose(shown, whole[index].movedim(0, -1) / 255, atol=3.1 / 255)
    late = show(video, liveportrait, expression=keys, time=9.0)  # its last frame is held
    assert torch.allclose(late, whole[2].movedim(0, -1) / 255, atol=3.1 / 255)


def test_a_moving_slider_reads_a_video_once(
    host: Host, image: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = torch.cat((image, image.roll(40, 2)))
    video = portrait_nodes.PrepareVideo.execute(
        model=host_models.builtin(), images=images, fps=10.0
    ).result[0]
    reads: list[int] = []
    real = moments._read

    def counted(*args: Any) -> Any:
        reads.append(1)
        return real(*args)

    monkeypatch.setattr(moments, "_read", counted)
    first, second = (show(video, time=0.1, smile=smile) for smile in (0.5, 1.0))
    assert not torch.equal(first, second)
    assert len(reads) == 1
    assert not torch.equal(show(video, smile=1.0), second)
    assert len(reads) == 2


def test_what_sliders_cannot_move_is_said(host: Host, image: Tensor) -> None:
    folder = host.models / "talking_portraits"
    folder.mkdir()
    sadtalker_files(folder)
    model = host_models.load_model("sadtalker")
    with pytest.raises(errors.OptionError, match=r"SadTalker.* load LivePortrait or the built-in"):
        edit(image, model=model)
    with pytest.raises(errors.OptionError, match="connect an Expression Editor"):
        edit(image, expression={"type": "Faces"})
    with pytest.raises(errors.OptionError, match="another version"):
        edit(image, expression={"type": "ExpressionSliders", "version": 99})


def test_liveportrait_is_edited_by_the_same_sliders(liveportrait: Any, image: Tensor) -> None:
    frames, masks, _ = edit(image, model=liveportrait, rotate_yaw=15.0).result
    assert frames.shape == image.shape
    assert masks.max() > 0.99
    outside = masks[0] == 0
    assert torch.equal(frames[0][outside], image[0][outside])
    other = edit(image, model=liveportrait, rotate_yaw=-15.0).result[0]
    assert not torch.equal(frames, other)


def test_keyframes_are_checked_before_the_graph_runs(host: Host, portrait: Any) -> None:
    node = expression.ExpressionKeyframes
    empty = dict.fromkeys(values_of.SPECS, "")
    assert node.validate_inputs(**{**empty, "smile": "0:0, 2:1"}) is True
    assert "allowed is -0.3 to 1.3" in node.validate_inputs(**{**empty, "smile": "5"})
    assert "without a colon" in node.validate_inputs(**{**empty, "smile": "0:0, 1"})
    assert node.validate_inputs(**{**empty, "smile": None, "expression": None}) is True  # linked
    base = values_of.expression_dict(Sliders(blink="-5"))
    found = node.execute(**{**empty, "smile": "0:0, 2:1"}, expression=base).result[0]
    assert values_of.expression_of(found) == Sliders(blink="-5", smile="0:0, 2:1")


def test_openings_are_measured_and_wanted(host: Host, image: Tensor, portrait: Any) -> None:
    node = expression.RetargetEyesLips
    off = {"eyes_open_ratio": -0.01, "lip_open_ratio": -0.01, "strength": 1.0}
    change, eyes, lips = node.execute(portrait=portrait, **off).result
    assert values_of.expression_of(change) == Sliders()
    assert 0.15 < eyes < 0.6
    assert 0 <= lips < 0.2
    half = node.execute(
        portrait=portrait, **{**off, "eyes_open_ratio": 0.0, "strength": 0.5}
    ).result[0]
    assert float(half["eyes_open_ratio"]) == pytest.approx(eyes / 2, abs=1e-6)
    assert half["lip_open_ratio"] == ""
    wide = edit(image, lip_open_ratio=0.5).result[0]
    like = faces_nodes.DetectFaces.execute(image=wide).result[0]
    taken = node.execute(portrait=portrait, like=like, **off).result[0]
    assert float(taken["lip_open_ratio"]) > lips + 0.08
    own = node.execute(portrait=portrait, like=like, **{**off, "lip_open_ratio": 0.1}).result[0]
    assert float(own["lip_open_ratio"]) == pytest.approx(0.1)


def implicit(length: int) -> dict[str, Any]:
    return structures.ImplicitMotion(
        torch.linspace(0, 0.05, length)[:, None, None] * torch.ones(length, 21, 3),
        torch.eye(3).expand(length, 3, 3),
        torch.zeros(length, 3),
        torch.ones(length, 1),
        FPS,
        is_relative=True,
    ).to_dict()


def test_keypoints_of_motion_and_expression(
    liveportrait: Any, image: Tensor, portrait: Any
) -> None:
    lite = portrait
    wide = torch.cat((image, image.flip(2)), 2)
    faces = faces_nodes.DetectFaces.execute(image=wide).result[0]
    portrait = portrait_nodes.PreparePortrait.execute(
        model=liveportrait, image=wide, faces=faces
    ).result[0][0]

    def track(**given: Any) -> Any:
        given = {"stitching": True, "fps": 10.0, **given}
        answer = keypoints.LivePortraitKeypoints.execute(
            model=liveportrait, portrait=portrait, **given
        )
        return structures.KeypointTrack.from_dict(answer.result[0])

    moved = track(motion=implicit(3))
    assert len(moved) == 3
    assert moved.fps == FPS
    assert not torch.equal(track(motion=implicit(3), stitching=False).driving, moved.driving)
    assert not torch.equal(track(motion=implicit(3), face=1).source, moved.source)
    halved = track(motion=implicit(3), stitching=False, multiplier=0.5).driving - moved.source
    whole = track(motion=implicit(3), stitching=False).driving - moved.source
    assert torch.allclose(halved[2], whole[2] / 2, atol=1e-4)
    keys = values_of.expression_dict(Sliders(rotate_yaw="0:0, 0.5:20"))
    alone = track(expression=keys)
    assert len(alone) == 6  # to the last keyframe, at 10 frames per second
    assert len(track(expression=keys, fps=25.0)) == 14  # which falls between two, as Render has it
    assert torch.equal(alone.driving[0], alone.source[0])
    with pytest.raises(errors.FaceIndexError, match="moves 2"):
        track(motion=implicit(3), face=2)
    with pytest.raises(errors.OptionError, match="load LivePortrait"):
        keypoints.LivePortraitKeypoints.execute(
            model=host_models.builtin(), portrait=lite, stitching=True, fps=25.0
        )
