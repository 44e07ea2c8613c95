"""Graphs of AdvancedLivePortrait and Comfyui-SadTalker, mixed graphs, and what is no graph."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from sadtalker_core.cli.entry import main
from sadtalker_core.errors import MediaError, OutputError
from sadtalker_core.expression_sliders import ExpressionSliders
from sadtalker_core.geometry.keyframes import slider_curves
from sadtalker_core.jobs.workflows.convert import convert_file, convert_workflow
from sadtalker_core.jobs.workflows.expressions import keyframes, read_script
from sadtalker_core.jobs.workflows.old_nodes import OLD_NODES, SLIDERS

from .old_graphs import Drawn, before, check_whole, converted, one, value


def editor_values(**sliders: float) -> list[Any]:
    values = [sliders.get(name, 0) for name in SLIDERS]
    return [*values, sliders.get("src_ratio", 1), 1, "OnlyExpression", sliders.get("crop", 1.7)]


def scripted(script: str, driven: bool = True) -> Drawn:
    """Two expressions in a chain, played by a script, over a driver or alone."""
    drawn = Drawn()
    picture = drawn.add("LoadImage", ["a.png", "image"])
    first = drawn.add("ExpressionEditor", editor_values(pupil_x=-15, smile=0.5))
    second = drawn.add("ExpressionEditor", editor_values(pupil_x=15))
    player = drawn.add("AdvancedLivePortrait", [0, 0.5, 1.7, True, False, not driven, script])
    out = drawn.add("VHS_VideoCombine", {"frame_rate": 15})
    drawn.link(picture, 0, first, "src_image")
    drawn.link(first, 1, second, "motion_link")
    drawn.link(second, 1, player, "motion_link")
    drawn.link(player, 0, out, "images")
    if driven:
        driver = drawn.add("VHS_LoadVideo", {})
        drawn.link(driver, 0, player, "driving_images")
    return drawn


# -- ComfyUI-AdvancedLivePortrait ----------------------------------------------------------------


def test_sliders_stay_as_they_were() -> None:
    drawn = Drawn()
    picture = drawn.add("LoadImage", ["a.png", "image"])
    sliders = {"rotate_yaw": -12.5, "wink": 23.5, "aaa": 60, "smile": 1.1}
    editor = drawn.add("ExpressionEditor", editor_values(**sliders))
    out = drawn.add("PreviewImage", [])
    drawn.link(picture, 0, editor, "src_image")
    drawn.link(editor, 0, out, "images")
    new, report = converted(drawn.graph)
    made = one(new, "EditExpression")
    for name in SLIDERS:
        assert value(made, name) == sliders.get(name, 0), name
    assert before(new, made, "image") == ("LoadImage", 0)
    assert before(new, made, "model") == ("LoadLivePortrait", 0)
    assert before(new, one(new, "PreviewImage"), "images") == ("EditExpression", 0)
    assert report.sentences == []


def test_an_expression_from_a_picture_gets_its_own_nodes() -> None:
    drawn = Drawn()
    picture, sample = (drawn.add("LoadImage", ["a.png", "image"]) for _ in range(2))
    values = editor_values(blink=-3)
    values[-3:-1] = [0.8, "OnlyMouth"]
    editor = drawn.add("ExpressionEditor", values)
    out = drawn.add("PreviewImage", [])
    drawn.link(picture, 0, editor, "src_image")
    drawn.link(sample, 0, editor, "sample_image")
    drawn.link(editor, 0, out, "images")
    new, _ = converted(drawn.graph)
    made = one(new, "ExpressionEditor")
    assert (value(made, "region"), value(made, "multiplier")) == ("lip", 0.8)
    assert value(made, "blink") == -3
    assert before(new, made, "motion") == ("MotionFromVideo", 0)
    assert before(new, made, "portrait") == ("PreparePortrait", 0)
    assert before(new, one(new, "PreviewImage"), "images") == ("ExpressionEditor", 1)


def test_a_script_over_a_driver() -> None:
    new, report = converted(scripted("1 = 1:10\n2 = 5:10\n0 = 2:50").graph)
    made = one(new, "Render")
    assert before(new, made, "portrait") == ("PreparePortrait", 0)
    assert before(new, made, "motion") == ("MotionFromVideo", 0)
    assert before(new, made, "expression") == ("ExpressionKeyframes", 0)
    assert before(new, one(new, "PreparePortrait"), "image") == ("LoadImage", 0)
    assert before(new, one(new, "VHS_VideoCombine"), "images") == ("Render", 0)
    assert value(made, "fps") == value(one(new, "MotionFromVideo"), "fps") == 15
    keys = one(new, "ExpressionKeyframes")
    moving = [name for name in SLIDERS if value(keys, name)]
    assert moving == ["pupil_x", "smile"]
    assert not {node["type"] for node in new["nodes"]} & set(OLD_NODES)
    assert any("retargeting_mouth 0.5" in each for each in report.sentences)
    alone, _ = converted(scripted("1 = 5:5", driven=False).graph)
    assert not any(node["type"].endswith("MotionFromVideo") for node in alone["nodes"])


def test_keyframes_are_where_the_old_player_was() -> None:
    lines = read_script("1 = 5:3\n\n 2 = 4:0\n0 = 2:6\n1 = 1 : 1", 2)
    sets = [{"wink": 10.0, "blink": -5.0}, {"wink": 25.0, "blink": 0.0}]
    fps = 12.5
    texts = keyframes(lines, sets, fps)
    assert set(texts) == {"wink", "blink"}
    for name in texts:
        reached, played = 0.0, []
        for line in lines:
            wanted = 0.0 if line.index == 0 else sets[line.index - 1][name]
            start = reached
            for step in range(1, line.change + 1):
                reached = start + (wanted - start) * step / line.change
                played.append((reached, step == line.change))
            played += [(reached, True)] * line.keep
        times = torch.arange(len(played), dtype=torch.float64) / fps
        curve = slider_curves(ExpressionSliders(**texts), times)[name]
        for frame, (wanted, is_there) in enumerate(played):
            if is_there or frame == 0:
                assert float(curve[frame]) == pytest.approx(wanted, abs=1e-2), (name, frame)
            low, high = sorted((0.0, -5.0 if name == "blink" else 25.0))
            assert low - 1e-6 <= float(curve[frame]) <= high + 1e-6


@pytest.mark.parametrize("line", ["1 = x:2", "3 = 1:1", "1 = 0:4", "1 : 2", "-1 = 2:2", "1 = 2:-1"])
def test_a_script_that_cannot_be_read_is_left_with_its_nodes(line: str) -> None:
    drawn = scripted(f"1 = 2:2\n{line}")
    new, report = converted(drawn.graph)
    assert report.kept == {"AdvancedLivePortrait": 1, "ExpressionEditor": 2}
    assert report.replaced == {}
    assert "line 2" in report.sentences[0]
    kinds = [node["type"] for node in new["nodes"] if node["type"] != "Note"]
    assert kinds == [node["type"] for node in drawn.nodes]
    assert new["links"] == drawn.links


def test_what_other_packs_nodes_are_mixed_into_stays() -> None:
    drawn = scripted("1 = 2:2")
    flex = drawn.add("FlexExpressionEditor", [])
    wire = next(each for each in drawn.links if each[3] == 4 and each[5] == "EDITOR_LINK")
    drawn.nodes[2]["outputs"][1]["links"] = None
    wire[1:3] = [flex, 0]
    drawn.nodes[flex - 1]["outputs"][0]["links"] = [wire[0]]
    new, report = converted(drawn.graph)
    assert report.kept == {"AdvancedLivePortrait": 1}
    assert any("another pack" in each for each in report.sentences)
    assert before(new, one(new, "AdvancedLivePortrait"), "motion_link") == (
        "FlexExpressionEditor",
        0,
    )


def test_files_of_expressions_are_named_and_let_go() -> None:
    drawn = Drawn()
    picture, out = drawn.add("LoadImage", ["a.png", "image"]), drawn.add("PreviewImage", [])
    loaded = drawn.add("LoadExpData", ["grin", 0.8])
    editor = drawn.add("ExpressionEditor", editor_values(smile=0.4, src_ratio=0.5))
    saved = drawn.add("SaveExpData", ["mine"])
    drawn.link(picture, 0, editor, "src_image")
    drawn.link(loaded, 0, editor, "add_exp")
    drawn.link(editor, 0, out, "images")
    drawn.link(editor, 2, saved, "save_exp")
    new, report = converted(drawn.graph)
    assert not {node["type"] for node in new["nodes"]} & set(OLD_NODES)
    told = " ".join(report.sentences)
    for what in ("LoadExpData", "SaveExpData", "src_ratio 0.5", "add_exp"):
        assert what in told
    assert value(one(new, "EditExpression"), "smile") == 0.4


def test_an_editor_that_cuts_otherwise_is_prepared_otherwise() -> None:
    drawn = Drawn()
    picture, out = drawn.add("LoadImage", ["a.png", "image"]), drawn.add("PreviewImage", [])
    editor = drawn.add("ExpressionEditor", editor_values(crop=2.0))
    drawn.link(picture, 0, editor, "src_image")
    drawn.link(editor, 0, out, "images")
    new, report = converted(drawn.graph)
    assert value(one(new, "PreparePortrait"), "crop_scale") == pytest.approx(
        2.3 * 2 / 1.7, abs=0.01
    )
    assert any("crop_factor 2" in each for each in report.sentences)


# -- Comfyui-SadTalker ---------------------------------------------------------------------------


def talker(**values: Any) -> Drawn:
    fields = {name: each.default for name, each in OLD_NODES["SadTalker"].fields.items()}
    drawn = Drawn()
    picture = drawn.add("LoadImage", ["a.png", "image"])
    audio = drawn.add("ShowAudio", ["a.wav", None, None])
    video = drawn.add("LoadRefVideo", ["b.mp4", "Video", {}])
    sad = drawn.add("SadTalker", list({**fields, **values}.values()), title="speak")
    text, show = drawn.add("ShowText", ["", "C:\\x.mp4"]), drawn.add("ShowVideo", ["", None])
    drawn.link(picture, 0, sad, "image")
    drawn.link(audio, 0, sad, "audio")
    drawn.link(video, 1, sad, "refVideo")
    drawn.link(sad, 0, text, "text")
    drawn.link(sad, 1, show, "show_video_path")
    return drawn


@pytest.mark.parametrize("steps", [False, True])
def test_a_talking_picture_with_a_restored_face(steps: bool) -> None:
    new, report = converted(talker(gfpganAsFaceEnhancer=True, useIdleMode=steps).graph)
    last = one(new, "EnhanceVideo")
    made = "RenderVideo" if steps else "TalkingPortrait"
    assert before(new, last, "video") == (made, 0)
    assert before(new, last, "enhancer") == ("LoadEnhancer", 0)
    assert value(one(new, "LoadEnhancer"), "enhancer") == "gfpgan-1.4"
    assert value(last, "upscale") == 1
    assert any("Enhance Faces in Video" in sentence for sentence in report.sentences)
    plain, _ = converted(talker(useIdleMode=steps).graph)
    assert not [node for node in plain["nodes"] if "Enhance" in node["type"]]


def test_a_talking_picture() -> None:
    old = talker(poseStyle=12, faceModelResolution="512", preprocess="extfull", stillMode=True)
    new, report = converted(old.graph)
    made, loader = one(new, "TalkingPortrait"), one(new, "LoadSadTalker")
    assert (value(made, "pose_style"), value(made, "still")) == (12, True)
    assert (value(loader, "size"), value(loader, "preprocess")) == ("512", "extfull")
    assert before(new, made, "audio") == ("LoadAudio", 0)
    assert before(new, made, "image") == ("LoadImage", 0)
    assert before(new, made, "model") == ("LoadSadTalker", 0)
    assert made["title"] == "speak"
    assert value(one(new, "LoadAudio"), "audio") == "a.wav"
    assert not {node["type"] for node in new["nodes"]} & set(OLD_NODES)
    assert any("shows it itself" in each for each in report.sentences)


def test_viewers_of_other_things_stay_viewers() -> None:
    drawn = talker()
    words, view = drawn.add("Texts", []), drawn.add("ShowText", ["", "hello"])
    drawn.link(words, 0, view, "text")
    new, _ = converted(drawn.graph)
    assert before(new, one(new, "PreviewAny"), "source") == ("Texts", 0)


@pytest.mark.parametrize(
    ("what", "pose", "blink"),
    [("pose", True, False), ("blink", False, True), ("pose+blink", True, True)],
)
def test_pose_and_blink_of_a_reference_video(what: str, pose: bool, blink: bool) -> None:
    new, _ = converted(talker(useRefVideo=True, refInfo=what, poseStyle=7).graph)
    made = one(new, "RenderVideo")
    assert before(new, made, "audio") == ("LoadAudio", 0)
    assert before(new, made, "motion") == ("CombineMotion", 0)
    assert before(new, one(new, "ReferencePoseAndBlink"), "video") == ("LoadVideo", 0)
    head, face = one(new, "PoseVaeHeadPose"), one(new, "ExpNetExpression")
    assert value(head, "pose_style") == 7
    linked = {each["name"] for each in head["inputs"] if each["link"] is not None}
    assert ("reference" in linked) == pose
    wanted = ("ReferencePoseAndBlink", 1) if blink else ("Blink", 0)
    assert before(new, face, "blink") == wanted


def test_the_whole_motion_of_a_reference_video_and_no_speech_at_all() -> None:
    new, _ = converted(talker(useRefVideo=True, refInfo="all").graph)
    assert before(new, one(new, "RenderVideo"), "motion") == ("MotionFromVideo", 0)
    new, _ = converted(talker(useIdleMode=True, idleModeTime=12).graph)
    assert value(one(new, "ExpNetExpression"), "seconds") == 12
    audio = next(e for e in one(new, "RenderVideo")["inputs"] if e["name"] == "audio")
    assert audio["link"] is None


# -- mixed graphs and files ----------------------------------------------------------------------


def test_other_packs_nodes_of_the_same_name_are_not_ours_to_change() -> None:
    drawn = scripted("1 = 2:2")
    drawn.add("ShowText", ["hello"])
    node = drawn.nodes[-1]
    node["inputs"] = [{"name": "value", "type": "STRING", "link": None}]
    new, _ = converted(drawn.graph)
    assert one(new, "ShowText") == node


def test_a_graph_without_old_nodes_comes_out_as_it_was() -> None:
    drawn = Drawn()
    picture, out = drawn.add("LoadImage", ["a.png", "image"]), drawn.add("PreviewImage", [])
    drawn.link(picture, 0, out, "images")
    new, report = converted(drawn.graph)
    assert new == drawn.graph
    assert (report.replaced, report.sentences) == ({}, [])


def test_links_that_editors_left_behind_are_dropped() -> None:
    drawn = talker()
    drawn.links += [[90, 77, 0, 78, 0, "IMAGE"], [91, 1, 0, 99, 0, "IMAGE"]]
    look = drawn.add("PreviewImage", [])
    drawn.link(1, 0, look, "images")
    drawn.links.append([92, 3, 0, look, 0, "VIDEO"])  # a second one into an input
    new, _ = convert_workflow(drawn.graph)
    check_whole(new)
    assert before(new, one(new, "PreviewImage"), "images") == ("LoadImage", 0)


def test_the_inside_of_a_subgraph_is_converted_too() -> None:
    inner = talker(poseStyle=3).graph
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    inner["links"] = [dict(zip(keys, link, strict=True)) for link in inner["links"]]
    outer = Drawn()
    outer.add("LoadImage", ["a.png", "image"])
    graph = {**outer.graph, "definitions": {"subgraphs": [inner]}}
    new, report = convert_workflow(graph)
    assert report.replaced["SadTalker"] == 1
    made = new["definitions"]["subgraphs"][0]
    assert value(one(made, "TalkingPortrait"), "pose_style") == 3
    assert all(isinstance(link, dict) for link in made["links"])
    numbers = [node["id"] for node in made["nodes"]]
    assert len(set(numbers)) == len(numbers)


def test_group_nodes_with_old_nodes_are_named() -> None:
    drawn = talker()
    groups = {"face": {"nodes": [{"type": "LivePortraitProcess"}]}, "other": {"nodes": []}}
    _, report = convert_workflow({**drawn.graph, "extra": {"groupNodes": groups}})
    assert [each for each in report.sentences if "group node" in each] == [
        "The group node face holds nodes that are not converted; in the editor turn it into "
        "nodes, save, and convert again."
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not JSON"),
        ("[1, 2]", "not a workflow"),
        ('{"a": 1}', "not a workflow"),
        ('{"nodes": [{"id": 1}], "links": []}', "no id or no type"),
        ('{"nodes": [], "links": 3}', "list of links"),
        ('{"3": {"class_type": "SadTalker"}}', "not a workflow"),
    ],
)
def test_what_is_no_workflow_is_refused_and_nothing_is_written(
    tmp_path: Path, text: str, why: str
) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(text, encoding="utf-8")
    with pytest.raises(MediaError, match=why):
        convert_file(old, new)
    assert sorted(tmp_path.iterdir()) == [old]


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "alt.json", tmp_path / "neu [1].json"
    text = json.dumps(talker().graph)
    old.write_text(text, encoding="utf-8")
    with pytest.raises(OutputError, match="another name"):
        convert_file(old, old)
    with pytest.raises(OutputError, match="cannot be written"):
        convert_file(old, tmp_path / "nowhere" / "new.json")
    with pytest.raises(MediaError, match="does not exist"):
        convert_file(tmp_path / "none.json", new)
    new.write_text("kept", encoding="utf-8")

    def broken(source: Any, target: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", broken)
        with pytest.raises(OutputError, match="No space"):
            convert_file(old, new)
    assert new.read_text(encoding="utf-8") == "kept"
    assert sorted(tmp_path.iterdir()) == [old, new]
    convert_file(old, new)
    check_whole(json.loads(new.read_text(encoding="utf-8")))
    assert old.read_text(encoding="utf-8") == text


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    graph = copy.deepcopy(talker(gfpganAsFaceEnhancer=True).graph)
    old.write_text(json.dumps(graph), encoding="utf-8")
    assert main(["workflows", "convert", str(old), str(new)]) == 0
    shown = capsys.readouterr().out
    assert "replaced 1 LoadRefVideo, 1 SadTalker" in shown
    assert "- speak (node 4): its gfpganAsFaceEnhancer is a node of its own now" in shown
    assert main(["workflows", "convert", str(old), str(new), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["replaced"]["ShowVideo"]) == (True, 1)
    assert main(["workflows", "convert", str(tmp_path / "x.json"), str(new)]) == 3
