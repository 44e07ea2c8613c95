"""Editing, converting, keeping and drawing motions."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from .conftest import Host
from .executor import Executor
from .pack import node_classes, pack_module
from .scenes import call as answer
from .scenes import run as call

curves = pack_module("nodes.curve_picture")
edit = pack_module("sadtalker_core.transfer.motion_edit")
errors = pack_module("sadtalker_core.errors")
packing = pack_module("nodes.packing")
structures = pack_module("sadtalker_core.structures")

FPS = Fraction(25)


def lite(length: int = 20, seed: int = 0, fps: Fraction = FPS) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    rest = structures.LiteMotion.rest(length, fps)
    fields = {
        field.name: 0.05 * torch.rand(getattr(rest, field.name).shape, generator=generator)
        for field in dataclasses.fields(rest)
        if field.name != "fps"
    }
    return structures.LiteMotion(**fields, fps=fps).to_dict()


def coeff(length: int = 20, seed: int = 0) -> dict[str, Any]:
    rows = 0.1 * torch.randn(length, 73, generator=torch.Generator().manual_seed(seed))
    return structures.Coeff3DMM.from_rows(rows, FPS).to_dict()


def length_of(motion: dict[str, Any]) -> int:
    return len(packing.motion_of(motion))


def test_parts_of_several_motions() -> None:
    base, head, face, mouth = lite(), lite(seed=1), lite(seed=2), lite(40, 3, Fraction(50))
    (made,) = call("CombineMotion", base=base, mouth=mouth, face=face, head=head)
    assert torch.equal(made["rotation_rad"], head["rotation_rad"])
    assert torch.equal(made["lids"], face["lids"])
    assert torch.equal(made["open"], mouth["open"][::2])  # over the face, whatever the order
    assert made["fps"] == "25"
    (alone,) = call("CombineMotion", base=base)
    assert torch.equal(alone["open"], base["open"])


def test_a_face_of_another_engine_is_not_dropped_silently(host: Host) -> None:
    with pytest.raises(errors.StructureError, match="cannot be handed over"):
        call("CombineMotion", base=lite(), face=coeff())
    (made,) = call("CombineMotion", base=lite(), head=coeff())
    assert torch.equal(made["open"], lite()["open"])
    assert not torch.equal(made["rotation_rad"], lite()["rotation_rad"])


def test_strength_of_all_and_of_parts() -> None:
    base = lite()
    (made,) = call("GainMotion", motion=base, all=2.0, head=0.5, face=0.75, mouth=2.0, eyes=0.0)
    torch.testing.assert_close(made["rotation_rad"], base["rotation_rad"])
    torch.testing.assert_close(made["brows"], 1.5 * base["brows"])
    torch.testing.assert_close(made["open"], 3 * base["open"])
    assert made["lids"].abs().max() == 0
    (same,) = call("GainMotion", motion=base)
    assert torch.equal(same["open"], base["open"])
    (of_face,) = call("GainMotion", motion=coeff(), face=0.5)
    torch.testing.assert_close(of_face["expression"], 0.5 * coeff()["expression"])
    with pytest.raises(errors.OptionError, match="no region 'mouth'"):
        call("GainMotion", motion=coeff(), mouth=0.5)


def test_between_two_motions() -> None:
    a, b = lite(), lite(seed=1)
    (made,) = call("BlendMotion", motion_a=a, motion_b=b, weight=0.25, region="eyes")
    torch.testing.assert_close(made["lids"], a["lids"] + 0.25 * (b["lids"] - a["lids"]))
    assert torch.equal(made["open"], a["open"])
    (faded,) = call("BlendMotion", motion_a=a, motion_b=b, weight_over_time="0:0, 0.76:1")
    assert torch.equal(faded["open"][0], a["open"][0])
    assert torch.equal(faded["open"][19], b["open"][19])
    assert not torch.equal(faded["rotation_rad"][10], a["rotation_rad"][10])
    with pytest.raises(errors.OptionError, match="weight_over_time"):
        call("BlendMotion", motion_a=a, motion_b=b, weight_over_time="0:0, 1:3")


def test_rate_speed_and_length() -> None:
    base = lite()
    made, frames = call("RetimeMotion", motion=base, fps=50.0)
    assert (frames, made["fps"]) == (40, "50")
    assert torch.equal(made["open"][::2], base["open"])
    fast, frames = call("RetimeMotion", motion=base, speed=2.0)
    assert (frames, fast["fps"]) == (10, "25")
    assert torch.equal(fast["open"], base["open"][::2])
    long, frames = call("RetimeMotion", motion=base, seconds=1.6)
    assert frames == 40
    assert torch.equal(long["open"][::2], base["open"])
    broadcast, _ = call("RetimeMotion", motion=base, fps=29.97)
    assert broadcast["fps"] == "30000/1001"


def test_smooth_and_later_by_part() -> None:
    base = packing.motion_of(lite())
    (calm,) = call("SmoothMotion", motion=base.to_dict(), seconds=0.1, region="head")
    assert torch.equal(calm["open"], base.open)
    assert torch.equal(calm["rotation_rad"], edit.smooth(base, 0.1).rotation_rad)
    assert not torch.equal(calm["rotation_rad"], base.rotation_rad)
    (late,) = call("OffsetMotion", motion=base.to_dict(), seconds=0.08, region="mouth")
    assert torch.equal(late["open"][2:], base.open[:-2])
    assert torch.equal(late["lids"], base.lids)
    (all_late,) = call("OffsetMotion", motion=base.to_dict(), seconds=0.08)
    assert torch.equal(all_late["lids"][2:], base.lids[:-2])


def test_one_after_the_other_and_again() -> None:
    a, b, d = lite(10), lite(30, 1, Fraction(50)), lite(5, 2)
    made, frames = call("JoinMotions", motion_1=a, motion_2=b, motion_4=d, ease=0.0)
    assert frames == 30
    assert torch.equal(made["open"][:10], a["open"])
    assert torch.equal(made["open"][10:25], b["open"][::2])
    assert torch.equal(made["open"][25:], d["open"])
    eased, _ = call("JoinMotions", motion_1=a, motion_2=d, ease=0.2)
    assert not torch.equal(eased["open"][9], a["open"][9])
    looped, frames = call("LoopMotion", motion=a, seconds=1.0, ease=0.0)
    assert frames == 25
    assert torch.equal(looped["open"], torch.cat([a["open"]] * 3)[:25])
    mixed, frames = call("JoinMotions", motion_1=coeff(4), motion_2=lite(6), ease=0.0)
    assert frames == 10
    assert torch.equal(mixed["expression"][4:], coeff(4)["expression"][3:].expand(6, -1))
    assert not torch.equal(mixed["rotation_rad"][5], mixed["rotation_rad"][9])


def test_keyframes_with_and_without_a_motion() -> None:
    made, frames = call("KeyframeMotion", seconds=2.0, fps=30.0, yaw="0:0, 1:30", blink="1")
    assert (frames, made["fps"]) == (60, "30")
    assert float(made["rotation_rad"][30, 1]) == pytest.approx(math.radians(30))
    assert made["lids"].min() == 1
    assert made["open"].abs().max() == 0
    over, frames = call("KeyframeMotion", motion=lite(), yaw="10", mode="add")
    assert frames == 20
    wanted = lite()["rotation_rad"][:, 1] + math.radians(10)
    torch.testing.assert_close(over["rotation_rad"][:, 1], wanted)
    assert torch.equal(over["open"], lite()["open"])
    with pytest.raises(errors.OptionError, match="yaw"):
        call("KeyframeMotion", yaw="left")


def test_from_engine_to_engine(host: Host) -> None:
    change, note = call("ConvertMotion", motion=lite(), to="LivePortrait")
    assert (change["type"], change["is_relative"], note) == ("ImplicitMotion", True, "")
    back, note = call("ConvertMotion", motion=change, to="built-in")
    torch.testing.assert_close(back["rotation_rad"], lite()["rotation_rad"], rtol=0, atol=1e-4)
    assert note == ""
    rows, note = call("ConvertMotion", motion=lite(), to="SadTalker")
    assert rows["type"] == "Coeff3DMM"
    assert rows["expression"].abs().max() == 0
    assert "Only the head" in note
    turned, _ = call("ConvertMotion", motion=rows, to="built-in")
    wanted = lite()["rotation_rad"] - lite()["rotation_rad"][:1]
    torch.testing.assert_close(turned["rotation_rad"], wanted, rtol=0, atol=3e-3)
    same, note = call("ConvertMotion", motion=rows, to="SadTalker")
    assert torch.equal(same["translation"], rows["translation"])


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("motion", [lite(), coeff()])
def test_a_motion_comes_back_to_the_bit(host: Host, motion: dict[str, Any]) -> None:
    shown = answer("SaveMotion", motion=motion, filename_prefix="motions/my talk")
    _, file = shown.result
    assert file == "motions/my talk_00001_.safetensors [output]"
    assert shown.ui.as_dict()["text"] == (file,)
    assert (host.output / "motions" / "my talk_00001_.safetensors").is_file()
    loaded, frames, fps, engine = call("LoadMotion", path=file)
    assert (frames, fps) == (20, 25.0)
    assert engine in ("built-in controls", "SadTalker's coefficients")
    assert loaded.keys() == motion.keys()
    for name, value in motion.items():
        assert torch.equal(loaded[name], value) if isinstance(value, Tensor) else True
    assert call("SaveMotion", motion=motion, filename_prefix="motions/my talk")[1] != file
    options = node_classes()["TalkingPortraitsLoadMotion"].define_schema().inputs[0].options
    assert file in options


def test_the_originals_template_is_written_and_read(host: Host) -> None:
    _, file = call("SaveMotion", motion=lite(), format="LivePortrait .pkl")
    assert file.endswith(".pkl [output]")
    loaded, frames, _, engine = call("LoadMotion", path=file)
    assert (loaded["type"], frames) == ("ImplicitMotion", 21)  # rest in front
    assert engine == "LivePortrait's keypoints"


def test_a_pickle_is_never_run(host: Host) -> None:
    mark = host.base / "ran"
    program = f"cos\nsystem\n(S'touch {mark}'\ntR."
    (host.input / "evil.pkl").write_bytes(program.encode())
    with pytest.raises(errors.MediaError):
        call("LoadMotion", file="evil.pkl")
    assert not mark.exists()


@pytest.mark.parametrize(
    "path", ["../evil.safetensors", "/etc/passwd", "evil.safetensors [output]", "", "voice.wav"]
)
def test_paths_out_of_the_hosts_folders_are_refused(host: Host, path: str) -> None:
    (host.base / "evil.safetensors").write_bytes(b"x")
    (host.input / "voice.wav").write_bytes(b"x")
    load = node_classes()["TalkingPortraitsLoadMotion"]
    assert isinstance(load.validate_inputs(file="(path below)", path=path), str)
    with pytest.raises(errors.MediaError):
        call("LoadMotion", path=path)


def test_saving_outside_of_the_output_folder_is_refused(host: Host) -> None:
    with pytest.raises(Exception, match="outside"):
        call("SaveMotion", motion=lite(), filename_prefix="../../elsewhere")
    assert list(host.base.parent.rglob("elsewhere*")) == []


def test_a_changed_file_is_loaded_again(host: Host) -> None:
    def graph(folder: str) -> dict[str, Any]:
        return {
            "1": {
                "class_type": "TalkingPortraitsLoadMotion",
                "inputs": {"file": "(path below)", "path": folder},
            },
            "2": {
                "class_type": "TalkingPortraitsGainMotion",
                "inputs": {
                    **{"motion": ["1", 0], "all": 1.0, "head": 1.0, "face": 1.0},
                    **{"mouth": 1.0, "eyes": 1.0, "brows": 1.0},
                },
            },
        }

    _, file = call("SaveMotion", motion=lite())
    path = host.output / file.removesuffix(" [output]")
    executor = Executor(node_classes())
    assert executor.run(graph(file), ["2"]).executed == ["1", "2"]
    assert executor.run(graph(file), ["2"]).executed == []
    _, other = call("SaveMotion", motion=lite(seed=9))
    path.write_bytes((host.output / other.removesuffix(" [output]")).read_bytes())
    run = executor.run(graph(file), ["2"])
    assert run.executed == ["1", "2"]
    assert torch.equal(run.outputs["2"][0][0]["open"], lite(seed=9)["open"])


# --- the plot ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["built-in", "LivePortrait", "SadTalker"])
def test_a_plot_of_every_kind(host: Host, kind: str) -> None:
    motion, _ = call("ConvertMotion", motion=lite(), to=kind)
    shown = answer("PlotMotion", motion=motion, width=640, height=700)
    (plot,) = shown.result
    assert plot.shape == (1, 700, 640, 3)
    assert 0 <= plot.min() < plot.max() <= 1
    assert shown.ui.as_dict()["images"]


def test_curves_are_where_their_values_are() -> None:
    panel = curves.Panel("one", "E", [curves.Curve("up", [k / 10 for k in range(11)])])
    drawn = curves.draw_panels([panel], 10.0, "title", (300, 500)).float()
    orange = (drawn - torch.tensor(curves._COLOURS[0])[:, None, None]).abs().amax(0) < 60
    rows, columns = orange[:, 62:380].nonzero().T  # without the legend
    assert rows[columns < 20].float().mean() > 240  # starts low, at the left
    assert rows[columns > 270].float().mean() < 110  # ends high
    assert columns.max() > 280


def test_another_motion_is_drawn_thin(host: Host) -> None:
    alone = call("PlotMotion", motion=lite())[0]
    both = call("PlotMotion", motion=lite(), compare=lite(30, 5))[0]
    assert not torch.equal(alone, both)
    same = call("PlotMotion", motion=lite(), compare=lite())[0]
    assert (same - alone).abs().mean() < 0.01


def test_an_hour_is_drawn_as_bands_and_means(host: Host) -> None:
    values = torch.zeros(90000)
    values[45000] = 1.0  # one frame of an hour
    panel = curves.Panel("long", "E", [curves.Curve("spike", values.tolist())])
    drawn = curves.draw_panels([panel], 25.0, "an hour", (200, 600)).float()
    faded = torch.tensor(curves._dimmed(curves._COLOURS[0]))[:, None, None]
    column = ((drawn - faded).abs().amax(0) < 60)[50:150, 270:275].any(1)
    assert column.float().mean() > 0.5


@pytest.mark.parametrize(
    ("least", "step"), [(0.013, 0.02), (1.0, 1.0), (3.0, 5.0), (0.7, 1.0), (61.0, 100.0)]
)
def test_steps_of_axes_are_round(least: float, step: float) -> None:
    assert curves.nice_step(least) == pytest.approx(step)


def test_times_are_read_as_people_do() -> None:
    assert curves.time_text(75, 3600) == "1:15"
    assert curves.time_text(0.5, 2) == "0.5"
    assert curves.time_text(10, 20) == "10"


def test_a_path_that_is_linked_is_checked_when_it_is_there(host: Host, tmp_path: Path) -> None:
    load = node_classes()["TalkingPortraitsLoadMotion"]
    assert load.validate_inputs(file="(path below)", path=None) is True
    assert load.fingerprint_inputs(file="(path below)", path=None) == ""
    assert load.validate_inputs(file=None, path="") is True
    assert load.fingerprint_inputs(file=None, path="") == ""


WRONG_TEXTS = [
    ("KeyframeMotion", "gaze_x", "0:0, 0:0.05", "times must rise"),
    ("IdleMotion", "yaw", "left", "not a number"),
    ("SpeechMotion", "roll", "0:0, 1:80", "allowed is -45 to 45"),
    ("MappingNetKeypoints", "pitch", "0:0 1:20", "not a number"),
    ("BlendMotion", "weight_over_time", "0:0, 1:2", "allowed is 0 to 1"),
]


@pytest.mark.parametrize(("name", "option", "text", "sentence"), WRONG_TEXTS)
def test_wrong_texts_are_refused_before_anything_runs(
    name: str, option: str, text: str, sentence: str
) -> None:
    node = node_classes()[f"TalkingPortraits{name}"]
    refused = node.validate_inputs(**{option: text})
    assert isinstance(refused, str)
    assert sentence in refused
    assert option in refused
    assert node.validate_inputs(**{option: None}) is True  # linked
    assert node.validate_inputs(**{option: "0:0, 1:0.05"}) is True


def test_every_text_of_keyframes_is_checked() -> None:
    node = node_classes()["TalkingPortraitsKeyframeMotion"]
    options = pack_module("sadtalker_core.transfer.keyframe_options").KeyframeOptions
    names = [field.name for field in dataclasses.fields(options) if field.name != "mode"]
    assert len(names) == 16
    for name in names:
        assert name in node.validate_inputs(**{name: "no number"})


def test_sadtalkers_head_is_shown_as_it_is_turned() -> None:
    panels = pack_module("nodes.motion_curves").panels_of
    rows = torch.zeros(5, 70)
    rows[:, 65] = math.radians(20)
    turned = panels(structures.Coeff3DMM.from_rows(rows, FPS))[0]
    yaw = next(curve for curve in turned.curves if curve.name == "yaw")
    assert yaw.values == pytest.approx([20.0] * 5, abs=1e-3)
