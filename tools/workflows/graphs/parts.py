"""What several graphs have in common."""

from __future__ import annotations

from ..graph import YELLOW, Graph, Node

LIVEPORTRAIT = """**LivePortrait's files** go into `models/talking_portraits` (those of older packs
in `models/liveportrait` are found too). Graph 16 says which are missing, and under which licence
each one is."""
SADTALKER = """**SadTalker's files** go into `models/talking_portraits` (those in
`models/checkpoints` and of older packs are found too). Graph 16 says which are missing, and under
which licence each one is."""
RETALKING = """**VideoReTalking's files** go into `models/talking_portraits` (2.4 GB; those in
`models/videoretalking` and of enhancer packs are found too). Graph 16 says which are missing, and
under which licence each one is: the enhancer GPEN forbids commercial use and can be left out."""
ENHANCER = """**The enhancer's file** (GFPGANv1.4.pth, 349 MB) goes into `models/talking_portraits`
(those in `models/facerestore_models` and of other packs are found too). Graph 16 says where to get
it."""
PICTURE = """`example.png` is only a drawing in which no face is found: **choose a portrait of your
own**, or drop one on the node."""
_DEMO = "the folder `custom_nodes/<this pack>/sadtalker_core/data/demo`"
NO_FILE = f"""**No file at hand?** Upload `portrait.png` and `voice.flac` from {_DEMO}."""
NO_PICTURE = f"""**No picture at hand?** Upload `portrait.png` from {_DEMO}."""
NO_SOUND = f"""**No sound at hand?** Upload `voice.flac` from {_DEMO}."""


def joined(text: str) -> str:
    """Text whose lines were broken for reading here; empty lines and lists stay."""
    made: list[str] = []
    for line in (line.strip() for line in text.strip().splitlines()):
        begins = line.startswith(("#", "-", "|")) or line[:2].rstrip(".").isdigit()
        if made and made[-1] and line and not begins and not made[-1].startswith("#"):
            made[-1] += f" {line}"
        else:
            made.append(line)
    return "\n".join(made)


def read_me(graph: Graph, text: str, width: float = 360) -> Node:
    """The frame at the left that says what a graph is for."""
    with graph.group("Read me", YELLOW):
        return graph.note(graph.title, joined(text), width=width)


def portrait_picture(graph: Graph, title: str = "Your portrait") -> Node:
    """A picture that the user chooses."""
    return graph.node("LoadImage", title=title, image="example.png")


def save_frames(graph: Graph, frames: Node, sound: Node | None, name: str) -> Node:
    """A video file of a rendering node's frames."""
    inputs = {} if sound is None else {"audio": sound}
    video = graph.node("CreateVideo", images=frames["frames"], fps=frames["fps"], **inputs)
    return graph.node("SaveVideo", video=video, filename_prefix=f"video/{name}")
