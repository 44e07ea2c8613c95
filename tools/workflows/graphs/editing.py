"""Graphs that change expressions."""

from __future__ import annotations

from ..graph import BLUE, GREEN, PURPLE, Graph
from ..schemas import Schemas
from .parts import LIVEPORTRAIT, NO_PICTURE, PICTURE, portrait_picture, read_me, save_frames


def edit_expression(schemas: Schemas) -> Graph:
    """One node, one picture, sliders."""
    graph = Graph("03_edit_expression", "Edit an expression", schemas)
    read_me(
        graph,
        f"""
        ## Edit the expression in a picture

        1. Choose a picture at the left. {PICTURE} {NO_PICTURE}
        2. Press **Run** once: the face is found and prepared.
        3. **Move a slider**: the node shows the face while you do. Only this node is run.
        4. Press **Run** again to save what you see.

        Everything at rest gives your picture back, to the bit. All of it works with the built-in
        engine, which needs no download. For LivePortrait's result connect *Load LivePortrait* to
        **model**.

        - **blink** below 0 closes the eyes, **pupil x / y** moves the gaze
        - **aaa**, **eee**, **woo** are shapes of the mouth
        - **rotate** turns the head, **mov** moves it
        - the two **ratios** say how far eyes and lips are open; at their left end they are off
        """,
    )
    with graph.group("1. Your picture", BLUE):
        picture = portrait_picture(graph)
    with graph.group("2. The expression", GREEN):
        edited = graph.node(
            *("TalkingPortraitsEditExpression",),
            **{"image": picture, "smile": 0.6, "rotate_yaw": 6.0, "pupil_x": 8.0, "aaa": 12.0},
        )
    with graph.group("3. The result", PURPLE):
        graph.node("SaveImage", images=edited["image"], filename_prefix="expression")
    return graph


def expression_over_time(schemas: Schemas) -> Graph:
    """Keyframes by text."""
    graph = Graph("12_expression_over_time", "An expression over time", schemas)
    read_me(
        graph,
        f"""
        ## An expression over time

        {PICTURE} {NO_PICTURE}

        Every field of *Expression Keyframes* takes a number, or keyframes: **seconds:value** pairs.

        `0:0, 1:16, 2:-16, 3:0`

        means: at rest, after one second 16, after two -16, after three at rest again. Between
        keyframes the face moves smoothly and never overshoots. Empty fields leave their part alone.
        The video ends with the last keyframe.

        The same node goes on top of motion: connect motion to *Render* as well.
        """,
    )
    with graph.group("1. Your picture", BLUE):
        model = graph.node("TalkingPortraitsLoadBuiltIn")
        picture = portrait_picture(graph)
        portrait = graph.node("TalkingPortraitsPreparePortrait", model=model, image=picture)
    with graph.group("2. Keyframes: seconds:value", GREEN):
        keys = graph.node(
            *("TalkingPortraitsExpressionKeyframes",),
            rotate_yaw="0:0, 1:12, 2:-12, 3:0",
            rotate_pitch="0:0, 0.5:6, 1.5:-6, 3:0",
            blink="0:0, 1.9:0, 2:-18, 2.15:0",
            eyebrow="0:0, 0.6:12, 1.4:0, 2.2:15, 3:0",
            pupil_x="0:0, 0.8:12, 1.8:-12, 3:0",
            aaa="0:0, 0.4:50, 0.8:0, 1.2:60, 1.8:5, 2.4:55, 3:0",
            smile="0:0, 1.5:1, 3:0",
            wide=420,
        )
    with graph.group("3. The video", PURPLE):
        frames = graph.node(
            *("TalkingPortraitsRender",),
            **{"model": model, "portrait": portrait, "expression": keys},
        )
        save_frames(graph, frames, None, "expression_over_time")
    return graph


