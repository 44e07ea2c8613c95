"""Graphs of Comfyui-SadTalker: its one node becomes a loader and a starter, or, with a reference
video or without sound, the steps between."""

from __future__ import annotations

from typing import Any

from .graph import Node
from .rewriter import Rewriter


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
    model = rewriter.loader(
        "LoadSadTalker",
        node,
        {"size": old["faceModelResolution"], "preprocess": old["preprocess"]},
    )
    if old["gfpganAsFaceEnhancer"]:
        rewriter.say(node, "its gfpganAsFaceEnhancer is not there; use a restoring node after it")
    style = int(old["poseStyle"])
    if style > 45:
        rewriter.say(node, "its poseStyle 46 does not exist; 45 is taken")
    given: dict[str, Any] = {"pose_style": min(style, 45), "still": old["stillMode"]}
    made = rewriter.new("TalkingPortrait", node, given, in_place=True)
    graph.connect(model, 0, made, "model")
    for name in ("image", "audio"):
        rewriter.feed(made, name, graph.into(node, name))
    for slot in (0, 1):
        rewriter.hand_over(node, slot, made, 0)
    rewriter.done_with(node)
