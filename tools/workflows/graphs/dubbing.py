"""Graphs of new lips for videos, and of better faces."""

from __future__ import annotations

from ..graph import BLUE, BROWN, GREEN, PURPLE, Graph, Node
from ..schemas import Schemas
from .parts import ENHANCER, NO_FILE, NO_SOUND, RETALKING, portrait_picture, read_me

_CLIP = """`clip.mp4` stands for a video of yours with a face: a few seconds filmed with a phone
will do."""


def _clip(graph: Graph) -> Node:
    return graph.node("LoadVideo", title="A video of a person", file="clip.mp4")


def _report(graph: Graph, node: Node, title: str) -> Node:
    return graph.node("PreviewAny", title=title, source=node["report"])


def dub_a_video(schemas: Schemas) -> Graph:
    """Another sound, new lips."""
    graph = Graph("18_dub_a_video", "Dub a video", schemas)
    read_me(
        graph,
        f"""
        ## Dub a video

        The person in the video says something else: another language, a corrected sentence, words
        from a text-to-speech node. Lips are made anew, **all else stays as it was filmed**.

        1. Choose a video. {_CLIP}
        2. Choose what is to be said. {NO_SOUND}
        3. Press **Run**. The video appears in the node and in the output folder.

        **No download is needed**: with nothing at **lips** the built-in engine does it. For
        sharper lips connect *Load VideoReTalking* or *Load Wav2Lip* (graph 19).

        - **repeat**: what a sound that is longer than the video goes on with
        - **keep_rest**: keep the end of the video when the sound is shorter
        - **who**: which of several people speaks. For a dialogue connect the video that comes out
        to a second *Dub Video* with the next number.

        Frames without the face are left as they are; the report says which.
        """,
    )
    with graph.group("1. The video, and what it says", BLUE):
        clip = _clip(graph)
        sound = graph.node("LoadAudio", title="What is to be said", audio="voice.flac")
    with graph.group("2. The dubbed video", GREEN):
        dubbed = graph.node("TalkingPortraitsRelipVideo", video=clip, audio=sound, wide=420)
    with graph.group("3. At a glance", PURPLE):
        _report(graph, dubbed, "What happened")
        graph.node("TalkingPortraitsContactSheet", video=dubbed["video"])
    return graph


def dub_with_emotion(schemas: Schemas) -> Graph:
    """VideoReTalking with an expression and an emotion."""
    graph = Graph("19_dub_with_emotion", "Dub a video with an emotion", schemas)
    read_me(
        graph,
        f"""
        ## Dub a video with an emotion

        VideoReTalking draws lips by neural networks, and can change the mood with the words.
        {_CLIP} {NO_SOUND}

        - **exp_img**: *neutral* takes the old speech out of the face first; *smile* makes it smile.
        Or connect a picture to **like**, whose expression is taken.
        - **up_face**: eyes and brows become *sad*, *angry* or *surprise*d.
        - **pad_bottom**: more, if the chin is cut off.

        {RETALKING}

        To try the graph without them, take *Load VideoReTalking* and its settings out: the built-in
        engine has a **smile** of its own.
        """,
    )
    with graph.group("1. The video, and what it says", BLUE):
        clip = _clip(graph)
        sound = graph.node("LoadAudio", title="What is to be said", audio="voice.flac")
    with graph.group("2. The networks and the mood", BROWN):
        lips = graph.node("TalkingPortraitsLoadVideoReTalking")
        mood = graph.node(
            "TalkingPortraitsVideoReTalkingSettings", exp_img="smile", up_face="surprise"
        )
    with graph.group("3. The dubbed video", GREEN):
        dubbed = graph.node(
            *("TalkingPortraitsRelipVideo",),
            **{"video": clip, "audio": sound, "lips": lips, "settings": mood},
            filename_prefix="video/dubbed_with_emotion",
            wide=420,
        )
    with graph.group("4. What happened, and may I sell it?", PURPLE):
        _report(graph, dubbed, "What happened")
        terms = graph.node("TalkingPortraitsLicenceReport", model=lips)
        graph.node("PreviewAny", title="Licences", source=terms["text"], tall=260, wide=400)
    return graph


def enhance_after_render(schemas: Schemas) -> Graph:
    """A talking portrait with a restored face."""
    graph = Graph("20_enhance_after_render", "A better face after rendering", schemas)
    read_me(
        graph,
        f"""
        ## A better face after rendering

        Renderers work on small faces; an enhancer puts detail back: teeth, lashes, skin.

        {NO_FILE}

        1. *Talking Portrait* makes a video, as in graph 01; any other node with a video does.
        2. *Enhance Faces in Video* restores the face in it, **calmly from frame to frame**, and
        keeps the sound. Nothing is held in memory as a whole.

        - **enhance_strength**: less, if skin looks like plastic
        - **enhance_region**: *mouth* restores lips and teeth alone
        - **enhance_steady**: more, if something flickers
        - **keep_colour**: off lets the network lighten the skin

        {ENHANCER}
        """,
    )
    with graph.group("1. Picture and sound", BLUE):
        picture = portrait_picture(graph)
        sound = graph.node("LoadAudio", title="What it says", audio="voice.flac")
    with graph.group("2. As it is rendered", GREEN):
        video = graph.node("TalkingPortraitsTalkingPortrait", image=picture, audio=sound, wide=400)
    with graph.group("3. With a better face", PURPLE):
        enhancer = graph.node("TalkingPortraitsLoadEnhancer")
        enhanced = graph.node(
            "TalkingPortraitsEnhanceVideo", enhancer=enhancer, video=video, wide=400
        )
        graph.column()
        _report(graph, enhanced, "What happened")
    return graph


