"""Graphs of abandoned packs become graphs of our nodes: the table, and LivePortraitKJ."""

from __future__ import annotations

from typing import Any

import pytest

from sadtalker_core.jobs.workflows.old_nodes import OLD_NODES, read_values
from sadtalker_core.jobs.workflows.replacements import REPLACEMENTS, TEXT_NODE
from sadtalker_core.jobs.workflows.shapes import shapes

from .old_graphs import Drawn, before, converted, one, value

# -- the table -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", REPLACEMENTS, ids=lambda row: row.old)
def test_every_row_of_the_table_names_what_is_there(row: Any) -> None:
    old = OLD_NODES[row.old]
    assert set(row.inputs.values()) <= {*old.sockets, *old.fields}
    assert set(row.outputs) <= set(range(len(old.outputs)))
    if row.new == TEXT_NODE:
        assert set(row.values) == {"value"}
        return
    new = shapes()[row.new]
    inputs = {each.name: each for each in new.inputs}
    assert set(row.inputs) | set(row.values) <= set(inputs)
    assert set(row.outputs.values()) <= set(range(len(new.outputs)))
    for ours, theirs in row.inputs.items():
        assert inputs[ours].is_widget == (theirs in old.fields), ours
        if theirs in old.fields and inputs[ours].type != "COMBO":
            assert isinstance(inputs[ours].default, type(old.fields[theirs].default)), ours
    for each in new.inputs:
        fed = each.name in {**row.inputs, **row.values}
        assert each.is_widget or each.optional or fed, each.name


def test_values_of_older_versions_are_told_apart() -> None:
    process = OLD_NODES["LivePortraitProcess"]
    values, unread = read_values(
        process, [512, 2.5, 0, -0.11, True, True, 1.5, False, 1, True, False]
    )
    assert (values["scale"], values["eyes_retargeting_multiplier"]) == (2.5, 1.5)
    assert (values["lip_zero"], values["relative"], unread) == (True, False, [])
    values, _ = read_values(process, [True, 0.03, False, 0.7, False, 1, True, True, "cut"])
    assert (values["mismatch_method"], values["eyes_retargeting_multiplier"]) == ("cut", 0.7)
    values, _ = read_values(process, [False, 0.03, True, 0.8, "constant", "off", 3e-6])
    assert (values["delta_multiplier"], values["relative_motion_mode"]) == (0.8, "off")
    talker, _ = read_values(OLD_NODES["SadTalker"], [3, "512", "full", "false", 2, "true"])
    assert (talker["stillMode"], talker["gfpganAsFaceEnhancer"]) == (False, True)
    editor = OLD_NODES["ExpressionEditor"]
    old, _ = read_values(editor, [0, 0, 0, 0, 0, 23.5, 0, 0, 0, 0, 0, 0, 1, 1, 2])
    assert (old["wink"], old["crop_factor"], old["sample_parts"]) == (23.5, 2.0, "OnlyExpression")


def test_values_that_cannot_be_read_are_named_and_their_defaults_taken() -> None:
    player = OLD_NODES["AdvancedLivePortrait"]
    values, unread = read_values(player, [0, 0, 1.7, "1 = 5:5", "", False, "1 = 5:5"])
    assert (values["turn_on"], values["command"]) == (True, "1 = 5:5")
    assert unread == ["turn_on", "tracking_src_vid"]
    values, unread = read_values(player, [0, 0, 2, "", "1 = 2:2"])  # an older version's order
    assert (values["command"], unread) == ("1 = 2:2", ["turn_on"])
    values, unread = read_values(OLD_NODES["LivePortraitCropper"], [512, 9, 0, 0, 0, "up", True])
    assert (values["scale"], values["face_index_order"]) == (2.3, "large-small")
    assert unread == ["scale", "face_index_order"]


# -- ComfyUI-LivePortraitKJ ----------------------------------------------------------------------


