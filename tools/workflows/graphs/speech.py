"""Graphs of speech: SadTalker's parts, LivePortrait that speaks, two people."""

from __future__ import annotations

from ..graph import BLUE, BROWN, GREEN, MUTED, PURPLE, Graph, Node
from ..schemas import Schemas
from .parts import (
    LIVEPORTRAIT,
    NO_FILE,
    NO_SOUND,
    PICTURE,
    SADTALKER,
    portrait_picture,
    read_me,
    save_frames,
)


def sadtalker_step_by_step(schemas: Schemas) -> Graph:
    """Every network of SadTalker as a node."""
    graph = Graph("04_sadtalker_step_by_step", "SadTalker step by step", schemas)
    read_me(
        graph,
        f"""
        ## SadTalker step by step

        {PICTURE} {NO_FILE}

        Each of its networks is a node, so that each can be left out, changed or replaced:

        1. **ExpNet**: sound becomes the expression of a 3D face, with blinks from *Blink*.
        2. **PoseVAE**: sound becomes the motion of the head, in one of 46 styles.
        3. *Combine Motion*: expression of one, head of the other.
        4. **MappingNet**: both become keypoints. Own turns of the head go here as well:
        **yaw** `0:0, 2:15, 4:0`.
        5. **Render Keypoints**: the moved face, for any image node.
        6. *Paste Back*: into the whole picture.

        The node *Talking Portrait (lip sync)* with *Load SadTalker* at **model** does all of it at
        once.

        {SADTALKER}
        """,
    )
    with graph.group("1. Model, picture, sound", BLUE):
        model = graph.node("TalkingPortraitsLoadSadTalker")
        picture = portrait_picture(graph)
        sound = graph.node("LoadAudio", title="What it says", audio="voice.flac")
    with graph.group("2. The face", BLUE):
        faces = graph.node("TalkingPortraitsDetectFaces", image=picture)
        chosen = graph.node("TalkingPortraitsChooseFace", faces=faces["faces"])
        portrait = graph.node(
            "TalkingPortraitsPreparePortrait", model=model, image=picture, faces=chosen
        )
    heard = {"model": model, "portrait": portrait, "audio": sound}
    with graph.group("3. Sound to motion", GREEN):
        blink = graph.node("TalkingPortraitsBlink", audio=sound, seed=3)
        expression = graph.node("TalkingPortraitsExpNetExpression", **heard, blink=blink)
        head = graph.node("TalkingPortraitsPoseVaeHeadPose", **heard, pose_style=12, seed=3)
    with graph.group("4. Motion to keypoints", GREEN):
        motion = graph.node("TalkingPortraitsCombineMotion", base=expression, head=head)
        keypoints = graph.node(
            *("TalkingPortraitsMappingNetKeypoints",),
            **{"model": model, "portrait": portrait, "motion": motion},
        )
    with graph.group("5. Render and paste back", BROWN):
        rendered = graph.node(
            "TalkingPortraitsRenderKeypoints", model=model, portrait=portrait, keypoints=keypoints
        )
        pasted = graph.node("TalkingPortraitsPasteBack", portrait=portrait, faces=rendered["faces"])
    with graph.group("6. The video", PURPLE):
        video = graph.node("CreateVideo", images=pasted["frames"], fps=rendered["fps"], audio=sound)
        graph.node("SaveVideo", video=video, filename_prefix="video/sadtalker")
    graph.row()
    with graph.group("Instead: head and blinks of a video (muted)", BROWN):
        graph.note(
            "How to use it",
            "Unmute both nodes (Ctrl+M). Then connect **pose** to *head* of Combine Motion and "
            "**blink** to *blink* of ExpNet.",
            width=300,
        )
        graph.column()
        other = graph.node(
            "LoadVideo", title="Whose head and blinks", file="driving.mp4", running=MUTED
        )
        graph.column()
        graph.node(
            *("TalkingPortraitsReferencePoseAndBlink",),
            **{"model": model, "portrait": portrait, "video": other},
            running=MUTED,
        )
    return graph


