"""Graphs that work on motion itself."""

from __future__ import annotations

from ..graph import BLUE, BROWN, GREEN, PURPLE, Graph
from ..schemas import Schemas
from .parts import NO_FILE, NO_PICTURE, PICTURE, portrait_picture, read_me, save_frames


def motion_lab(schemas: Schemas) -> Graph:
    """Combine, gain, blend, smooth, plot."""
    graph = Graph("14_motion_lab", "A laboratory for motion", schemas)
    read_me(
        graph,
        f"""
        ## A laboratory for motion

        {PICTURE} {NO_FILE} `driving.mp4` stands for a video of yours: a few seconds filmed with a
        phone will do.

        Motion is data that can be mixed before anything is rendered:

        - **Speech** moves the mouth.
        - **A video** gives its head, calmed by *Smooth Motion*.
        - *Combine Motion* takes the head of one and all else of the other.
        - *Gain Motion*: a larger mouth, a smaller head.
        - *Blend Motion*: in the last seconds the eyes become those of an idle face.
        - *Keyframe Motion* adds a glance aside at the time that you write.

        *Plot Motion* draws the result over what the speech alone would do: look there before you
        spend time on rendering. It runs by itself, without the nodes at its right.
        """,
    )
    with graph.group("1. Model, picture", BLUE):
        model = graph.node("TalkingPortraitsLoadBuiltIn")
        picture = portrait_picture(graph)
        sound = graph.node("LoadAudio", title="Whose mouth", audio="voice.flac")
        clip = graph.node("LoadVideo", title="Whose head", file="driving.mp4")
    with graph.group("2. Motion", GREEN):
        speech = graph.node("TalkingPortraitsSpeechMotion", audio=sound, seed=4)
        idle = graph.node("TalkingPortraitsIdleMotion", seconds=10.0, seed=5, gaze=1.5)
    with graph.group("Head of a video", GREEN):
        driver = graph.node("TalkingPortraitsMotionFromVideo", model=model, video=clip)
        calm = graph.node("TalkingPortraitsSmoothMotion", motion=driver, seconds=0.2, region="head")
        looped = graph.node("TalkingPortraitsLoopMotion", motion=calm, seconds=10.0, ease=0.5)
    with graph.group("3. The mix", BROWN):
        mixed = graph.node("TalkingPortraitsCombineMotion", base=speech, head=looped)
        scaled = graph.node("TalkingPortraitsGainMotion", motion=mixed, mouth=1.2, head=0.7)
        blended = graph.node(
            *("TalkingPortraitsBlendMotion",),
            **{"motion_a": scaled, "motion_b": idle, "region": "eyes", "weight": 1.0},
            weight_over_time="0:0, 6:0, 7:1",
        )
    with graph.group("A glance on top", BROWN):
        glance = graph.node(
            *("TalkingPortraitsKeyframeMotion",),
            **{"motion": blended, "mode": "add"},
            **{"gaze_x": "0:0, 2:0, 2.2:0.05, 3:0.05, 3.2:0", "yaw": "0:0, 2:0, 2.5:5, 3.5:0"},
            wide=340,
        )
    with graph.group("4. What it looks like as curves", PURPLE):
        graph.node("TalkingPortraitsPlotMotion", motion=glance, compare=speech, wide=380)
        measured = graph.node("TalkingPortraitsFaceMetrics", motion=glance)
        graph.node("PreviewAny", title="Blinks, trembling, mouth", source=measured["text"])
    with graph.group("5. The video", PURPLE):
        portrait = graph.node("TalkingPortraitsPreparePortrait", model=model, image=picture)
        frames = graph.node("TalkingPortraitsRender", model=model, portrait=portrait, motion=glance)
        graph.column()
        save_frames(graph, frames, sound, "motion_lab")
    return graph


def motion_files(schemas: Schemas) -> Graph:
    """Motion kept, changed in time, and used again."""
    graph = Graph("17_motion_files", "Motion as files", schemas)
    read_me(
        graph,
        f"""
        ## Motion as files

        {PICTURE} {NO_PICTURE} `driving.mp4` stands for a video of yours: a few seconds filmed with
        a phone will do.

        Read a driver once, keep its motion, use it on every portrait.

        1. *Save Motion* writes a file into `output/motions`: safetensors, or LivePortrait's own
        `.pkl` for its other tools.
        2. *Load Motion* reads it: here the one that was just written, else one that you choose.
        LivePortrait's templates are read too, by a reader that runs no code out of them.
        3. In time: *Retime* (faster, slower, other rates), *Offset* (later, earlier), *Loop*, and
        *Join* one after the other, with a soft passage.
        4. A start by hand: *Keyframe Motion* makes motion out of numbers alone.
        """,
    )
    with graph.group("1. A driver, read once and kept", BLUE):
        model = graph.node("TalkingPortraitsLoadBuiltIn")
        clip = graph.node("LoadVideo", title="The driver", file="driving.mp4")
        driver = graph.node("TalkingPortraitsMotionFromVideo", model=model, video=clip)
        saved = graph.node(
            "TalkingPortraitsSaveMotion", motion=driver, filename_prefix="motions/driver"
        )
    with graph.group("2. Read again", GREEN):
        loaded = graph.node("TalkingPortraitsLoadMotion", path=saved["file"])
        slower = graph.node("TalkingPortraitsRetimeMotion", motion=loaded, speed=0.8)
        later = graph.node(
            "TalkingPortraitsOffsetMotion",
            title="Mouth a little later",
            motion=slower,
            seconds=0.08,
            region="mouth",
        )
        looped = graph.node("TalkingPortraitsLoopMotion", motion=later, seconds=6.0)
    with graph.group("3. A nod by hand, before it", BROWN):
        nod = graph.node(
            *("TalkingPortraitsKeyframeMotion",),
            **{"pitch": "0:0, 0.4:8, 0.8:0, 1.2:8, 1.6:0", "seconds": 2.0},
            **{"smile": "0:0, 0.6:0.05, 2:0.02", "blink": "0:0, 1:0, 1.1:1, 1.25:0"},
            wide=340,
        )
    with graph.group("4. The video", PURPLE):
        joined = graph.node("TalkingPortraitsJoinMotions", motion_1=nod, motion_2=looped, ease=0.4)
        picture = portrait_picture(graph)
        portrait = graph.node("TalkingPortraitsPreparePortrait", model=model, image=picture)
        graph.column()
        frames = graph.node(
            "TalkingPortraitsRender", model=model, portrait=portrait, motion=joined["motion"]
        )
        save_frames(graph, frames, None, "motion_file")
    return graph
