"""A portrait or a video made ready for LivePortrait: done once, used as often as you like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

from ...errors import FaceIndexError, OptionError
from ...faces.face import Face
from ...faces.networks import FaceNets, load_face_nets
from ...faces.options import FaceOptions
from ...motion_request import OpenFrames, ReferenceVideo
from ...runtime import Runtime
from .config import LivePortraitRenderOptions
from .crop import CropShape
from .faces import (
    FaceFinder,
    OriginalFinder,
    RecordedFinder,
    SeenFace,
    VideoFinder,
    first_look,
    see_several,
)
from .landmarks203 import OnnxLandmarkNet
from .points import SourcePoints, extract
from .render import SourceFeatures, prepare_features
from .retarget import FaceRatios
from .source import SourceCrop, cut_again, joined_ratios, read_source, read_source_video
from .weights import LivePortraitNets


@dataclass(frozen=True)
class PreparedFace:
    """One face of a portrait.

    Attributes:
        points: what M reads from it, one row.
        features: what the renderer keeps of it.
        image_from_crop: (3, 3) from the renderer's picture to the portrait.
        ratios: how far eyes and lips are open, one row; None for animals.
    """

    points: SourcePoints
    features: SourceFeatures
    image_from_crop: Tensor
    ratios: FaceRatios | None


@dataclass(frozen=True)
class PreparedPortrait:
    """What depends on a picture alone.

    Attributes:
        still: (3, H, W) uint8, on the networks' device.
        faces: those that move, in the order in which they are laid over the picture.
        options: how it was cut and will be shown.
    """

    still: Tensor
    faces: tuple[PreparedFace, ...]
    options: LivePortraitRenderOptions

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the frames."""
        if is_pasted(self.options):
            return int(self.still.shape[1]), int(self.still.shape[2])
        return self.faces[0].features.size


@dataclass(frozen=True)
class FaceInVideo:
    """One face of a source video: some hundred numbers a frame.

    Attributes:
        points: T rows.
        ratios: T rows, or None.
        image_from_crop: (T, 3, 3).
        crop_from_image: (T, 3, 3), what the face was cut with.
        valid: (T,) False where it was not seen: there the frame is shown as it is.
    """

    points: SourcePoints
    ratios: FaceRatios | None
    image_from_crop: Tensor
    crop_from_image: Tensor
    valid: Tensor

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True)
class PreparedVideo:
    """What depends on a source video alone; its frames are read again when they are needed.

    Attributes:
        open: a fresh pass over its frames.
        faces: those that move, in the order in which they are laid over the frames.
        frame_size: (H, W).
        fps: its frames per second.
        options: how it was cut and will be shown.
    """

    open: OpenFrames
    faces: tuple[FaceInVideo, ...]
    frame_size: tuple[int, int]
    fps: Fraction
    options: LivePortraitRenderOptions

    def __len__(self) -> int:
        return len(self.faces[0])


def at_frames(prepared: PreparedVideo, numbers: Sequence[int], frames: Tensor) -> PreparedVideo:
    """A video of some of the frames alone: to look at a moment without what is before it.

    Args:
        prepared: the whole video.
        numbers: of the frames, rising; those beyond the end mean the last one.
        frames: (N, 3, H, W) uint8, these frames.
    """
    rows = torch.tensor([min(number, len(prepared) - 1) for number in numbers])

    def part(face: FaceInVideo) -> FaceInVideo:
        own = rows.to(face.points.kp.device)
        ratios = face.ratios
        if ratios is not None:
            ratios = FaceRatios(ratios.eyes[own], ratios.lip[own])
        return FaceInVideo(
            points=face.points[own],
            ratios=ratios,
            image_from_crop=face.image_from_crop[rows.to(face.image_from_crop.device)],
            crop_from_image=face.crop_from_image[rows.to(face.crop_from_image.device)],
            valid=face.valid[rows.to(face.valid.device)],
        )

    faces = tuple(part(face) for face in prepared.faces)
    return replace(prepared, open=lambda: iter([frames]), faces=faces)