def liveportrait_speech(schemas: Schemas) -> Graph:
    """Sound to LivePortrait, over the built-in engine's motion."""
    graph = Graph("07_liveportrait_speech", "LivePortrait that speaks", schemas)
    read_me(
        graph,
        f"""
        ## LivePortrait moved by sound

        {PICTURE} {NO_FILE}

        LivePortrait itself knows no sound. Here *Speech to Motion* listens, and *Convert Motion*
        says the same in LivePortrait's terms: mouth, blinks, gaze, brows and head. No clip of a
        speaker is needed.

        - *Gain Motion*: more mouth, less head, to taste.
        - **note** of *Convert Motion* says what the other engine has no counterpart for.
        - An *Expression* on top makes the speaker friendly all the time.

        {LIVEPORTRAIT} With *Load Built-in Engine*, and Convert Motion left out, the graph runs
        without them.
        """,
    )
    with graph.group("1. Model, picture, sound", BLUE):
        model = graph.node("TalkingPortraitsLoadLivePortrait")
        picture = portrait_picture(graph)
        sound = graph.node("LoadAudio", title="What it says", audio="voice.flac")
    with graph.group("2. Portrait", BLUE):
        portrait = graph.node("TalkingPortraitsPreparePortrait", model=model, image=picture)
    with graph.group("3. Sound to motion", GREEN):
        speech = graph.node("TalkingPortraitsSpeechMotion", audio=sound, seed=1)
    with graph.group("4. In LivePortrait's terms", GREEN):
        stronger = graph.node("TalkingPortraitsGainMotion", motion=speech, mouth=1.1, head=0.8)
        motion = graph.node(
            "TalkingPortraitsConvertMotion", motion=stronger, to="LivePortrait", portrait=portrait
        )
        graph.node("PreviewAny", title="What could not be said", source=motion["note"])
    with graph.group("5. A friendly look on top", BROWN):
        smile = graph.node(
            "TalkingPortraitsExpressionKeyframes", smile="0.4", eyebrow="0:0, 0.8:8, 2:2", wide=330
        )
    with graph.group("6. The video", PURPLE):
        frames = graph.node(
            *("TalkingPortraitsRender",),
            **{"model": model, "portrait": portrait, "motion": motion, "expression": smile},
        )
        save_frames(graph, frames, sound, "liveportrait_speech")
    return graph


def two_people(schemas: Schemas) -> Graph:
    """One asks, the other answers."""
    graph = Graph("08_two_people", "Two people talk", schemas)
    read_me(
        graph,
        f"""
        ## Two people talk

        One picture with two faces, two sounds: the left one speaks, then the right one answers.
        Who does not speak listens: blinks, breathes, looks around.

        1. Choose a picture with two people; `people.png` stands for yours.
        2. Choose what the left one says, and what the right one answers:
        `voice.flac` and `second.flac` stand for them. {NO_SOUND}
        3. Press **Run**.

        How it is done: from each sound silence of the same length is made (a sound minus itself),
        so that each person has a track as long as the whole talk. Both are rendered alone and laid
        together where the right one's mask is.

        For two who talk at once connect both sounds straight to *Speech to Motion*.
        """,
    )
    with graph.group("1. The people", BLUE):
        model = graph.node("TalkingPortraitsLoadBuiltIn")
        picture = graph.node("LoadImage", title="Two people", image="people.png")
        faces = graph.node("TalkingPortraitsDetectFaces", image=picture)
    with graph.group("What they say", BLUE, under=True):
        first = graph.node("LoadAudio", title="The left one says", audio="voice.flac")
        second = graph.node("LoadAudio", title="The right one answers", audio="second.flac")
    with graph.group("2. Who is who", GREEN):
        left, right = (_person(graph, side, model, picture, faces) for side in ("left", "right"))
    with graph.group("3. Who speaks when", BROWN):
        pause_after = _silence(graph, second, "Silence as long as the answer")
        first_track = graph.node(
            "AudioConcat", title="The left one's track", audio1=first, audio2=pause_after
        )
        pause_before = _silence(graph, first, "Silence as long as the question")
        second_track = graph.node(
            "AudioConcat", title="The right one's track", audio1=pause_before, audio2=second
        )
        whole = graph.node("AudioConcat", title="Both, for the video", audio1=first, audio2=second)
    with graph.group("4. The left one moves", GREEN):
        left_frames = _moved(graph, model, left, first_track, 1)
    with graph.group("5. The right one moves", GREEN):
        right_frames = _moved(graph, model, right, second_track, 2)
    with graph.group("6. Together", PURPLE):
        both = graph.node(
            *("TalkingPortraitsCombineFaces",),
            frames_a=left_frames["frames"],
            frames_b=right_frames["frames"],
            mask_b=right_frames["mask"],
            mask_a=left_frames["mask"],
        )
        video = graph.node(
            "CreateVideo", images=both["frames"], fps=left_frames["fps"], audio=whole
        )
        graph.node("SaveVideo", video=video, filename_prefix="video/two_people")
    return graph


def _person(graph: Graph, side: str, model: Node, picture: Node, faces: Node) -> Node:
    chosen = graph.node(
        "TalkingPortraitsChooseFace", title=f"The {side} face", faces=faces["faces"], by=side
    )
    return graph.node("TalkingPortraitsPreparePortrait", model=model, image=picture, faces=chosen)


def _silence(graph: Graph, sound: Node, title: str) -> Node:
    return graph.node(
        "AudioMerge", title=title, audio1=sound, audio2=sound, merge_method="subtract"
    )


def _moved(graph: Graph, model: Node, portrait: Node, track: Node, seed: int) -> Node:
    motion = graph.node("TalkingPortraitsSpeechMotion", audio=track, seed=seed)
    return graph.node(
        "TalkingPortraitsRender", model=model, portrait=portrait, motion=motion["motion"]
    )
