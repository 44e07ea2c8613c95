"""A portrait that was made ready, as it travels between nodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..sadtalker_core.engines.engine import Engine
from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.faces.options import FaceOptions
from ..sadtalker_core.motion_request import ReferenceVideo
from ..sadtalker_core.registry import find_engine
from ..sadtalker_core.runtime import Runtime
from .packing import pack, unpack

if TYPE_CHECKING:
    from ..sadtalker_core.faces.face import Face
    from .host_models import HostModel

VERSION = 1
# What is prepared by networks of one kind, or in one arithmetic, does not fit others.
_CHOOSE_NETWORKS = ("species", "size", "preprocess", "precision")


@dataclass(frozen=True)
class PortraitValue:
    """What ``PORTRAIT`` holds.

    Attributes:
        engine: that prepared it.
        options: render options.
        prepared: the engine's own.
        faces: those that move; empty for videos and animals.
        picture: (3, H, W) uint8; None for a video.
        video: the frames of a source video; None for a picture.
        source: arguments of ``media.reference_of`` that give ``video`` again.
    """

    engine: Engine
    options: Any
    prepared: Any
    faces: tuple[Face, ...] = ()
    picture: Tensor | None = None
    video: ReferenceVideo | None = None
    source: dict[str, Any] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the frames that it gives."""
        if hasattr(self.prepared, "size"):
            return self.prepared.size
        return self.prepared.frame_size


def prepare(
    model: HostModel, picture: Tensor, faces: Sequence[Face], options: Any, runtime: Runtime
) -> PortraitValue:
    """What depends on a picture alone: crop, features, keypoints.

    Args:
        model: the engine.
        picture: (3, H, W) uint8.
        faces: those that move; the first one for engines that move one.
        options: render options of the engine.
        runtime: device, cancel.

    Raises:
        FaceError: a face cannot be animated.
    """
    engine = model.engine
    if engine.driving is not None:
        prepared = engine.driving.prepare(model.networks, picture, faces, options, runtime)
    else:
        prepared = engine.prepare(model.networks, picture, faces[0], options, runtime)
    return PortraitValue(engine, options, prepared, tuple(faces), picture)


def prepare_video(
    model: HostModel,
    video: ReferenceVideo,
    source: dict[str, Any],
    face_options: FaceOptions,
    who: tuple[int, ...] | None,
    options: Any,
    runtime: Runtime,
) -> PortraitValue:
    """The same of a video each of whose frames is moved.

    Args:
        model: the engine.
        video: its frames.
        source: what they came from: arguments of ``media.reference_of``.
        face_options: which face.
        who: numbers of several; None for one, empty for all.
        options: render options of the engine.
        runtime: device, cancel.

    Raises:
        OptionError: the engine moves pictures only.
        NoFaceError: no frame shows a face.
    """
    driving = model.engine.driving
    if driving is None or driving.prepare_video is None:
        raise OptionError(
            f"{model.engine.title} animates pictures, not videos; load LivePortrait or the "
            "built-in engine for a video."
        )
    prepared = driving.prepare_video(model.networks, video, face_options, who, options, runtime)
    return PortraitValue(model.engine, options, prepared, video=video, source=source)


def portrait_dict(value: PortraitValue) -> dict[str, Any]:
    """Plain data of a portrait; a video's frames stay where they are."""
    from ..sadtalker_core.faces.networks import FaceNets

    return {
        "type": "Portrait",
        "version": VERSION,
        "engine": value.engine.id,
        "options": dataclasses.asdict(value.options),
        "prepared": pack(value.prepared, (FaceNets, ReferenceVideo, *_callables(value.prepared))),
        "faces": [pack(face) for face in value.faces],
        "picture": value.picture,
        "source": value.source,
    }


def _callables(prepared: Any) -> tuple[type, ...]:
    """Types of fields that are functions: how a video is opened."""
    kinds = {
        type(getattr(prepared, field.name))
        for field in dataclasses.fields(prepared)
        if callable(getattr(prepared, field.name))
    }
    return tuple(kinds)


def portrait_of(data: Any, model: HostModel | None = None) -> PortraitValue:
    """The portrait in a ``PORTRAIT``.

    Args:
        data: what ``portrait_dict`` made.
        model: that will use it; None takes a portrait of any engine.

    Raises:
        OptionError: it is none, or was prepared for another engine.
    """
    if not isinstance(data, dict) or data.get("type") != "Portrait":
        raise OptionError("a portrait was expected; connect a Prepare Portrait node.")
    if data.get("version") != VERSION:
        raise OptionError("this portrait is of another version; run Prepare Portrait again.")
    engine = find_engine(data["engine"])
    if model is not None and model.engine.id != engine.id:
        raise OptionError(
            f"this portrait was prepared for {engine.title}, the model is {model.engine.title}; "
            "connect the same model to both nodes."
        )
    if model is not None:
        _check_networks(data["options"], model)
    video, given = None, {}
    if data["source"] is not None:
        video, given = _reopened(data["source"])
    return PortraitValue(
        engine=engine,
        options=engine.render_options(**data["options"]),
        prepared=unpack(data["prepared"], given),
        faces=tuple(unpack(face) for face in data["faces"]),
        picture=data["picture"],
        video=video,
        source=data["source"],
    )


def _check_networks(options: dict[str, Any], model: HostModel) -> None:
    for name in _CHOOSE_NETWORKS:
        wanted = getattr(model.options, name, None)
        if options.get(name) != wanted:
            raise OptionError(
                f"this portrait was prepared with {name} {options.get(name)!r}, the model was "
                f"loaded with {wanted!r}; connect the same model to both nodes."
            )


def _reopened(source: dict[str, Any]) -> tuple[ReferenceVideo, dict[str, Any]]:
    import torch

    from .face_values import face_nets
    from .media import reference_of

    video = reference_of(**source)
    given = {
        "FaceNets": face_nets(torch.device("cpu")),
        "ReferenceVideo": video,
        type(video.open).__name__: video.open,
    }
    return video, given
