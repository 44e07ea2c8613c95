"""A graph that says what is here and what may be done with it."""

from __future__ import annotations

from ..graph import BLUE, BROWN, GREEN, MUTED, PURPLE, Graph
from ..schemas import Schemas
from .parts import joined, read_me


def licences_and_models(schemas: Schemas) -> Graph:
    """Which files are here, and under which licences a result stands."""
    graph = Graph("16_licences_and_models", "What is here, and may I use it?", schemas)
    read_me(
        graph,
        """
        ## What is here, and may I use it?

        - *Model Report*: every weight file of every engine, where it was found, or where to get it
        and which folder it goes into. **Nothing is downloaded.**
        - *Licence Report*: the licences of the engines that you connect, as text for people and as
        JSON for a pipeline. One file under a non-commercial licence makes the whole result
        non-commercial; the report says which one it is.

        Two loaders are muted, because they need files: select them and press Ctrl+M when you have
        those.
        """,
    )
    with graph.group("1. Which files are here", BLUE):
        files = graph.node("TalkingPortraitsModelReport", tall=170)
        graph.node(
            "PreviewAny", title="Found and missing", source=files["text"], tall=420, wide=520
        )
    with graph.group("2. The engines of your graph", GREEN):
        builtin = graph.node("TalkingPortraitsLoadBuiltIn")
        graph.note(
            "Muted",
            joined(
                """
                Unmute (Ctrl+M) those whose files are here. A wire from a muted node brings
                nothing.
                """
            ),
            width=280,
        )
        sadtalker = graph.node("TalkingPortraitsLoadSadTalker", running=MUTED)
        liveportrait = graph.node("TalkingPortraitsLoadLivePortrait", running=MUTED)
    with graph.group("3. Licences", BROWN):
        licences = graph.node(
            *("TalkingPortraitsLicenceReport",),
            **{"model": builtin, "model_2": sadtalker, "model_3": liveportrait},
        )
        graph.node("PreviewAny", title="To read", source=licences["text"], tall=360, wide=460)
    with graph.group("For a pipeline", PURPLE):
        graph.node("PreviewAny", title="JSON", source=licences["json"], tall=420, wide=420)
    return graph
