"""The inputs of a job: checked first, then read."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from torch import Tensor

from ..engines.engine import Motion
from ..errors import MediaError, OutputError
from ..faces.choose import choose_face
from ..faces.face import Face
from ..faces.find import find_faces
from ..faces.networks import load_face_nets
from ..faces.options import FaceOptions
from ..media.audio_in import AudioSource, open_audio
from ..media.file_kinds import check_file_kind
from ..media.files import check_input_file, check_output_path, is_same_file
from ..media.pictures import is_picture_name, read_picture
from ..media.video_in import VideoSource, is_video_name, open_video
from ..media.video_out import check_video_path
from ..motion_request import ReferenceVideo
from ..runtime import Runtime
from .kinds import input_files
from .settings import REFERENCES, AnimateJob


def check_job(job: AnimateJob) -> None:
    """Everything about a job that can be refused at once, before pictures and sound are read.

    Raises:
        MediaError: an input is missing, a folder, or empty.
        OutputError: an output cannot be written there or is one of the inputs.
    """
    check_input_file(job.portrait, "picture")
    if job.audio is not None:
        check_input_file(job.audio, "sound")
    for name in REFERENCES:
        if (reference := getattr(job, name)) is not None:
            check_input_file(reference, "reference video")
    inputs = input_files(job)
    check_video_path(job.out, job.video, tuple(inputs))
    if job.preview is not None and not is_picture_name(job.preview):
        raise OutputError(
            f"the preview {job.preview} must be a picture: .png, .jpg, .jpeg or .webp."
        )
    if job.save_motion is not None and job.save_motion.suffix.lower() != ".safetensors":
        raise OutputError(f"the motion {job.save_motion} must be named .safetensors.")
    outputs = {"preview": job.preview, "save_motion": job.save_motion}
    for name, file in outputs.items():
        if file is None:
            continue
        if is_same_file(file, job.out):
            raise OutputError(f"{name} and out are the same file {job.out}; give two names.")
        check_output_path(file, inputs)


def portrait_picture(path: Path, warn: Callable[[str], None]) -> Tensor:
    """The portrait as (3, H, W) uint8; of a video its first frame."""
    kind = check_file_kind(path, ("picture", "video"), "the portrait")
    if kind != "video" and not is_video_name(path):
        return read_picture(path).flattened()
    warn(f"{path.name} is a video; its first frame is the portrait.")
    return next(open_video(path).frames(1))[0]


class _HasFace(Protocol):
    """Any job that says which face is meant."""

    @property
    def face(self) -> FaceOptions: ...


def find_speaker(
    job: _HasFace, rgb: Tensor, runtime: Runtime, warn: Callable[[str], None]
) -> tuple[Face, int]:
    """The face that speaks, and how many there are."""
    nets = load_face_nets(runtime.device)
    faces = find_faces(nets, rgb, job.face)
    height, width = int(rgb.shape[1]), int(rgb.shape[2])
    face = choose_face(faces, job.face, (height, width))
    asked = job.face.face_index is not None or job.face.point() is not None
    if len(faces) > 1 and not asked and job.face.face_select == "largest":
        warn(
            f"{len(faces)} faces were found, the largest one moves; "
            "choose another with --face-index (see the command faces)."
        )
    x0, y0, x1, y1 = face.box_px.tolist()
    if x0 < 0 or y0 < 0 or x1 > width - 1 or y1 > height - 1:
        warn("The face reaches over the edge of the picture; what is cut off cannot move well.")
    return face, len(faces)


def open_sound(job: AnimateJob, whole: VideoSource | None, runtime: Runtime) -> AudioSource | None:
    """The job's sound; that of the video whose whole motion is taken, where none is given."""
    if job.audio is None:
        return open_audio(whole.path, runtime) if whole is not None and whole.has_audio else None
    runtime.progress("listen", 0, 0)
    source = open_audio(job.audio, runtime)
    if source.is_silent:
        seconds = max(1.0, float(source.duration_s))
        raise MediaError(
            f"{job.audio} is silent from start to end; give a recording with speech, "
            f"or --idle {seconds:.1f} instead of it for a portrait at rest."
        )
    return source


def open_reference(path: Path | None, runtime: Runtime) -> ReferenceVideo | None:
    """A video whose motion is borrowed."""
    if path is None:
        return None
    source = open_video(path)
    return ReferenceVideo(lambda: source.frames(runtime.chunk), source.fps)


def length_of(
    job: AnimateJob,
    source: AudioSource | None,
    whole: VideoSource | None,
    loaded: Motion | None,
) -> Fraction:
    """Seconds that the video lasts: as long as its sound, else as what moves it."""
    if source is not None:
        return source.duration_s
    if whole is not None:
        return whole.duration_s
    if loaded is not None and job.run.idle is None:
        return len(loaded) / loaded.fps
    return Fraction(str(job.run.idle))
