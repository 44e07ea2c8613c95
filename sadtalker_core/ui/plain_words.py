"""What the page calls options and their values, where the command line's words say little."""

from __future__ import annotations

# All others are called by their names, written out.
LABELS = {
    "aaa": "Open the mouth",
    "audio_bitrate": "Sound bit rate",
    "audio_offset_ms": "Shift of the lips against the sound",
    "blend": "How the face is put back",
    "blink_every": "Blink every",
    "box": "Place of the face",
    "chunk": "Frames at once",
    "closure": "Firmness of closed lips",
    "crf": "Quality (crf)",
    "crop": "Part that is searched",
    "crop_rotate": "Turn the cut upright",
    "crop_scale": "Room around the face",
    "crop_x": "Shift of the cut sideways",
    "crop_y": "Shift of the cut downward",
    "detection_threshold": "How sure a face must be",
    "do_crop": "Cut the face out",
    "driver_face": "Face of the driver",
    "duration_s": "Length (s)",
    "eee": "Spread the lips",
    "enhance": "Restore the faces",
    "enhance_batch": "Faces at once",
    "enhance_faces": "Whose face",
    "enhance_region": "What is restored",
    "enhance_steady": "Steadiness",
    "enhance_strength": "Strength",
    "enhance_way": "How faces are restored",
    "enhancer": "Network",
    "exp_img": "Expression",
    "expression_scale": "Mouth movement",
    "eyebrow": "Brows",
    "eyes_open_ratio": "Eye opening",
    "face_index": "Face number",
    "face_point": "Face at a point",
    "face_search": "Search for faces",
    "face_select": "Which face",
    "finder": "Face finder",
    "fps": "Frames per second",
    "frame": "What the video shows",
    "idle": "Length without sound",
    "keep_colour": "Keep the skin's colour",
    "keep_rest": "Keep the rest of the video",
    "landmark_smoothing": "Steadiness of the face",
    "landmarks": "Face finder",
    "lip_open_ratio": "Lip opening",
    "model": "Network",
    "mouth_enhancer": "Teeth and lips restored by",
    "mov_x": "Move sideways",
    "mov_y": "Move up or down",
    "mov_z": "Size of the head",
    "one_shot": "Reference from the first frame",
    "own_teeth": "The speaker's own teeth",
    "pad_bottom": "Room below the face",
    "pad_left": "Room to the left",
    "pad_right": "Room to the right",
    "pad_top": "Room above the face",
    "pasteback": "Put the face back into the picture",
    "pitch": "Nod",
    "pose_scale": "Head movement",
    "pose_style": "Style of head movement",
    "preprocess": "What the video shows",
    "presence_threshold": "How sure its features must be",
    "preset": "Speed of the encoder",
    "pupil_x": "Look sideways",
    "pupil_y": "Look up or down",
    "reference_enhancer": "Reference sharpened by",
    "region": "What moves",
    "repeat": "When the speech is longer",
    "roll": "Lean",
    "rotate_pitch": "Nod",
    "rotate_roll": "Lean",
    "rotate_yaw": "Turn",
    "seconds": "Length",
    "smoothing": "How the face's place is steadied",
    "speech_gate": "Ignore music and noise",
    "static": "Hold the first frame",
    "still": "Keep the head still",
    "total_s": "Made in (s)",
    "up_face": "Emotion of eyes and brows",
    "upscale": "Enlarge",
    "upscaler": "What enlarges the rest",
    "who": "Faces that move",
    "without_rl1": "Keep the filmed upper face",
    "woo": "Round the lips",
    "yaw": "Turn",
}
# Words that mean something else in one kind of job: label and help.
OWN_WORDS = {
    ("relip", "who"): (
        "Who speaks",
        "The number of the face that speaks in the first frame that shows so many, 0 is the "
        'largest. Empty: the one that "Which face" says.',
    ),
    ("relip", "paste"): ("What is put back", "What of the painted face goes into the frame."),
}
OWN_CHOICES = {
    ("relip", "paste"): {
        "soft": "the lower face, with a soft edge",
        "hard": "the whole box, as the original",
    },
}
# Texts that may name a file on the command line; here only what has a name of its own.
NAMED = {
    "exp_img": ("neutral", "smile"),
    "upscaler": ("", "realesrgan-x2", "realesrgan-x4"),
}
USUAL_CHOICES = {"auto": "automatic"}
CHOICES = {
    "blend": {"region": "around the face alone", "original": "as the original, all made soft"},
    "enhance_faces": {"all": "all, up to 8", "largest": "the largest alone"},
    "enhance_region": {"face": "the face", "mouth": "the mouth alone"},
    "enhance_way": {"steady": "calm in videos", "original": "as the original, each by itself"},
    "enhancer": {
        "gfpgan-1.4": "GFPGAN 1.4",
        "gfpgan-1.3": "GFPGAN 1.3",
        "gfpgan-1.2": "GFPGAN 1.2",
        "gpen-512": "GPEN 512",
        "codeformer": "CodeFormer",
        "restoreformer": "RestoreFormer",
    },
    "exp_img": {"neutral": "neutral", "smile": "a smile"},
    "face_search": {"fast": "quick, one look", "thorough": "thorough"},
    "face_select": {
        "largest": "the largest",
        "left": "the leftmost",
        "right": "the rightmost",
        "center": "the one in the middle",
        "best": "the surest",
    },
    "finder": {"tracker": "our own, quick", "original": "the original's, slow"},
    "format": {
        "auto": "automatic (MP4)",
        "mp4": "MP4 (H.264)",
        "webm": "WebM",
        "lossless": "MKV without loss",
        "png": "a folder of pictures",
    },
    "frame": {
        "full": "the whole picture",
        "crop": "head and shoulders",
        "resize": "the whole picture, resized",
    },
    "model": {"gan": "clearer", "exact": "closer to the sound"},
    "mouth_enhancer": {"gfpgan": "GFPGAN", "none": "nothing"},
    "neutral": {"auto": "found among all frames", "first": "its first frame"},
    "region": {
        "all": "everything",
        "exp": "the expression",
        "pose": "the head alone",
        "lip": "the lips",
        "eyes": "the eyes",
    },
    "preprocess": {
        "crop": "the face",
        "extcrop": "the face with more around it",
        "resize": "the whole picture as a square",
        "full": "the whole picture",
        "extfull": "the whole picture, more of it moved",
    },
    "reference_enhancer": {"gpen": "GPEN", "none": "nothing"},
    "repeat": {
        "ping-pong": "backward and forward",
        "loop": "from the start again",
        "hold": "hold the last frame",
        "trim": "cut the speech",
    },
    "smoothing": {
        "steady": "around each frame",
        "original": "over the frames that follow",
        "none": "not at all",
    },
    "sound": {"driving": "the driver's", "portrait": "the portrait's video's", "none": "none"},
    "up_face": {"original": "as filmed"},
    "upscaler": {
        "": "no network (Lanczos)",
        "realesrgan-x2": "Real-ESRGAN x2",
        "realesrgan-x4": "Real-ESRGAN x4",
    },
    "species": {"human": "a person", "animal": "an animal"},
}
# Help that names what only the command line has, or values that have titles here.
HELP = {
    "chunk": "Frames that are computed together; changes memory and speed; the result is "
    "the same, on a GPU up to rounding.",
    "blend": "Around the face alone, every other pixel stays; the original takes the whole frame "
    "through 512 pixels.",
    "device": "What computes it: auto (the best that is here), cpu, cuda or mps.",
    "enhance_faces": "All of them, up to eight, or the largest alone.",
    "enhance_region": "The whole face, or the mouth alone, which is enough for new lips.",
    "enhance_way": "Calm in videos, or GFPGAN's own steps (GPEN's for GPEN), each frame by itself, "
    "with its face finder and mask: strength, region, steadiness and colour then play no part.",
    "enhancer": "Which network restores faces. CodeFormer and GPEN are not for commercial use.",
    "exp_img": "What the face's expression becomes before its lips are drawn: neutral, a smile, or "
    "that of a picture, which is given below.",
    "face_index": "Face by number, 0 is the largest; it counts before the choice by size or place.",
    "face_point": "The face nearest to this point, as x,y in pixels; counts before size or place.",
    "face_select": "By size, by place, or the surest one.",
    "fidelity": "CodeFormer alone: more likeness, or less and more beauty.",
    "face_search": "Automatic looks closer, and for turned pictures, when little is found; "
    "thorough always does.",
    "format": "MP4 plays everywhere; without loss it is large; a folder has numbered pictures and "
    "the sound.",
    "frame": "The picture in its own size, a square around the head, or all of it resized.",
    "keep_rest": "Keep what is left of the video when the speech ends, in silence with closed "
    "lips; else the video ends with the speech.",
    "lip_threshold": "Opening of the portrait's lips over their width from which they are closed.",
    "presence_threshold": "How sure the features of a face must be.",
    "model": "Clearer pictures, or lips that follow the sound a little closer.",
    "preprocess": "What is cut from the picture and shown.",
    "reference_enhancer": "What sharpens the face before its lips are drawn. GPEN may not be used "
    "commercially, and takes a third of the time.",
    "repeat": "How the video goes on when it ends before the speech, or that the speech is cut.",
    "region": "The whole face and head of the driver, or a part of them.",
    "rotate_yaw": "Turns the head: positive to the viewer's right. The built-in engine stops where "
    "the picture would tear, mostly near 15; LivePortrait goes on.",
    "sound": "Whose sound the video has; automatic takes the driver's where there is one.",
    "up_face": "Anything but as filmed replaces the upper half of the face (one more file).",
    "upscale": "How many times larger the result is, each way; 1 keeps the size.",
    "upscaler": "Real-ESRGAN draws sharper edges where the result is enlarged (one more file).",
    "who": 'Their numbers, such as 0,2, or all. Empty: one, the one that "Which face" says. In a '
    "picture 0 is the largest; in a video they count as they are first seen.",
}
# What stands above the controls of a section.
NOTES = {
    "sliders": "Write one number, or how it changes over time: 0:0, 2:12 is 0 at the start and 12 "
    "after 2 seconds, with all values between. Empty leaves it as it is.",
}
