"""Graphs of driving videos and of videos that are edited."""

from __future__ import annotations

from ..graph import BLUE, BROWN, BYPASSED, GREEN, PURPLE, Graph
from ..schemas import Schemas
from .parts import LIVEPORTRAIT, NO_PICTURE, NO_SOUND, PICTURE, portrait_picture, read_me


def liveportrait_drive(schemas: Schemas) -> Graph:
    """LivePortrait's steps one by one."""
    graph = Graph("06_liveportrait_drive", "LivePortrait moved by a video", schemas)
    read_me(
        graph,
        f"""
        ## LivePortrait, step by step

        {PICTURE} {NO_PICTURE} `driving.mp4` stands for a video of yours: a few seconds filmed with
        a phone will do.

        1. *Prepare Portrait*: crop, features and keypoints of your picture, once.
        2. *Motion from Video*: what the driver does, frame by frame.
        3. *LivePortrait Keypoints*: both in one, stitched to the shoulders. Here is the control:
        regions, strengths of eyes, lips and head, retargeting.
        4. *Render Keypoints*: the moved face, 512 pixels square. **Image nodes can work on it
        here**: an upscaler, a restorer, a colour match.
        5. *Paste Back*: into the whole picture.

        If no step of it matters to you, *Render* does 3 to 5 in one node.

        {LIVEPORTRAIT}
        """,
    )
    with graph.group("1. Model, picture, driver", BLUE):
        model = graph.node("TalkingPortraitsLoadLivePortrait")
        picture = portrait_picture(graph)
        driver = graph.node("LoadVideo", title="The driving video", file="driving.mp4")
    with graph.group("2. Prepare and read", GREEN):
        portrait = graph.node("TalkingPortraitsPreparePortrait", model=model, image=picture)
        motion = graph.node("TalkingPortraitsMotionFromVideo", model=model, video=driver)
    with graph.group("3. Where the face goes", GREEN):
        keypoints = graph.node(
            *("TalkingPortraitsLivePortraitKeypoints",),
            **{"model": model, "portrait": portrait, "motion": motion, "fps": 25.0},
        )
        parts = graph.node("GetVideoComponents", title="The driver's sound", video=driver)
    with graph.group("4. Render and paste back", BROWN):
        faces = graph.node(
            "TalkingPortraitsRenderKeypoints", model=model, portrait=portrait, keypoints=keypoints
        )
        pasted = graph.node("TalkingPortraitsPasteBack", portrait=portrait, faces=faces["faces"])
        seam = graph.node(
            *("TalkingPortraitsMatchSeam",),
            **{"changed": pasted["frames"], "original": picture, "mask": pasted["mask"]},
        )
    with graph.group("5. The video", PURPLE):
        video = graph.node("CreateVideo", images=seam, fps=faces["fps"], audio=parts["audio"])
        graph.node("SaveVideo", video=video, filename_prefix="video/liveportrait")
    with graph.group("How visible is the border?", PURPLE):
        measured = graph.node("TalkingPortraitsFaceMetrics", images=seam, portrait=portrait)
        graph.node("PreviewAny", title="Seam, in levels of 255", source=measured["seam"])
        graph.node("TalkingPortraitsContactSheet", images=seam)
    return graph


def edit_a_video(schemas: Schemas) -> Graph:
    """Another expression, and other words, in a video."""
    graph = Graph("13_edit_a_video", "Another expression in a video", schemas)
    read_me(
        graph,
        f"""
        ## Another expression in a video

        *Prepare Video* finds the face in every frame and keeps no frame in memory. Choose a video
        of a person: `clip.mp4` stands for yours; a few seconds filmed with a phone will do.
        {NO_SOUND}

        - *With a smile*: a friendlier look. The person keeps moving as filmed, with a smile and
        raised brows on top, that come and go with keyframes. The video keeps its sound.
        - *With other words*: the mouth says another sound, **region** lip leaves head and eyes
        as they were filmed.

        Runs with the built-in engine; LivePortrait in its place works as well.
        """,
    )
    with graph.group("1. The video", BLUE):
        model = graph.node("TalkingPortraitsLoadBuiltIn")
        clip = graph.node("LoadVideo", title="A video of a person", file="clip.mp4")
    with graph.group("Other words", BLUE, under=True):
        sound = graph.node("LoadAudio", title="What to say instead", audio="voice.flac")
    with graph.group("2. Prepare it", GREEN):
        portrait = graph.node("TalkingPortraitsPrepareVideo", model=model, video=clip)
    with graph.group("3. What is to change", BROWN):
        smile = graph.node(
            *("TalkingPortraitsExpressionKeyframes",),
            **{"smile": "0:0, 0.6:0.9, 3:0.9, 3.6:0.2", "eyebrow": "0:0, 0.8:14, 1.6:4"},
            wide=380,
        )
    with graph.group("4. With a smile", PURPLE):
        graph.node(
            *("TalkingPortraitsRenderVideo",),
            **{"model": model, "portrait": portrait, "expression": smile},
            filename_prefix="video/friendlier",
            wide=400,
        )
    with graph.group("5. With other words", PURPLE):
        graph.node(
            *("TalkingPortraitsRenderVideo",),
            **{"model": model, "portrait": portrait, "audio": sound, "region": "lip"},
            filename_prefix="video/other_words",
            wide=400,
        )
    return graph


def face_crop_and_paste(schemas: Schemas) -> Graph:
    """A face worked on by other nodes, and put back."""
    graph = Graph("15_face_crop_and_paste", "A face through other nodes", schemas)
    read_me(
        graph,
        f"""
        ## A face through other nodes

        {PICTURE} {NO_PICTURE}

        A small face in a large picture speaks better when it is large and clear. So:

        1. The picture is enlarged twice, plainly.
        2. The face is found, chosen and cut out as a square.
        3. **Any image node** works on the square. Here an upscale model; a restorer, a detailer or
        image to image does as well.
        4. *Paste Face Crop* puts it back through a soft mask, turned as it was.

        The overlay shows what was found, with the number of each face. *Choose Face* goes by size,
        place, number, point or mask.

        **The two upscale nodes are bypassed**, since they need a model: put any into
        `models/upscale_models`, choose it, select both nodes and press Ctrl+B.
        """,
    )
    with graph.group("1. The picture", BLUE):
        picture = portrait_picture(graph)
        large = graph.node(
            "ImageScaleBy", image=picture, upscale_method="lanczos", scale_by=2.0, title="Enlarged"
        )
    with graph.group("2. The face", GREEN):
        faces = graph.node("TalkingPortraitsDetectFaces", image=large)
        chosen = graph.node("TalkingPortraitsChooseFace", faces=faces["faces"], by="largest")
        graph.node("PreviewImage", title="What was found", images=faces["overlay"])
    with graph.group("3. Cut out and made better", BROWN):
        crop = graph.node("TalkingPortraitsCropFace", image=large, faces=chosen)
        loader = graph.node(
            *("UpscaleModelLoader",),
            model_name="RealESRGAN_x4plus.pth",
            running=BYPASSED,
        )
        better = graph.node(
            *("ImageUpscaleWithModel",),
            **{"upscale_model": loader, "image": crop["crops"]},
            running=BYPASSED,
        )
    with graph.group("4. Put back", PURPLE):
        whole = graph.node(
            *("TalkingPortraitsPasteFace",),
            **{"image": large, "crops": better, "crop_faces": crop["crop faces"]},
            mask=crop["masks"],
        )
        graph.node("SaveImage", images=whole, filename_prefix="face")
    return graph