def is_pasted(options: LivePortraitRenderOptions) -> bool:
    """Whether the face goes back into the picture; the original needs all three for that."""
    return options.pasteback and options.do_crop and options.stitching


def prepare(
    nets: LivePortraitNets,
    rgb: Tensor,
    faces: Sequence[Face],
    options: LivePortraitRenderOptions,
    runtime: Runtime,
) -> PreparedPortrait:
    """Cut, read and encode each face of a picture.

    Args:
        nets: the networks.
        rgb: (3, H, W) uint8, any size.
        faces: those that move; none for an animal, which is cut by ``crop_box`` or in the middle.
        options: what is cut.
        runtime: device and cancel.

    Raises:
        OptionError: there is no face and the portrait is not an animal, or several faces without
            paste-back.
    """
    finders: list[FaceFinder | None] = [_known(nets, face, rgb, options) for face in faces]
    if not finders:
        if options.species != "animal":
            raise OptionError("a person's portrait needs a face that moves.")
        finders = [None]
    _check_count(len(finders), options)
    made: list[PreparedFace] = []
    for find in finders:
        crop = read_source(rgb, find, _shape(options), box_of(options))
        pictures = crop.pictures.to(runtime.device)
        with torch.inference_mode():
            points = extract(nets.motion, pictures)
        features = prepare_features(nets.render, pictures, runtime)
        ratios = None if crop.ratios is None else crop.ratios.to(runtime.device)
        made.append(PreparedFace(points, features, crop.image_from_crop[0], ratios))
    return PreparedPortrait(rgb.to(runtime.device), tuple(made), options)


def prepare_video(
    nets: LivePortraitNets,
    video: ReferenceVideo,
    face: FaceOptions,
    options: LivePortraitRenderOptions,
    runtime: Runtime,
    who: tuple[int, ...] | None = None,
) -> PreparedVideo:
    """Read the face in every frame of a video; frames are not kept.

    Args:
        nets: the networks.
        video: the source.
        face: which face, and how hard to look.
        options: what is cut.
        runtime: device, progress and cancel.
        who: numbers of several faces instead, in the order in which they are first seen, the
            largest of a frame first; none of them means all.

    Raises:
        OptionError: an animal's video, which the original does not move; or several faces
            without paste-back.
        NoFaceError: no frame shows a face.
        FaceIndexError: fewer people are seen than ``who`` asks for.
    """
    if options.species == "animal":
        raise OptionError("an animal is driven from a picture, not from a source video.")
    tracker = load_face_nets(runtime.device)
    finders = _finders(nets, video, tracker, face, who, runtime)
    _check_count(len(finders), options)
    found = [_read(nets, video, find, options, runtime) for find in finders]
    return PreparedVideo(
        open=video.open,
        faces=tuple(one for one, _ in found),
        frame_size=found[0][1],
        fps=video.fps,
        options=options,
    )


def _finders(
    nets: LivePortraitNets,
    video: ReferenceVideo,
    tracker: FaceNets,
    face: FaceOptions,
    who: tuple[int, ...] | None,
    runtime: Runtime,
) -> list[FaceFinder]:
    """One for each face that moves."""
    if who is not None:
        people = see_several(tracker, _watched(video, runtime), face)
        beyond = [number for number in who if number >= len(people)]
        if beyond or not people:
            raise FaceIndexError(
                f"who asks for face {beyond[0] if beyond else 0}, but the video shows "
                f"{len(people)}; they are numbered as they are first seen."
            )
        return [RecordedFinder(people[number]) for number in who or range(len(people))]
    if nets.landmarks is None:
        return [VideoFinder(tracker, face)]
    look = first_look(tracker, face)
    return [OriginalFinder(OnnxLandmarkNet(nets.landmarks), look, follows=True)]


def _watched(video: ReferenceVideo, runtime: Runtime) -> Iterator[Tensor]:
    for chunk in video.open():
        runtime.check_cancelled()
        yield chunk


