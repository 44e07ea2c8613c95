"""Graphs of ComfyUI-LivePortraitKJ: load, crop, process and composite become load, prepare, process
and paste back, with the same settings."""

from __future__ import annotations

from typing import Any

from .graph import Graph, Node
from .rewriter import Rewriter, output_slot, shown_name

_CROPPER = "LivePortraitCropper"
_LOADERS = (
    *("LivePortraitLoadCropper", "LivePortraitLoadMediaPipeCropper"),
    "LivePortraitLoadFaceAlignmentCropper",
)
_PRECISION = {"fp16": "float16", "fp32": "float32", "auto": "auto"}
_SIDES = {"large-small": "largest", "left-right": "left", "right-left": "right"}
_UNTOUCHED = ("GetImageSizeAndCount",)  # gives out the pictures that it gets
_PROCESS = (
    *("lip_zero", "lip_zero_threshold", "stitching", "delta_multiplier", "relative_motion_mode"),
    *("driving_smooth_observation_variance", "expression_friendly"),
    "expression_friendly_multiplier",
)
_RETARGETING = (
    *("eye_retargeting", "eyes_retargeting_multiplier"),
    *("lip_retargeting", "lip_retargeting_multiplier"),
)


def convert(rewriter: Rewriter) -> None:
    """Replace all nodes of this pack."""
    graph = rewriter.graph
    for node in graph.of_type("DownloadAndLoadLivePortraitModels"):
        precision = _PRECISION[str(rewriter.values(node)["precision"])]
        rewriter.replace(node, {"precision": precision})
    for node in graph.of_type("LivePortraitProcess"):
        _process(rewriter, node)
    for node in graph.of_type("LivePortraitComposite"):
        _composite(rewriter, node)
    for node in graph.of_type("KeypointsToImage"):
        _keypoints_drawn(rewriter, node)
    for node in graph.of_type("LivePortraitRetargeting"):
        rewriter.done_with(node)
    for node in graph.of_type(_CROPPER):
        _crops_shown(rewriter, node)
        rewriter.done_with(node)
    for node in graph.of_type(*_LOADERS):
        threshold = rewriter.values(node).get("detection_threshold", 0.5)
        if threshold != 0.5:
            rewriter.say(node, f"its detection_threshold {threshold} is set in Detect Faces now")
        rewriter.done_with(node)


def _process(rewriter: Rewriter, node: Node) -> None:
    graph = rewriter.graph
    old = rewriter.values(node)
    if "relative" in old:  # of older versions
        old["relative_motion_mode"] = "relative" if old["relative"] else "single_frame"
    given: dict[str, Any] = {name: old[name] for name in _PROCESS}
    given |= {name: old[name] for name in _RETARGETING if name in old}
    told = graph.source(graph.into(node, "opt_retargeting_info"))
    if told is not None and told[0]["type"] == "LivePortraitRetargeting":
        values = rewriter.values(told[0])
        given |= {name: values[name] for name in _RETARGETING}
    made = rewriter.new("LivePortraitProcess", node, given, in_place=True)
    if not rewriter.feed(made, "model", graph.into(node, "pipeline")):
        rewriter.graph.connect(rewriter.loader("LoadLivePortrait", node), 0, made, "model")
    portrait = _portrait_for(rewriter, node, old)
    if portrait is not None:
        graph.connect(portrait, 0, made, "portrait")
        is_video = portrait["type"].endswith("PrepareVideo")
        if is_video and old["mismatch_method"] != "cut":
            rewriter.say(
                node,
                "frames end with the source video; its mismatch_method "
                f"{old['mismatch_method']} is not there",
            )
    _driver(rewriter, node, made)
    _process_outputs(rewriter, node, made)
    if rewriter.linked(node, "mask"):
        rewriter.say(node, "its mask is not used; the face is laid over with a soft edge of ours")
    rewriter.done_with(node)