def live_portrait(mode: str = "relative", source: str = "LoadImage") -> Drawn:
    drawn = Drawn()
    loader = drawn.add("DownloadAndLoadLivePortraitModels", ["fp16", "human"], title="models")
    cropper = drawn.add("LivePortraitLoadCropper", ["CPU", True, 0.5])
    picture = drawn.add(source, ["a.png", "image"] if source == "LoadImage" else {"video": "a"})
    driver = drawn.add("VHS_LoadVideo", {"video": "b.mp4"})
    crop = drawn.add(
        "LivePortraitCropper", [512, 2.5, 0.1, -0.2, 0, "large-small", False], title="my face"
    )
    through = drawn.add("Reroute")
    values = [True, 0.05, True, 1.2, "constant", mode, 5e-6, True, 1.5]
    process = drawn.add("LivePortraitProcess", values, mode=4, color="#223")
    paste = drawn.add("LivePortraitComposite")
    out = drawn.add("VHS_VideoCombine", {"frame_rate": 24})
    look = drawn.add("PreviewImage", [])
    drawn.link(loader, 0, crop, "pipeline")
    drawn.link(cropper, 0, crop, "cropper")
    drawn.link(picture, 0, crop, "source_image")
    drawn.link(loader, 0, through, "")
    drawn.nodes[through - 1]["outputs"][0]["type"] = "LIVEPORTRAITPIPE"
    drawn.link(through, 0, process, "pipeline")
    drawn.link(crop, 1, process, "crop_info")
    drawn.link(picture, 0, process, "source_image")
    drawn.link(driver, 0, process, "driving_images")
    drawn.link(picture, 0, paste, "source_image")
    drawn.link(process, 0, paste, "cropped_image")
    drawn.link(process, 1, paste, "liveportrait_out")
    drawn.link(paste, 0, out, "images")
    drawn.link(process, 0, look, "images")
    return drawn


def test_a_live_portrait_graph_keeps_settings_places_and_foreign_wires() -> None:
    old = live_portrait().graph
    new, report = converted(old)
    assert not {node["type"] for node in new["nodes"]} & set(OLD_NODES)
    assert report.sentences == []
    assert report.kept == {}
    assert report.replaced["LivePortraitProcess"] == 1
    loader, crop = one(new, "LoadLivePortrait"), one(new, "PreparePortrait")
    assert (value(loader, "precision"), value(loader, "species")) == ("float16", "human")
    assert (loader["title"], crop["title"]) == ("models", "my face")
    wanted = {"crop_scale": 2.5, "crop_x": 0.1, "crop_y": -0.2, "crop_rotate": False}
    assert {name: value(crop, name) for name in wanted} == wanted
    process, paste = one(new, "LivePortraitProcess"), one(new, "PasteBack")
    wanted = {
        "lip_zero": True,
        "lip_zero_threshold": 0.05,
        "stitching": True,
        "delta_multiplier": 1.2,
        "relative_motion_mode": "relative",
        "driving_smooth_observation_variance": 5e-6,
        "expression_friendly": True,
        "expression_friendly_multiplier": 1.5,
        "eye_retargeting": False,
        "driving_crop": "never",
    }
    assert {name: value(process, name) for name in wanted} == wanted
    places = {node["type"]: node["pos"] for node in old["nodes"]}
    assert process["pos"] == places["LivePortraitProcess"]
    assert crop["pos"] == places["LivePortraitCropper"]
    assert (process["mode"], process["color"]) == (4, "#223")
    assert before(new, crop, "model") == ("LoadLivePortrait", 0)
    assert before(new, crop, "image") == ("LoadImage", 0)
    assert before(new, process, "model") == ("Reroute", 0)
    assert before(new, process, "portrait") == ("PreparePortrait", 0)
    assert before(new, process, "driving_images") == ("VHS_LoadVideo", 0)
    assert before(new, paste, "portrait") == ("LivePortraitProcess", 1)
    assert before(new, paste, "faces") == ("LivePortraitProcess", 0)
    assert before(new, one(new, "VHS_VideoCombine"), "images") == ("PasteBack", 0)
    assert before(new, one(new, "PreviewImage"), "images") == ("LivePortraitProcess", 0)
    passing = one(new, "Reroute")
    assert passing["outputs"][0]["type"] == "PORTRAIT_MODEL"
    types = {link[5] for link in new["links"]}
    assert types <= {"PORTRAIT_MODEL", "PORTRAIT", "IMAGE"}


def test_retargeting_and_a_cut_driver_become_settings() -> None:
    drawn = live_portrait()
    second = drawn.add("LivePortraitCropper", [512, 2.1, 0.0, -0.15, 0, "large-small", True])
    told = drawn.add("LivePortraitRetargeting", [True, 1.4, False, 0.9])
    drawn.link(1, 0, second, "pipeline")
    drawn.link(4, 0, second, "source_image")
    drawn.link(second, 1, told, "driving_crop_info")
    drawn.link(told, 0, 7, "opt_retargeting_info")
    new, _ = converted(drawn.graph)
    process = one(new, "LivePortraitProcess")
    assert value(process, "eye_retargeting") is True
    assert value(process, "eyes_retargeting_multiplier") == 1.4
    assert value(process, "lip_retargeting") is False
    assert value(process, "lip_retargeting_multiplier") == 0.9
    assert value(process, "driving_crop") == "never"  # the driver goes in whole
    # now the driver's crops are what drives
    whole = next(i for i, each in enumerate(drawn.links) if each[1:4] == [4, 0, 7])
    drawn.links[whole][1:3] = [second, 0]
    new, report = converted(drawn.graph)
    process = one(new, "LivePortraitProcess")
    assert value(process, "driving_crop") == "always"
    assert value(process, "driving_crop_scale") == 2.1
    assert value(process, "driving_crop_y") == -0.15
    assert before(new, process, "driving_images") == ("VHS_LoadVideo", 0)
    assert any("one square for the whole clip" in each for each in report.sentences)
    note = one(new, "Note")
    assert report.sentences[0] in note["widgets_values"][0]