def _read(
    nets: LivePortraitNets,
    video: ReferenceVideo,
    find: FaceFinder,
    options: LivePortraitRenderOptions,
    runtime: Runtime,
) -> tuple[FaceInVideo, tuple[int, int]]:
    """One face of a whole video, and the frames' size."""
    rows: list[SourcePoints] = []
    crops: list[SourceCrop] = []
    for crop in read_source_video(video.open(), find, _shape(options), runtime, box_of(options)):
        # One by one: how frames come in chunks must not change a number.
        with torch.inference_mode():
            rows += [
                extract(nets.motion, picture[None].to(runtime.device)) for picture in crop.pictures
            ]
        crops.append(_without_pictures(crop))
    ratios = [crop.ratios.to(runtime.device) for crop in crops if crop.ratios is not None]
    one = FaceInVideo(
        points=SourcePoints.joined(rows),
        ratios=joined_ratios(ratios) if ratios else None,
        image_from_crop=torch.cat([crop.image_from_crop for crop in crops]),
        crop_from_image=torch.cat(
            [crop.crop_from_image for crop in crops if crop.crop_from_image is not None]
        ),
        valid=torch.cat([crop.valid for crop in crops]),
    )
    return one, crops[0].frame_size


def _check_count(faces: int, options: LivePortraitRenderOptions) -> None:
    if faces > 1 and not is_pasted(options):
        raise OptionError(
            "several faces are moved only in the whole picture: leave stitching, pasteback and "
            "do_crop on, or choose one face."
        )
    if faces > 1 and options.crop_box.strip():
        raise OptionError("crop_box cuts one face, but several move: leave it out, or choose one.")


def source_pictures(face: FaceInVideo, frames: Tensor, start: int, is_whole: bool) -> Tensor:
    """(N, 3, 256, 256) the face in frames (N, 3, H, W), of which the first is ``start``.

    ``is_whole`` says that whole frames are taken, not squares around the face.
    """
    return cut_again(frames, face.crop_from_image[start : start + len(frames)], is_whole=is_whole)


def box_of(options: LivePortraitRenderOptions) -> Tensor | None:
    """(4,) ``crop_box`` as numbers, or None where it is empty."""
    if not options.crop_box.strip():
        return None
    message = f"crop_box must be four numbers x0,y0,x1,y1 in pixels, got {options.crop_box!r}."
    try:
        box = torch.tensor([float(part) for part in options.crop_box.split(",")])
    except ValueError as error:
        raise OptionError(message) from error
    if box.shape != (4,) or not bool(torch.isfinite(box).all()) or box[2] <= box[0]:
        raise OptionError(message)
    return box


def _shape(options: LivePortraitRenderOptions) -> CropShape | None:
    if not options.do_crop:
        return None
    return CropShape(options.crop_scale, options.crop_x, options.crop_y, rotate=options.crop_rotate)


def _known(
    nets: LivePortraitNets, face: Face, rgb: Tensor, options: LivePortraitRenderOptions
) -> FaceFinder:
    """A finder that has found this face already."""
    seen = SeenFace.of(face, rgb)
    if nets.landmarks is None or options.landmarks != "original":
        return lambda rgb: seen
    net = OnnxLandmarkNet(nets.landmarks)
    return OriginalFinder(net, lambda rgb: seen.points_px, follows=False)


def _without_pictures(crop: SourceCrop) -> SourceCrop:
    return SourceCrop(
        crop.pictures[:, :, :0, :0],
        crop.image_from_crop,
        crop.valid,
        crop.frame_size,
        crop.ratios,
        crop.crop_from_image,
    )


def frames_of(prepared: PreparedVideo, at_once: int) -> Iterator[tuple[int, Tensor]]:
    """The video again: index of the first frame, and (N, 3, H, W) uint8 of at most ``at_once``."""
    start = 0
    for chunk in prepared.open():
        for part in chunk.split(at_once):
            yield start, part
            start += len(part)