def _process_outputs(rewriter: Rewriter, node: Node, made: Node) -> None:
    """Older versions pasted the face back themselves."""
    graph = rewriter.graph
    faces = output_slot(node, "cropped_image", "cropped_images")
    if faces is not None:
        rewriter.hand_over(node, faces, made, 0)
    passed = output_slot(node, "output")
    if passed is not None:
        rewriter.hand_over(node, passed, made, 1)
    whole, mask = output_slot(node, "full_images"), output_slot(node, "mask")
    if whole is None:
        return
    pasted = rewriter.new("PasteBack", node, columns=-1)
    graph.connect(made, 1, pasted, "portrait")
    graph.connect(made, 0, pasted, "faces")
    rewriter.hand_over(node, whole, pasted, 0)
    if mask is not None:
        rewriter.hand_over(node, mask, pasted, 1)


def _driver(rewriter: Rewriter, node: Node, made: Node) -> None:
    """The driving pictures; those that a cropper cut are cut by the new node itself."""
    graph = rewriter.graph
    link = graph.into(node, "driving_images")
    source = _picture_source(graph, link)
    if source is None or source[0]["type"] != _CROPPER or source[1] != 0:
        rewriter.feed(made, "driving_images", link)
        return
    cropper = source[0]
    values = rewriter.values(cropper)
    rewriter.feed(made, "driving_images", graph.into(cropper, "source_image"))
    wanted = {
        "driving_crop": "always",
        "driving_crop_scale": values["scale"],
        "driving_crop_x": values["vx_ratio"],
        "driving_crop_y": values["vy_ratio"],
    }
    rewriter.set_values(made, wanted)
    rewriter.say(
        cropper,
        f"the driver is cut in {shown_name(made)} now, with one square for the whole clip in "
        "place of one for each frame",
    )


def _picture_source(graph: Graph, link: Any) -> tuple[Node, int] | None:
    """Where pictures come from, past nodes that change nothing about them."""
    source = graph.source(link)
    while source is not None and source[0]["type"] in _UNTOUCHED:
        source = graph.source(graph.into(source[0], "image"))
    return source


def _portrait_for(rewriter: Rewriter, node: Node, old: dict[str, Any]) -> Node | None:
    """The prepared portrait of a process node: from its cropper, or as older versions did it."""
    graph = rewriter.graph
    smoothed = old["relative_motion_mode"] == "source_video_smoothed"
    link = graph.into(node, "crop_info")
    if link is None:
        if "scale" not in old:
            return None
        return _prepared(rewriter, node, node, {**old, "rotate": True}, smoothed, None)
    source = graph.source(link)
    if source is None:
        return None
    cropper = source[0]
    if cropper["type"] != _CROPPER:  # made for another process node of the same cropper
        return cropper
    made = _prepared(rewriter, cropper, node, rewriter.values(cropper), smoothed, cropper)
    rewriter.hand_over(cropper, source[1], made, 0)
    return made


def _prepared(
    rewriter: Rewriter,
    like: Node,
    process: Node,
    values: dict[str, Any],
    smoothed: bool,
    cropper: Node | None,
) -> Node:
    graph = rewriter.graph
    pictures = graph.into(like, "source_image")
    is_video = smoothed or is_from_video(graph, pictures)
    kind = "PrepareVideo" if is_video else "PreparePortrait"
    given: dict[str, Any] = {
        "crop_scale": values["scale"],
        "crop_x": values["vx_ratio"],
        "crop_y": values["vy_ratio"],
        "crop_rotate": values["rotate"],
        **_which_face(rewriter, like, values),
    }
    made = rewriter.new(kind, like, given, in_place=cropper is not None)
    if not rewriter.feed(made, "model", graph.into(like, "pipeline")) and not rewriter.feed(
        made, "model", graph.into(process, "pipeline")
    ):
        graph.connect(rewriter.loader("LoadLivePortrait", like), 0, made, "model")
    rewriter.feed(made, "images" if is_video else "image", pictures)
    if _moves_animals(graph, made):
        rewriter.say(
            like,
            "an animal's face is not found by itself; the middle of the picture is cut unless "
            f"{shown_name(made)} gets a crop_box",
        )
    if values["dsize"] != 512:
        rewriter.say(like, f"its dsize {values['dsize']} is not used; faces are rendered at 512")
    if is_video:
        rewriter.say(like, "its pictures come from a video, so Prepare Video took its place")
    return made