def test_a_source_video_is_prepared_as_one() -> None:
    for drawn in (live_portrait(source="VHS_LoadVideo"), live_portrait("source_video_smoothed")):
        new, report = converted(drawn.graph)
        prepared = one(new, "PrepareVideo")
        assert value(prepared, "crop_scale") == 2.5
        assert any(each["name"] == "images" and each["link"] for each in prepared["inputs"])
        assert any("mismatch_method" in each for each in report.sentences)


def test_faces_are_chosen_as_far_as_they_can_be() -> None:
    for order, number, wanted, told in (
        ("large-small", 2, ("largest", 2), False),
        ("left-right", 0, ("left", -1), False),
        ("right-left", 0, ("right", -1), False),
        ("left-right", 1, ("largest", -1), True),
    ):
        drawn = live_portrait()
        drawn.nodes[4]["widgets_values"] = [512, 2.3, 0, 0, number, order, True]
        new, report = converted(drawn.graph)
        crop = one(new, "PreparePortrait")
        assert (value(crop, "face_select"), value(crop, "face_index")) == wanted
        assert any("Choose Face" in each for each in report.sentences) == told


def test_wires_without_a_line_carry_the_new_type() -> None:
    drawn = live_portrait()
    sender = drawn.add("SetNode", ["pipe"])
    receiver = drawn.add("GetNode", ["pipe"])
    drawn.link(1, 0, sender, "value")
    wire = next(each for each in drawn.links if each[3] == 7 and each[4] == 0)
    drawn.nodes[5]["outputs"][0]["links"] = None
    wire[1:3] = [receiver, 0]
    drawn.nodes[receiver - 1]["outputs"][0]["links"] = [wire[0]]
    new, _ = converted(drawn.graph)
    assert one(new, "GetNode")["outputs"][0]["type"] == "PORTRAIT_MODEL"
    assert before(new, one(new, "LivePortraitProcess"), "model") == ("GetNode", 0)


def test_the_first_version_that_cropped_and_pasted_by_itself() -> None:
    drawn = Drawn()
    loader = drawn.add("DownloadAndLoadLivePortraitModels")
    picture, driver = drawn.add("LoadImage", ["a.png", "image"]), drawn.add("VHS_LoadVideo", {})
    values = [512, 2.6, 0, -0.11, True, True, 1.3, False, 1, True, False, "CPU"]
    process = drawn.add("LivePortraitProcess", values)
    node = drawn.nodes[process - 1]
    node["inputs"] = [e for e in node["inputs"] if e["name"] not in ("crop_info",)][:3]
    node["outputs"] = [
        {"name": name, "type": "IMAGE", "links": None} for name in ("cropped_images", "full_images")
    ]
    out = drawn.add("PreviewImage", [])
    drawn.link(loader, 0, process, "pipeline")
    drawn.link(picture, 0, process, "source_image")
    drawn.link(driver, 0, process, "driving_images")
    drawn.link(process, 1, out, "images")
    new, _ = converted(drawn.graph)
    assert value(one(new, "PreparePortrait"), "crop_scale") == 2.6
    made = one(new, "LivePortraitProcess")
    assert value(made, "relative_motion_mode") == "single_frame"
    assert value(made, "eyes_retargeting_multiplier") == 1.3
    assert before(new, one(new, "PreviewImage"), "images") == ("PasteBack", 0)


def test_what_looked_at_crops_and_points_still_sees_something() -> None:
    drawn = live_portrait()
    points, crops = drawn.add("KeypointsToImage", [True]), drawn.add("PreviewImage", [])
    seen = drawn.add("PreviewImage", [])
    drawn.link(5, 1, points, "crop_info")
    drawn.link(points, 0, seen, "images")
    drawn.link(5, 0, crops, "images")
    new, report = converted(drawn.graph)
    by_id = {node["id"]: node for node in new["nodes"]}
    assert before(new, by_id[seen], "images") == ("DetectFaces", 1)
    assert before(new, by_id[crops], "images") == ("CropFace", 0)
    assert before(new, one(new, "CropFace"), "faces") == ("DetectFaces", 0)
    for node in new["nodes"]:
        if node["type"].endswith("DetectFaces"):
            assert before(new, node, "image") == ("LoadImage", 0)
    told = " ".join(report.sentences)
    assert "Crop Face" in told
    assert "203 points" in told
