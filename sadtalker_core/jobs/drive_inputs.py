"""What a job of driving reads: the portrait or its video, the drivers, whose sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from ..engines.engine import Driving, Motion
from ..errors import OptionError, OutputError
from ..faces.face import Face
from ..faces.find import find_faces
from ..faces.networks import load_face_nets
from ..geometry.keyframes import last_keyframe
from ..media.audio_in import AudioSource, open_audio
from ..media.file_kinds import check_file_kind
from ..media.files import check_input_file, check_output_path, is_same_file
from ..media.pictures import is_picture_name, read_picture
from ..media.video_in import VideoSource, is_video_name, open_video
from ..media.video_out import check_video_path
from ..motion_request import ReferenceVideo
from ..runtime import Runtime
from ..structures import frames_for
from ..transfer.borrowed import as_kind, hands_over_the_face
from .drive_outputs import MOTION_SUFFIXES, check_motion_path
from .drive_settings import DriveJob
from .inputs import find_speaker, portrait_picture
from .kinds import input_files
from .motions import load_any_motion

USUAL_FPS = Fraction(25)


@dataclass(frozen=True)
class Driver:
    """Whoever drives: a video, a picture, or a motion file.

    Attributes:
        path: the file.
        video: where it is a video.
        picture: (1, 3, H, W) uint8 where it is a picture.
        loaded: where it is a motion file.
    """

    path: Path
    video: VideoSource | None = None
    picture: Tensor | None = None
    loaded: Motion | None = None

    @classmethod
    def open(cls, path: Path) -> Driver:
        """What the file's name says it is. Raises ``MediaError`` when it is damaged."""
        if path.suffix.lower() in MOTION_SUFFIXES:
            return cls(path, loaded=load_any_motion(path))
        if is_video_name(path):
            return cls(path, video=open_video(path))
        check_file_kind(path, ("picture", "video"), "the driver")
        return cls(path, picture=read_picture(path).flattened()[None])

    @property
    def fps(self) -> Fraction | None:
        """Frames per second; None for a picture."""
        if self.video is not None:
            return self.video.fps
        return self.loaded.fps if self.loaded is not None and len(self.loaded) > 1 else None

    @property
    def has_many_frames(self) -> bool:
        """Whether what it drives moves."""
        if self.video is not None:
            return self.video.frame_count > 1
        return self.loaded is not None and len(self.loaded) > 1

    def motion(
        self,
        job: DriveJob,
        driving: Driving,
        networks: Any,
        kind: type[Motion],
        runtime: Runtime,
        warn: Callable[[str], None],
    ) -> Motion:
        """Its motion, as the engine's kind."""
        if self.loaded is not None:
            if not hands_over_the_face(self.loaded, kind):
                warn(
                    f"{self.path} holds coefficients of a 3D face model: only the head follows it."
                )
            return as_kind(self.loaded.to(runtime.device), kind)
        if self.picture is not None and not driving.reads_pictures:
            raise OptionError(
                f"{self.path} is a picture; the engine {job.engine.id} needs a video, where the "
                "driver's face at rest can be seen. Give a video, a motion file or sliders; "
                "LivePortrait takes pictures too."
            )
        # How hard to look counts for drivers too; which face is said apart.
        threshold = job.face.detection_threshold
        face = replace(job.run.driver_face_options(), detection_threshold=threshold)
        return driving.read(networks, self._frames(runtime), face, job.drive, runtime)

    def _frames(self, runtime: Runtime) -> ReferenceVideo:
        if self.video is not None:
            return reference(self.video, runtime)
        picture = self.picture
        assert picture is not None
        return ReferenceVideo(lambda: iter((picture,)), USUAL_FPS)


def reference(video: VideoSource, runtime: Runtime) -> ReferenceVideo:
    """A video as the engines read it."""

    def frames() -> Iterator[Tensor]:
        return video.frames(runtime.chunk)

    return ReferenceVideo(frames, video.fps)


def check_drive_job(job: DriveJob) -> None:
    """Everything that can be refused at once, before pictures and videos are read.

    Raises:
        MediaError: an input is missing, a folder, or empty.
        OutputError: an output cannot be written there or is one of the inputs.
        OptionError: there are more drivers than faces that move.
    """
    numbers = job.run.who_numbers()
    faces = 1 if numbers is None else len(numbers)  # none of them stands for all
    if len(job.driving) > 1 and faces and len(job.driving) != faces:
        raise OptionError(
            f"{len(job.driving)} drivers do not fit {faces} face{'s' if faces > 1 else ''}: give "
            "one driver, or say with who which faces move, such as all."
        )
    check_input_file(job.portrait, "portrait")
    for path in job.driving:
        check_input_file(path, "driving video")
    inputs = input_files(job)
    if is_picture_name(job.out):
        check_output_path(job.out, inputs)
    else:
        check_video_path(job.out, job.video, tuple(inputs))
    if job.preview is not None and not is_picture_name(job.preview):
        raise OutputError(
            f"the preview {job.preview} must be a picture: .png, .jpg, .jpeg or .webp."
        )
    if job.save_motion is not None:
        check_motion_path(job.save_motion)
    for name, file in (("preview", job.preview), ("save_motion", job.save_motion)):
        if file is None:
            continue
        if is_same_file(file, job.out):
            raise OutputError(f"{name} and out are the same file {job.out}; give two names.")
        check_output_path(file, inputs)


