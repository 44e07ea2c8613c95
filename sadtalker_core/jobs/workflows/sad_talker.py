"""Graphs of Comfyui-SadTalker: its one node becomes a loader and a starter, or, with a reference
video or without speech, the steps between."""

from __future__ import annotations

from typing import Any

from .graph import Node
from .rewriter import Rewriter

_LAST_STYLE = 45


def convert(rewriter: Rewriter) -> None:
    """Replace all nodes of this pack."""
    graph = rewriter.graph
    for node in graph.of_type("ShowAudio"):
        rewriter.replace(node)
    for node in graph.of_type("LoadRefVideo"):
        rewriter.replace(node)
    for node in graph.of_type("SadTalker"):
        _talker(rewriter, node)
    for node in graph.of_type("ShowVideo"):
        _shown(rewriter, node, "show_video_path", "the node that makes the video shows it itself")
    for node in graph.of_type("ShowText"):
        _shown(rewriter, node, "text", "the name of the file is not passed on any more")


def _shown(rewriter: Rewriter, node: Node, name: str, why: str) -> None:
    """What showed our video's file is not needed; what showed something else stays a viewer."""
    source = rewriter.graph.source(rewriter.graph.into(node, name))
    if source is not None and source[0]["type"].startswith("TalkingPortraits"):
        rewriter.say(node, why)
        rewriter.done_with(node)
    else:
        rewriter.replace(node)


def _talker(rewriter: Rewriter, node: Node) -> None:
    graph = rewriter.graph
    old = rewriter.values(node)
    size, preprocess = old["faceModelResolution"], old["preprocess"]
    borrows = bool(old["useRefVideo"]) and rewriter.linked(node, "refVideo")
    in_steps = borrows or bool(old["useIdleMode"])
    values = {"size": size, "preprocess": preprocess}
    model = rewriter.loader("LoadSadTalker", node, values, columns=4 if in_steps else 1)
    if int(old["poseStyle"]) > _LAST_STYLE:
        rewriter.say(node, f"its poseStyle 46 is no style; {_LAST_STYLE} is taken")
    style = min(int(old["poseStyle"]), _LAST_STYLE)
    if in_steps:
        made = _in_steps(rewriter, node, old, model, style, borrows)
    else:
        given = {"pose_style": style, "still": old["stillMode"]}
        made = rewriter.new("TalkingPortrait", node, given, in_place=True)
        graph.connect(model, 0, made, "model")
        rewriter.feed(made, "image", graph.into(node, "image"))
        rewriter.feed(made, "audio", graph.into(node, "audio"))
    if old["gfpganAsFaceEnhancer"]:
        made = _restored(rewriter, node, made)
    for slot in (0, 1):
        rewriter.hand_over(node, slot, made, 0)
    rewriter.done_with(node)


def _restored(rewriter: Rewriter, node: Node, made: Node) -> Node:
    """A node after the one that makes the video, which restores its faces."""
    enhancer = rewriter.loader("LoadEnhancer", node, columns=-1)
    last = rewriter.new("EnhanceVideo", node, columns=-2)
    rewriter.graph.connect(enhancer, 0, last, "enhancer")
    rewriter.graph.connect(made, 0, last, "video")
    rewriter.say(
        node,
        "its gfpganAsFaceEnhancer is a node of its own now, Enhance Faces in Video, which writes a "
        "second video",
    )
    return last


def _in_steps(
    rewriter: Rewriter, node: Node, old: dict[str, Any], model: Node, style: int, borrows: bool
) -> Node:
    """Portrait, expression, head pose and blink as nodes of their own, and the video."""
    graph = rewriter.graph
    audio = None if old["useIdleMode"] else graph.into(node, "audio")
    portrait = _fed_by_model(rewriter, "PreparePortrait", node, model, columns=4)
    rewriter.feed(portrait, "image", graph.into(node, "image"))
    made = _fed_by_model(rewriter, "RenderVideo", node, model, in_place=True)
    graph.connect(portrait, 0, made, "portrait")
    rewriter.feed(made, "audio", audio)
    what = str(old["refInfo"]) if borrows else ""
    if what == "all":
        motion = _fed_by_model(rewriter, "MotionFromVideo", node, model)
        rewriter.feed(motion, "video", graph.into(node, "refVideo"))
        graph.connect(portrait, 0, motion, "portrait")
        graph.connect(motion, 0, made, "motion")
        return made
    length: dict[str, Any] = {"seconds": float(old["idleModeTime"])}
    reference: Node | None = None
    if borrows:
        reference = _fed_by_model(rewriter, "ReferencePoseAndBlink", node, model, columns=3)
        graph.connect(portrait, 0, reference, "portrait")
        rewriter.feed(reference, "video", graph.into(node, "refVideo"))
    expression = _fed_by_model(rewriter, "ExpNetExpression", node, model, length, columns=2)
    head: Node | None = None
    if not old["stillMode"]:
        given = {**length, "pose_style": style}
        head = _fed_by_model(rewriter, "PoseVaeHeadPose", node, model, given, columns=2)
    if reference is not None and "blink" in what:
        graph.connect(reference, 1, expression, "blink")
    else:
        blink = rewriter.new("Blink", node, length, columns=3)
        rewriter.feed(blink, "audio", audio)
        graph.connect(blink, 0, expression, "blink")
    if reference is not None and "pose" in what and head is not None:
        graph.connect(reference, 0, head, "reference")
    graph.connect(portrait, 0, expression, "portrait")
    rewriter.feed(expression, "audio", audio)
    if head is None:
        graph.connect(expression, 0, made, "motion")
        return made
    graph.connect(portrait, 0, head, "portrait")
    rewriter.feed(head, "audio", audio)
    both = rewriter.new("CombineMotion", node)
    graph.connect(expression, 0, both, "base")
    graph.connect(head, 0, both, "head")
    graph.connect(portrait, 0, both, "portrait")
    graph.connect(both, 0, made, "motion")
    return made


def _fed_by_model(
    rewriter: Rewriter,
    kind: str,
    node: Node,
    model: Node,
    values: dict[str, Any] | None = None,
    in_place: bool = False,
    columns: int = 1,
) -> Node:
    made = rewriter.new(kind, node, values, in_place=in_place, columns=columns)
    rewriter.graph.connect(model, 0, made, "model")
    return made