def upscale_a_video(schemas: Schemas) -> Graph:
    """Twice as large, faces and all else."""
    graph = Graph("21_upscale_a_video", "A video twice as large", schemas)
    read_me(
        graph,
        f"""
        ## A video twice as large

        Upscale models draw faces badly, face enhancers draw nothing else. Here each does its part
        in one pass over the video: the **upscale model** enlarges the picture, the **enhancer**
        restores the faces in it. {_CLIP}

        - **upscale**: how many times larger, 1 to 4
        - Without *Load Upscale Model* the picture is enlarged plainly (Lanczos); take it out to
        save time.

        Put an upscale model such as `RealESRGAN_x2plus.pth` into `models/upscale_models`.

        {ENHANCER}

        Below, the same for a single picture: **is_video** is off.
        """,
    )
    with graph.group("1. The networks", BLUE):
        enhancer = graph.node("TalkingPortraitsLoadEnhancer")
        upscaler = graph.node("UpscaleModelLoader", model_name="RealESRGAN_x2plus.pth")
    with graph.group("2. The video", GREEN):
        clip = _clip(graph)
    with graph.group("Or a picture", GREEN, under=True):
        picture = portrait_picture(graph, "A picture")
    both = {"enhancer": enhancer, "upscale_model": upscaler, "upscale": 2.0}
    with graph.group("3. Twice as large", PURPLE):
        graph.node(
            *("TalkingPortraitsEnhanceVideo",),
            **{**both, "video": clip, "filename_prefix": "video/upscaled"},
            wide=400,
        )
    with graph.group("The picture twice as large", PURPLE, under=True):
        large = graph.node(
            "TalkingPortraitsEnhanceFrames", **{**both, "images": picture, "is_video": False}
        )
        graph.node("SaveImage", images=large["images"], filename_prefix="upscaled")
    return graph


def wav2lip_measured(schemas: Schemas) -> Graph:
    """Frames through several nodes, and a number for the result."""
    graph = Graph("22_wav2lip_measured", "Wav2Lip, sharpened and measured", schemas)
    read_me(
        graph,
        f"""
        ## Wav2Lip, sharpened and measured

        The same job as frames, so that other nodes can work on them. {_CLIP} {NO_SOUND}

        1. *Dub Frames* with Wav2Lip: lips close to the sound, but soft.
        2. *Enhance Faces in Images*, region **mouth**: lips and teeth made sharp, the rest of the
        face left alone.
        3. *Lip Sync Measure*: **LSE-D** (less is better) and **LSE-C** (more is better) say how
        well lips and sound fit, **offset** by how many frames they are apart.

        Frames are held in memory: for more than a minute take *Dub Video* and *Enhance Faces in
        Video*. Without *Load Wav2Lip* and its settings the built-in engine makes the lips.

        **Wav2Lip's file** (wav2lip_gan.pth) and **SyncNet's** (syncnet_v2.model) go into
        `models/talking_portraits`; graph 16 says where to get them. Wav2Lip's authors forbid
        commercial use of the results.
        """,
    )
    with graph.group("1. The video, and what it says", BLUE):
        clip = _clip(graph)
        sound = graph.node("LoadAudio", title="What is to be said", audio="voice.flac")
    with graph.group("2. The networks", BROWN):
        lips = graph.node("TalkingPortraitsLoadWav2Lip")
        settings = graph.node("TalkingPortraitsWav2LipSettings")
        enhancer = graph.node("TalkingPortraitsLoadEnhancer")
    with graph.group("3. New lips", GREEN):
        dubbed = graph.node(
            *("TalkingPortraitsRelipFrames",),
            **{"video": clip, "audio": sound, "lips": lips, "settings": settings},
        )
    with graph.group("4. Made sharp", GREEN):
        sharp = graph.node(
            *("TalkingPortraitsEnhanceFrames",),
            **{"enhancer": enhancer, "images": dubbed["frames"], "enhance_region": "mouth"},
        )
    with graph.group("5. The video", PURPLE):
        video = graph.node(
            "CreateVideo", images=sharp["images"], fps=dubbed["fps"], audio=dubbed["audio"]
        )
        graph.node("SaveVideo", video=video, filename_prefix="video/wav2lip")
    with graph.group("How well do lips and sound fit?", PURPLE):
        measured = graph.node("TalkingPortraitsLipSync", video=video)
        graph.node("PreviewAny", title="LSE-D", source=measured["LSE-D"])
    return graph