def open_source(
    job: DriveJob, moves_videos: bool, warn: Callable[[str], None]
) -> VideoSource | Tensor:
    """The portrait: (3, H, W) uint8, or a video where the engine moves each of its frames."""
    if is_video_name(job.portrait) and moves_videos:
        return open_video(job.portrait)
    return portrait_picture(job.portrait, warn)


def own_rate(source: VideoSource | Tensor, drivers: Sequence[Driver]) -> Fraction:
    """Frames per second that the files themselves have, the portrait's video first."""
    if isinstance(source, VideoSource):
        return source.fps
    return next((driver.fps for driver in drivers if driver.fps is not None), USUAL_FPS)


def slider_frames(job: DriveJob, fps: Fraction) -> int:
    """Frames of a picture that sliders alone move."""
    seconds = job.run.seconds
    length = last_keyframe(job.sliders) if seconds is None else seconds
    if length == 0:
        return 1
    frames = frames_for(Fraction(str(length)), fps)
    return frames if seconds is not None else frames + 1  # the last keyframe is shown


def check_length(
    job: DriveJob, source: VideoSource | Tensor, drivers: Sequence[Driver], fps: Fraction
) -> None:
    """A picture can hold one frame only.

    Raises:
        OptionError: a source video is given another rate or length than its own.
        OutputError: the output is a picture and there are more frames.
    """
    if isinstance(source, VideoSource) and fps != source.fps:
        raise OptionError(
            f"fps is {float(fps):g}, but the portrait is a video of {float(source.fps):g} frames "
            "per second, each of which is moved; leave fps out."
        )
    if isinstance(source, VideoSource) and job.run.seconds is not None:
        raise OptionError("seconds is for a picture; a video has a length of its own.")
    moving = isinstance(source, VideoSource) or any(each.has_many_frames for each in drivers)
    if not moving and not drivers:
        moving = slider_frames(job, fps) > 1
    if moving and is_picture_name(job.out):
        raise OutputError(
            f"{job.out} is a picture, but there are many frames; name a video such as "
            f"{job.out.with_suffix('.mp4').name}."
        )


def find_people(
    job: DriveJob,
    rgb: Tensor,
    most: int | None,
    runtime: Runtime,
    warn: Callable[[str], None],
) -> tuple[list[Face], int]:
    """The faces that move, in the order of ``who``, and how many there are.

    Raises:
        NoFaceError, FaceIndexError: there is no face, or not the one that is asked for.
        OptionError: more faces than the engine moves at once, or than drivers fit.
    """
    if getattr(job.render, "species", "human") == "animal":
        return [], 0
    numbers = job.run.who_numbers()
    if numbers is None:
        face, count = find_speaker(job, rgb, runtime, warn)
        return [face], count
    faces = find_faces(load_face_nets(runtime.device), rgb, job.face)
    wanted = numbers or tuple(range(len(faces)))
    beyond = [number for number in wanted if number >= len(faces)]
    if beyond or not faces:
        raise OptionError(
            f"who asks for face {beyond[0] if beyond else 0}, but the picture has {len(faces)}; "
            "the command faces lists them."
        )
    if most is not None and len(wanted) > most:
        raise OptionError(
            f"the engine {job.engine.id} moves {most} face at a time, {len(wanted)} were asked "
            "for; LivePortrait moves any number."
        )
    if len(job.driving) not in (0, 1, len(wanted)):
        raise OptionError(
            f"{len(job.driving)} drivers do not fit {len(wanted)} faces: give one for all, or one "
            "each."
        )
    return [faces[number] for number in wanted], len(faces)


def sound_of(
    job: DriveJob, source: VideoSource | Tensor, drivers: Sequence[Driver], runtime: Runtime
) -> AudioSource | None:
    """The sound of the video, if it has one."""
    of_driver = next((d.video for d in drivers if d.video is not None and d.video.has_audio), None)
    of_source = source if isinstance(source, VideoSource) and source.has_audio else None
    chosen = {
        "auto": of_driver or of_source,
        "driving": of_driver,
        "portrait": of_source,
        "none": None,
    }[job.run.sound]
    return None if chosen is None else open_audio(chosen.path, runtime)