def retarget_eyes_and_lips(schemas: Schemas) -> Graph:
    """Openings as numbers, and as another face's."""
    graph = Graph("11_retarget_eyes_and_lips", "Retarget eyes and lips", schemas)
    read_me(
        graph,
        f"""
        ## How far eyes and lips are open

        Choose two pictures. {PICTURE} {NO_PICTURE}

        A ratio is the height of an opening over its width: eyes 0 are closed, 0.35 is usual; lips 0
        are closed. -0.01, the left end, leaves that part alone.

        - **Above**, numbers: the eyes are opened wide, the lips are closed.
        - **Below**, as far as in another picture, whose face is connected to **like**.

        The node also *measures*: its outputs **eyes** and **lips** are those of the portrait.

        Uses the built-in engine; with *Load LivePortrait* in its place LivePortrait's retargeting
        networks do the work.
        """,
    )
    with graph.group("1. Your picture", BLUE):
        model = graph.node("TalkingPortraitsLoadBuiltIn")
        picture = portrait_picture(graph)
        portrait = graph.node("TalkingPortraitsPreparePortrait", model=model, image=picture)
    with graph.group("Whose openings are taken over", BLUE, under=True):
        other = portrait_picture(graph, "Another face")
        faces = graph.node("TalkingPortraitsDetectFaces", image=other)
    with graph.group("2. As numbers", GREEN):
        numbers = graph.node(
            *("TalkingPortraitsRetargetEyesLips",),
            **{"portrait": portrait, "eyes_open_ratio": 0.6, "lip_open_ratio": 0.0},
        )
        measured = graph.node(
            "PreviewAny", title="How far its eyes are open", source=numbers["eyes"]
        )
        measured.height = 120
        first = graph.node(
            "TalkingPortraitsRender", model=model, portrait=portrait, expression=numbers
        )
    with graph.group("2. As another face", GREEN, under=True):
        alike = graph.node("TalkingPortraitsRetargetEyesLips", portrait=portrait, like=faces)
        second = graph.node(
            "TalkingPortraitsRender", model=model, portrait=portrait, expression=alike
        )
    with graph.group("3. Eyes wide open, lips closed", PURPLE):
        graph.node("SaveImage", images=first["frames"], filename_prefix="retargeted")
    with graph.group("3. Eyes and lips of the other face", PURPLE, under=True):
        graph.node("SaveImage", images=second["frames"], filename_prefix="retargeted_alike")
    return graph


def liveportrait_sliders(schemas: Schemas) -> Graph:
    """The editor on a prepared portrait."""
    graph = Graph("05_liveportrait_sliders", "LivePortrait by sliders", schemas)
    read_me(
        graph,
        f"""
        ## LivePortrait by sliders

        {PICTURE} {NO_PICTURE}

        *Prepare Portrait* does once what depends on the picture alone; the *Expression Editor* then
        answers each move of a slider by itself.

        The editor gives an **expression**, not only a picture: the same one goes into *Render*,
        also on top of motion, and into other editors, which add theirs to it. Here a second editor
        adds a wink to the first one's smile.

        {LIVEPORTRAIT} To try the graph without them, put *Load Built-in Engine* in the place of
        *Load LivePortrait*.

        For animals, set **species** of the loader.
        """,
    )
    with graph.group("1. Model and portrait", BLUE):
        model = graph.node("TalkingPortraitsLoadLivePortrait")
        picture = portrait_picture(graph)
        portrait = graph.node("TalkingPortraitsPreparePortrait", model=model, image=picture)
    with graph.group("2. A smile", GREEN):
        smile = graph.node(
            *("TalkingPortraitsExpressionEditor",),
            **{"model": model, "portrait": portrait, "smile": 0.9, "rotate_yaw": -8.0},
            title="First editor",
        )
    with graph.group("3. A wink on top", GREEN):
        wink = graph.node(
            *("TalkingPortraitsExpressionEditor",),
            **{"model": model, "portrait": portrait, "expression": smile, "wink": 24.0},
            title="Second editor",
        )
    with graph.group("4. The result", PURPLE):
        frames = graph.node(
            "TalkingPortraitsRender", model=model, portrait=portrait, expression=wink["expression"]
        )
        graph.node("SaveImage", images=frames["frames"], filename_prefix="liveportrait")
        graph.node("MaskPreview", title="What was touched", mask=frames["mask"])
    return graph
