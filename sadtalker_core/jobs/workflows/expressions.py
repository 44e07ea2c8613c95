"""Graphs of ComfyUI-AdvancedLivePortrait: sliders stay sliders, a script of expressions becomes
keyframes, driving pictures become a motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .graph import Graph, Node
from .live_portrait import is_from_video
from .old_nodes import SLIDERS
from .rewriter import NEVER, Rewriter, shown_name

_EDITOR, _PLAYER = "ExpressionEditor", "AdvancedLivePortrait"
_REGIONS = {
    "OnlyExpression": "exp",
    "OnlyRotation": "pose",
    "OnlyMouth": "lip",
    "OnlyEyes": "eyes",
    "All": "all",
}
_CROP_FACTOR, _CROP_SCALE = 1.7, 2.3  # what the old and the new node cut by themselves
_FPS = 25.0
_EXP_DATA = {
    "LoadExpData": "its file holds Python objects, which are not read; set the sliders instead",
    "SaveExpData": "expressions are kept in the graph itself; Save Motion keeps motion in a file",
    "ExpData": "offsets of single keypoints are not set by hand; use the sliders",
    "PrintExpData:": "there is nothing that prints them",
}


@dataclass(frozen=True)
class Line:
    """``index = change : keep`` of a script."""

    index: int
    change: int
    keep: int


def convert(rewriter: Rewriter) -> None:
    """Replace all nodes of this pack, but those that other packs' nodes are mixed into."""
    graph = rewriter.graph
    stay: set[Any] = set()
    scripted: set[Any] = set()
    for node in graph.of_type(_PLAYER):
        why, chain = _chain_of(graph, node)
        if not why and rewriter.linked(node, "command"):
            why = "its script comes through a wire, and must be known here"
        lines: list[Line] = []
        if not why:
            try:
                lines = read_script(str(rewriter.values(node)["command"]), len(chain))
            except ValueError as error:
                why = str(error)
        if why:
            rewriter.keep(node, why)
            stay |= {node["id"], *(editor["id"] for editor in chain)}
        else:
            _player(rewriter, node, chain, lines)
            scripted |= {editor["id"] for editor in chain}
    for node in _last_first(graph, graph.of_type(_EDITOR)):
        foreign = [t for t, _ in graph.targets(node, 1) if t["type"] != _EDITOR]
        needed = [t for t, _ in graph.targets(node, 1) if t["id"] in stay]
        if node["id"] in stay or foreign or needed:
            rewriter.keep(node, "nodes that stay need it")
            stay.add(node["id"])
        elif _first_picture(graph, node) is None and rewriter.linked(node, "motion_link"):
            rewriter.keep(node, "its picture comes from another pack's node")
            stay.add(node["id"])
        else:
            _editor(rewriter, node, scripted)
    for node in graph.of_type(*_EXP_DATA):
        if not any(each["id"] in stay for each, _ in graph.targets(node, 0)):
            rewriter.say(node, _EXP_DATA[node["type"]])
            rewriter.done_with(node)


def _last_first(graph: Graph, editors: list[Node]) -> list[Node]:
    """Editors so that each comes before the one whose expressions it goes on from."""

    def depth(node: Node) -> int:
        source = graph.source(graph.into(node, "motion_link"))
        return 1 + depth(source[0]) if source is not None and source[0]["type"] == _EDITOR else 0

    return sorted(editors, key=depth, reverse=True)


def read_script(text: str, expressions: int) -> list[Line]:
    """Lines ``index = change : keep``; empty ones are passed over.

    Raises:
        ValueError: with a sentence, where a line cannot be understood.
    """
    lines: list[Line] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        index, _, rest = line.partition("=")
        change, _, keep = rest.partition(":")
        try:
            made = Line(int(index), int(change), int(keep))
        except ValueError:
            raise ValueError(f"line {number} of its script, {line.strip()!r}, is no line") from None
        if not 0 <= made.index <= expressions or made.change < 1 or made.keep < 0:
            raise ValueError(f"line {number} of its script asks for what is not there")
        lines.append(made)
    return lines


