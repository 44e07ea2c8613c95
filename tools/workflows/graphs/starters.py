"""Graphs of one or two nodes of ours."""

from __future__ import annotations

from ..graph import BLUE, GREEN, PURPLE, Graph
from ..schemas import Schemas
from .parts import NO_FILE, NO_PICTURE, NO_SOUND, PICTURE, portrait_picture, read_me

CHECKPOINT = "v1-5-pruned-emaonly-fp16.safetensors"
CHECKPOINT_AT = (
    "https://huggingface.co/Comfy-Org/stable-diffusion-v1-5-archive/resolve/main/" + CHECKPOINT
)


def talking_portrait(schemas: Schemas) -> Graph:
    """A picture, a sound, a node."""
    graph = Graph("01_talking_portrait", "A portrait that speaks", schemas)
    read_me(
        graph,
        f"""
        ## A portrait that speaks

        1. Choose a picture with a face and a sound with speech. {NO_FILE} (`example.png` has no
        face, and `voice.flac` is not there before that.)
        2. The sound may be of any language: mp3, wav, flac or the like.
        3. Press **Run**. The video appears in the node and in the output folder.

        **No download is needed**: with nothing at **model** the built-in engine does it, on any
        machine. For SadTalker or LivePortrait connect their load nodes to **model**.

        - **expression_scale**: how far the mouth moves
        - **pose_scale**: how far the head moves
        - **seed**: other chance for head and blinks
        """,
    )
    with graph.group("1. Picture and sound", BLUE):
        picture = portrait_picture(graph)
        sound = graph.node("LoadAudio", title="What it says", audio="voice.flac")
    with graph.group("2. The video", GREEN):
        graph.node("TalkingPortraitsTalkingPortrait", image=picture, audio=sound, wide=420)
    return graph


def drive_by_video(schemas: Schemas) -> Graph:
    """A picture moved by a video, with the built-in engine."""
    graph = Graph("02_drive_by_video", "A portrait moved by a video", schemas)
    read_me(
        graph,
        f"""
        ## A portrait moved by a video

        The face in your picture does what the face in the video does: head, mouth, eyes, brows.

        1. Choose a picture. {PICTURE} {NO_PICTURE}
        2. Choose a driving video with one face: `driving.mp4` stands for yours and
        is not there yet. A few seconds filmed with a phone will do.
        3. Press **Run**. The sound of the driver is kept.

        - **region**: only lips, only eyes, only the head ...
        - **pose**: how far the head follows
        - **sound**: whose sound the result has

        Runs with the built-in engine. With *Load LivePortrait* at **model** the same graph uses
        LivePortrait (graph 06 shows its steps one by one).
        """,
    )
    with graph.group("1. Who is moved, and by whom", BLUE):
        picture = portrait_picture(graph)
        driver = graph.node("LoadVideo", title="The driving video", file="driving.mp4")
    with graph.group("2. The video", GREEN):
        graph.node("TalkingPortraitsDrivePortrait", portrait=picture, driving=driver, wide=420)
    return graph


def text_to_talking_portrait(schemas: Schemas) -> Graph:
    """A painted portrait that speaks."""
    graph = Graph("09_text_to_talking_portrait", "From words to a talking portrait", schemas)
    read_me(
        graph,
        f"""
        ## From words to a talking portrait

        Stable Diffusion paints a portrait, the built-in engine makes it speak. **No file lies
        between them**: the picture goes from the VAE straight into the portrait, on the device
        where it was made.

        1. Choose a checkpoint, any of yours.
        2. Choose a sound. {NO_SOUND}
        3. Press **Run**. Another **seed** paints another person; with a fixed one only what you
        change later is made anew.

        Ask for *a face that looks at the camera*: it should be large, upright and whole. In several
        pictures (**batch_size**) each one speaks.
        """,
    )
    with graph.group("1. Paint a portrait", BLUE):
        loaded = graph.node(
            *("CheckpointLoaderSimple",),
            ckpt_name=CHECKPOINT,
            properties={
                "models": [{"name": CHECKPOINT, "url": CHECKPOINT_AT, "directory": "checkpoints"}]
            },
        )
        empty = graph.node("EmptyLatentImage", width=512, height=512)
        graph.column()
        wanted = graph.node(
            *("CLIPTextEncode",),
            title="What to paint",
            clip=loaded,
            text="portrait photo of a friendly old sailor, head and shoulders, facing the camera, "
            "closed mouth, soft daylight, plain background, sharp focus",
            wide=380,
        )
        unwanted = graph.node(
            *("CLIPTextEncode",),
            title="What to avoid",
            clip=loaded,
            text="profile, hands, open mouth, hat over the eyes, text, blurred, cropped",
        )
        graph.column()
        sampled = graph.node(
            *("KSampler",),
            **{"model": loaded, "positive": wanted, "negative": unwanted, "latent_image": empty},
            **{"seed": 20, "steps": 25, "cfg": 7.0},
            **{"sampler_name": "dpmpp_2m", "scheduler": "karras"},
        )
        painted = graph.node("VAEDecode", samples=sampled, vae=loaded)
    with graph.group("2. The portrait", PURPLE):
        graph.node("PreviewImage", images=painted)
        sound = graph.node("LoadAudio", title="What it says", audio="voice.flac")
    with graph.group("3. The video", GREEN):
        graph.node("TalkingPortraitsTalkingPortrait", image=painted, audio=sound, wide=400)
    return graph


def hour_long_speech(schemas: Schemas) -> Graph:
    """Sound that is never in memory as a whole."""
    graph = Graph("10_hour_long_speech", "An hour of speech", schemas)
    read_me(
        graph,
        f"""
        ## An hour of speech

        A lecture, an audio book, a podcast: **memory stays the same however long it is.**

        Choose your files: `voice.flac` stands for the sound, that of a video does as well.
        {PICTURE} {NO_FILE}

        - *Load Sound* keeps the sound in its file and reads it while it is needed. (ComfyUI's own
        *Load Audio* holds all of it in memory; for an hour that is over a gigabyte.)
        - *Render Talking Video* makes the motion from it and writes frame after frame into the
        video file. No frames pass between nodes.

        Progress and a preview show in the node; **interrupt** stops within a moment and leaves no
        broken file behind.

        A video of hours is smaller with a higher **crf** (18 is nearly lossless, 26 is small).
        """,
    )
    with graph.group("1. Picture and sound", BLUE):
        model = graph.node("TalkingPortraitsLoadBuiltIn")
        picture = portrait_picture(graph)
        sound = graph.node(
            "TalkingPortraitsLoadSound", title="A sound of any length", audio="voice.flac"
        )
        length = graph.node("PreviewAny", title="Its length in seconds", source=sound["seconds"])
        length.height = 120
    with graph.group("2. The portrait", GREEN):
        portrait = graph.node("TalkingPortraitsPreparePortrait", model=model, image=picture)
    with graph.group("3. The video, written while it is made", PURPLE):
        graph.node(
            *("TalkingPortraitsRenderVideo",),
            **{"model": model, "portrait": portrait, "audio": sound["sound"]},
            **{"filename_prefix": "video/lecture", "crf": 22},
            wide=420,
        )
    return graph