def _moves_animals(graph: Graph, portrait: Node) -> bool:
    source = graph.source(graph.into(portrait, "model"))
    return source is not None and "animal" in (source[0].get("widgets_values") or [])


def _which_face(rewriter: Rewriter, node: Node, values: dict[str, Any]) -> dict[str, Any]:
    order, number = str(values.get("face_index_order", "large-small")), values.get("face_index", 0)
    if order == "large-small" and number:
        return {"face_index": number}
    if order in _SIDES and not number:
        return {"face_select": _SIDES[order]}
    rewriter.say(
        node,
        f"face {number} in the order {order} is not found by number; the largest is taken, "
        "connect Choose Face for another",
    )
    return {}


def is_from_video(graph: Graph, link: Any) -> bool:
    """Whether pictures come out of a video's loader."""
    source = graph.source(link)
    if source is None:
        return False
    return any(
        "video" in node["type"].lower() and not _inputs_of(node, "IMAGE")
        for node in graph.upstream(source[0])
    )


def _inputs_of(node: Node, kind: str) -> list[str]:
    """Names of a node's inputs of a type."""
    return [entry["name"] for entry in node.get("inputs") or [] if entry.get("type") == kind]


def _composite(rewriter: Rewriter, node: Node) -> None:
    graph = rewriter.graph
    own = _picture_source(graph, graph.into(node, "source_image"))
    portrait = graph.source(graph.into(node, "liveportrait_out"))
    shown: tuple[Node, int] | None = None
    if portrait is not None:
        prepared = graph.source(graph.into(portrait[0], "portrait"))
        if prepared is not None:
            name = "images" if prepared[0]["type"].endswith("PrepareVideo") else "image"
            shown = _picture_source(graph, graph.into(prepared[0], name))
    other = own is not None and shown is not None and own[0]["id"] != shown[0]["id"]
    if rewriter.linked(node, "mask"):
        rewriter.say(node, "its mask is not used; the face is laid over with a soft edge of ours")
    pictures = graph.into(node, "source_image")
    made = rewriter.replace(node)
    if other and pictures is not None:
        graph.connect(graph.nodes[pictures.origin], pictures.origin_slot, made, "frames")


def _keypoints_drawn(rewriter: Rewriter, node: Node) -> None:
    graph = rewriter.graph
    source = graph.source(graph.into(node, "crop_info"))
    if source is not None and graph.from_output(node, 0):
        made = rewriter.new("DetectFaces", node, in_place=True)
        pictures = _inputs_of(source[0], "IMAGE")
        if pictures:
            rewriter.feed(made, "image", graph.into(source[0], pictures[0]))
        rewriter.hand_over(node, 0, made, 1)
        rewriter.say(node, "Detect Faces shows the faces it finds instead of 203 points")
    rewriter.done_with(node)


def _crops_shown(rewriter: Rewriter, node: Node) -> None:
    """Crops of a cropper that something else looks at."""
    graph = rewriter.graph
    slot = output_slot(node, "cropped_image")
    if slot is None or not any(True for _ in graph.targets(node, slot)):
        return
    values = rewriter.values(node)
    found = rewriter.new("DetectFaces", node)
    cut = rewriter.new("CropFace", node, {"size": values["dsize"], "upright": values["rotate"]})
    for made in (found, cut):
        rewriter.feed(made, "image", graph.into(node, "source_image"))
    graph.connect(found, 0, cut, "faces")
    rewriter.hand_over(node, slot, cut, 0)
    rewriter.say(node, "its cropped pictures come from Crop Face, which cuts a little differently")