def keyframes(
    lines: Sequence[Line], sets: Sequence[dict[str, float]], fps: float
) -> dict[str, str]:
    """A script as keyframe texts, one for each slider that moves.

    Args:
        lines: the script.
        sets: sliders of the expressions 1, 2, ...
        fps: frames per second of the result.
    """
    texts: dict[str, str] = {}
    for name in SLIDERS:
        values = [0.0, *(each.get(name, 0.0) for each in sets)]
        if any(values[line.index] for line in lines):
            texts[name] = _keyframes_of(lines, values, fps)
    return texts


def _keyframes_of(lines: Sequence[Line], values: Sequence[float], fps: float) -> str:
    knots: dict[int, float] = {}
    frame, reached = 0, 0.0
    for line in lines:
        wanted = values[line.index]
        if frame == 0:  # the old node's first frame is one step on the way already
            knots[0] = reached + (wanted - reached) / line.change
        frame += line.change
        knots[frame - 1] = wanted
        if line.keep:
            frame += line.keep
            knots[frame - 1] = wanted
        reached = wanted
    return ", ".join(f"{round(at / fps, 4):g}:{value:g}" for at, value in sorted(knots.items()))


def _chain_of(graph: Graph, player: Node) -> tuple[str, list[Node]]:
    """The editors whose expressions a player plays, first one first; or why it cannot be said."""
    chain: list[Node] = []
    link = graph.into(player, "motion_link")
    while link is not None:
        source = graph.source(link)
        if source is None:
            return "nothing feeds its motion_link", chain
        if source[0]["type"] != _EDITOR:
            return f"its expressions come from {shown_name(source[0])}, of another pack", chain
        chain.insert(0, source[0])
        link = graph.into(source[0], "motion_link")
    return "", chain


def _first_picture(graph: Graph, editor: Node) -> Any:
    """The link with the picture that an editor, or the first one of its chain, works on."""
    link = graph.into(editor, "motion_link")
    source = graph.source(link)
    if source is None:
        return graph.into(editor, "src_image")
    return _first_picture(graph, source[0]) if source[0]["type"] == _EDITOR else None


def _fps_after(graph: Graph, node: Node) -> float:
    """The frame rate at which a player's frames are saved, where that can be seen."""
    for target, _ in graph.targets(node, 0):
        values = target.get("widgets_values")
        rate = values.get("frame_rate") if isinstance(values, dict) else None
        if isinstance(rate, int | float) and rate > 0:
            return float(rate)
    return _FPS


def _player(rewriter: Rewriter, node: Node, chain: list[Node], lines: list[Line]) -> None:
    graph = rewriter.graph
    old = rewriter.values(node)
    fps = _fps_after(graph, node)
    like = dict(node) if old["turn_on"] else {**node, "mode": NEVER}
    if not old["turn_on"]:
        rewriter.say(node, "it was switched off, so the new nodes are muted")
    pictures = graph.into(node, "src_images") or (
        _first_picture(graph, chain[0]) if chain else None
    )
    model = rewriter.loader("LoadLivePortrait", node)
    is_video = is_from_video(graph, pictures)
    portrait = rewriter.new(
        "PrepareVideo" if is_video else "PreparePortrait",
        like,
        {
            "crop_scale": _crop_scale(rewriter, node, float(old["crop_factor"])),
            **({"fps": fps} if is_video else {}),
        },
    )
    graph.connect(model, 0, portrait, "model")
    rewriter.feed(portrait, "images" if is_video else "image", pictures)
    made = rewriter.new("Render", like, {"fps": fps}, in_place=True)
    graph.connect(model, 0, made, "model")
    graph.connect(portrait, 0, made, "portrait")
    driving = graph.into(node, "driving_images")
    if driving is not None:
        motion = rewriter.new("MotionFromVideo", like, {"fps": fps, "driving_crop": "never"})
        graph.connect(model, 0, motion, "model")
        rewriter.feed(motion, "images", driving)
        graph.connect(motion, 0, made, "motion")
        for name in ("retargeting_eyes", "retargeting_mouth"):
            if old[name]:
                rewriter.say(node, f"its {name} {old[name]:g} is not there")
    if lines:
        _script(rewriter, node, like, chain, lines, fps, made)
    rewriter.hand_over(node, 0, made, 0)
    rewriter.done_with(node)


