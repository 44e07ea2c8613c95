"""Sizes and places of nodes, so that a graph reads from left to right and nothing overlaps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .schemas import OURS

if TYPE_CHECKING:
    from .graph import Node

SLIDERS = 520.0  # width of an editor: in Vue nodes half of it is taken by the sliders' names
SAID = 90.0  # room for a few lines of text
TITLE = 30.0  # height of a node's title, which lies above its place
SLOT, WIDGET, TEXT_BOX, SOUND_BAR = 20.0, 24.0, 124.0, 54.0
PICTURE = 250.0  # room for a picture below the widgets
GAP, COLUMN_GAP, GROUP_GAP = 36.0, 50.0, 60.0
EDGE, HEAD = 20.0, 50.0  # of a frame: at the sides, and above its first title
LETTER = 7.2  # width of a letter in a node

EDITORS = frozenset({"TalkingPortraitsEditExpression", "TalkingPortraitsExpressionEditor"})
# Frontend 1.27 makes this node wider by so much when it has loaded its video.
PLAYER, PLAYER_GROWS, PLAYER_SIZE = "LoadVideo", 110.0, (400.0, 390.0)
# Nodes that show a picture or a video below their widgets once they have run.
SHOWS = frozenset(
    {
        *("LoadImage", "PreviewImage", "SaveImage", "SaveVideo", "LoadVideo", "MaskPreview"),
        *("TalkingPortraitsTalkingPortrait", "TalkingPortraitsDrivePortrait"),
        *("TalkingPortraitsRenderVideo", "TalkingPortraitsContactSheet"),
        "TalkingPortraitsPlotMotion",
        *("TalkingPortraitsRender", "TalkingPortraitsRenderKeypoints"),
        *("TalkingPortraitsRelipVideo", "TalkingPortraitsRelipFrames"),
        *("TalkingPortraitsEnhanceVideo", "TalkingPortraitsEnhanceFrames"),
        *EDITORS,
    }
)
TEXT_SHOWS = frozenset({"PreviewAny"})
# Nodes that say something below their widgets once they have run.
SAYS = frozenset(
    {
        *("TalkingPortraitsLicenceReport", "TalkingPortraitsModelReport"),
        *("TalkingPortraitsFaceMetrics", "TalkingPortraitsSaveMotion"),
        "TalkingPortraitsLipSync",
    }
)


@dataclass
class Group:
    """A coloured frame with columns of nodes; ``box`` is (x, y, width, height)."""

    title: str
    colour: str
    row: int
    under: bool = False
    columns: list[list[Node]] = field(default_factory=lambda: [[]])
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def to_ui(self, number: int) -> dict[str, Any]:
        """As the frontend saves it."""
        return {
            "id": number,
            "title": self.title,
            "bounding": list(self.box),
            "color": self.colour,
            "font_size": 24,
            "flags": {},
        }


def place(groups: list[Group]) -> None:
    """Give every node and every frame its box."""
    top = 0.0
    for row in sorted({group.row for group in groups}):
        here = [group for group in groups if group.row == row]
        stacks: list[list[Group]] = []
        for group in here:
            if group.under and stacks:
                stacks[-1].append(group)
            else:
                stacks.append([group])
        left = 0.0
        for stack in stacks:
            y = top
            for group in stack:
                _place_group(group, left, y)
                y += group.box[3] + GROUP_GAP
            width = max(max(group.box[2], len(group.title) * 12.5) for group in stack)
            for group in stack:
                group.box = (*group.box[:2], width, group.box[3])
            left += width + GROUP_GAP
        top = max(group.box[1] + group.box[3] for group in here) + GROUP_GAP


def _place_group(group: Group, left: float, top: float) -> None:
    x = left + EDGE
    bottom = top
    for column in group.columns:
        sizes = [size_of(node) for node in column]
        width = max(size[0] for size in sizes)
        y = top + HEAD + TITLE
        for node, (own_width, height) in zip(column, sizes, strict=True):
            height += (width - own_width) * (node.kind == "SaveVideo")
            node.box = (x, y, width if node.kind != PLAYER else width - PLAYER_GROWS, height)
            bottom = max(bottom, y + height + vue_extra(node))
            y += height + max(GAP, vue_extra(node) + 10) + TITLE
        x += width + COLUMN_GAP
    group.box = (left, top, x - COLUMN_GAP + EDGE - left, bottom + EDGE - top)


def size_of(node: Node) -> tuple[float, float]:
    """Width and height that show everything in a node, in the frontend's units."""
    if node.spec is None:
        width = node.width or 340.0
        return width, node.height or note_height(node.text, width)
    sockets, outputs = node.spec.sockets(), node.spec.outputs
    widgets = [spec for spec in node.spec.widgets() if not spec.is_advanced]
    is_folded = len(widgets) < len(node.spec.widgets())
    rows = max(len(sockets), len(outputs), 1)
    height = rows * SLOT + 6
    if widgets:
        height += 8
    for spec in widgets:
        height += TEXT_BOX if spec.is_multiline else WIDGET * (2 if spec.is_seed else 1)
        if spec.upload:
            height += WIDGET + (SOUND_BAR if spec.upload == "audio" else 0)
    if is_folded:
        height += WIDGET + (0 if widgets else 8)  # the button that unfolds the others
    if node.kind in SHOWS:
        height += PICTURE
    if node.kind in EDITORS:
        height += WIDGET  # a button of ours
    if node.kind in TEXT_SHOWS:
        height += 110
    if node.kind in SAYS:
        height += SAID
    width = node.width or (SLIDERS if node.kind in EDITORS else _width_of(node))
    if node.kind == "SaveVideo":
        height += width - PICTURE - 10  # a square video fills the width
    if node.kind == PLAYER:
        width, height = PLAYER_SIZE
    return width, max(height, node.height or 0)


def vue_extra(node: Node) -> float:
    """How much higher a node of ours is as a Vue node: a badge, and wider rows."""
    if node.spec is None or not node.kind.startswith(OURS) or node.kind in SHOWS:
        return 0.0
    shown = [spec for spec in node.spec.widgets() if not spec.is_advanced]
    texts = sum(spec.type == "STRING" for spec in shown)
    return 32.0 + 12.0 * texts + 4.0 * (len(shown) - texts)


def _width_of(node: Node) -> float:
    assert node.spec is not None
    sides = zip_longest_names(
        [spec.name for spec in node.spec.sockets()], [out.name for out in node.spec.outputs]
    )
    widest = max((len(a) + len(b) for a, b in sides), default=0) * LETTER + 75
    for spec in node.spec.widgets():
        value = str(node.values.get(spec.name, ""))
        if not spec.is_multiline:
            shown = 0 if spec.is_advanced else min(len(value), 26)
            widest = max(widest, (len(spec.name) + shown) * LETTER + 85)
    title = (len(node.title or node.spec.display_name)) * 8 + 60
    return float(round(min(max(270.0, widest, title), 420.0)))


def zip_longest_names(left: list[str], right: list[str]) -> list[tuple[str, str]]:
    """Pairs of names that share a row."""
    rows = max(len(left), len(right))
    padded = [names + [""] * (rows - len(names)) for names in (left, right)]
    return list(zip(*padded, strict=True))


def note_height(text: str, width: float) -> float:
    """Height of a note that shows all of its text."""
    per_line = max(10, int((width - 40) / 5.5))
    height = 34.0
    for line in text.splitlines():
        plain = line.lstrip("#*- ")
        if line.startswith("#"):
            height += 34
        elif not line:
            height += 10
        else:
            height += 15.5 * max(1, -(-len(plain) // per_line))
    return max(90, round(height + 16))