def _script(
    rewriter: Rewriter,
    node: Node,
    like: Node,
    chain: list[Node],
    lines: list[Line],
    fps: float,
    made: Node,
) -> None:
    sets: list[dict[str, float]] = []
    used = {line.index for line in lines}
    for number, editor in enumerate(chain, 1):
        values = rewriter.values(editor)
        sets.append({name: float(values[name]) for name in SLIDERS})
        if number in used and any(
            rewriter.linked(editor, name) for name in ("sample_image", "add_exp")
        ):
            rewriter.say(editor, "keyframes hold its sliders alone, not what else it takes in")
    keys = rewriter.new("ExpressionKeyframes", like, keyframes(lines, sets, fps))
    rewriter.graph.connect(keys, 0, made, "expression")
    rewriter.say(
        node,
        f"its script is in {shown_name(keys)} as seconds at {fps:g} frames per second; between "
        "keyframes it eases in and out where the old node moved evenly",
    )


def _editor(rewriter: Rewriter, node: Node, scripted: set[Any]) -> None:
    graph = rewriter.graph
    old = rewriter.values(node)
    if node["id"] in scripted and not graph.from_output(node, 0):
        rewriter.done_with(node)  # its sliders are in the keyframes
        return
    if old["src_ratio"] != 1:
        rewriter.say(node, f"its src_ratio {old['src_ratio']:g} is not there")
    if rewriter.linked(node, "add_exp"):
        rewriter.say(node, "its add_exp is not there")
    sliders = {name: old[name] for name in SLIDERS}
    picture, sample = _first_picture(graph, node), graph.into(node, "sample_image")
    model = rewriter.loader("LoadLivePortrait", node)
    crop = float(old["crop_factor"])
    if sample is None and crop == _CROP_FACTOR:
        made = rewriter.new("EditExpression", node, sliders, in_place=True)
        graph.connect(model, 0, made, "model")
        rewriter.feed(made, "image", picture)
        rewriter.hand_over(node, 0, made, 0)
        rewriter.done_with(node)
        return
    portrait = rewriter.new(
        "PreparePortrait", node, {"crop_scale": _crop_scale(rewriter, node, crop)}
    )
    graph.connect(model, 0, portrait, "model")
    rewriter.feed(portrait, "image", picture)
    region = _REGIONS[str(old["sample_parts"])]
    ratio = max(0.0, float(old["sample_ratio"]))
    made = rewriter.new(
        "ExpressionEditor", node, {**sliders, "region": region, "multiplier": ratio}, in_place=True
    )
    graph.connect(model, 0, made, "model")
    graph.connect(portrait, 0, made, "portrait")
    if sample is not None:
        motion = rewriter.new("MotionFromVideo", node, {"driving_crop": "always"})
        graph.connect(model, 0, motion, "model")
        rewriter.feed(motion, "images", sample)
        graph.connect(motion, 0, made, "motion")
        rewriter.say(
            node,
            "the sample's expression is taken over as LivePortrait does it, against closed lips",
        )
    rewriter.hand_over(node, 0, made, 1)
    rewriter.done_with(node)


def _crop_scale(rewriter: Rewriter, node: Node, crop_factor: float) -> float:
    """The face's cut, which the old pack measured from another detector's box."""
    scale = round(_CROP_SCALE * crop_factor / _CROP_FACTOR, 2)
    if scale != _CROP_SCALE:
        rewriter.say(
            node, f"its crop_factor {crop_factor:g} became crop_scale {scale:g}, in proportion"
        )
    return scale
