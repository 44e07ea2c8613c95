"""Driving with the settings and the arithmetic of LivePortraitKJ's process node, for graphs that
were made with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import sockets
from .host import io
from .schema import folded, fps_input, node_schema, option_inputs, options_from

if TYPE_CHECKING:
    from ..sadtalker_core.structures import ImplicitMotion, KeypointTrack
    from ..sadtalker_core.systems.liveportrait.process_options import ProcessOptions
    from .host_models import HostModel

_CROP = ("driving_crop", "driving_crop_scale", "driving_crop_x", "driving_crop_y")
_FOLDED = (
    *("expression_friendly_multiplier", "lip_zero_threshold"),
    *("driving_crop_scale", "driving_crop_x", "driving_crop_y"),
)
# Their ranges are wide, and what they are set to is near 1, or small.
_STEPS = {
    "delta_multiplier": 0.01,
    "expression_friendly_multiplier": 0.01,
    "lip_zero_threshold": 0.001,
}
_VARIANCE = "driving_smooth_observation_variance"


class LivePortraitProcess(io.ComfyNode):
    """Faces driven as LivePortraitKJ does it."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "LivePortraitProcess",
            "LivePortrait Process",
            "render",
            "Moves a portrait by driving pictures with the settings and the arithmetic of "
            "LivePortraitKJ's node of this name, so that graphs made with it give what they gave. "
            "New graphs have more control with Motion from Video and Render.",
            [
                sockets.Model.Input("model", tooltip="LivePortrait, from its load node."),
                sockets.Portrait.Input("portrait", tooltip="From Prepare Portrait or Video."),
                io.Image.Input("driving_images", tooltip="Frames of the driver."),
                *_process_inputs(),
                *_crop_inputs(),
                folded(fps_input()),
            ],
            [
                io.Image.Output(
                    "faces",
                    display_name="faces",
                    tooltip="The moved face, 512 pixels square: for Paste Back, or by itself.",
                ),
                sockets.Portrait.Output(
                    "same_portrait",
                    display_name="portrait",
                    tooltip="The same portrait, passed on.",
                ),
                sockets.Keypoints.Output(
                    "keypoints", display_name="keypoints", tooltip="Where the face's points go."
                ),
            ],
            aliases=("live portrait", "drive", "liveportraitkj", "driving video"),
        )

    @classmethod
    def execute(
        cls, model: Any, portrait: Any, driving_images: Any, fps: float, **values: Any
    ) -> Any:
        from ..sadtalker_core.systems.liveportrait.process_options import ProcessOptions
        from .bridge import at_work, collect
        from .portraits import portrait_of

        options = options_from(ProcessOptions, values)
        value = portrait_of(portrait, model)
        layers = _layers(model)
        with at_work(model) as runtime:
            motion = _read(model, driving_images, fps, values, runtime)
            track = process_track(model.networks, value.prepared, motion, options)
            faces = collect(
                layers.render(model.networks, value.prepared, 0, track, runtime), runtime
            )
        return io.NodeOutput(faces, portrait, track.to_dict())


def _process_inputs() -> list[Any]:
    from ..sadtalker_core.systems.liveportrait.process_options import ProcessOptions

    made = option_inputs(ProcessOptions)
    place = next(i for i, entry in enumerate(made) if entry.id == _VARIANCE)
    # The widget's usual step would round this value, which is of the order of 1e-6, to nothing.
    made[place] = io.Float.Input(
        _VARIANCE,
        default=3e-6,
        min=1e-11,
        max=1e-2,
        step=1e-11,
        tooltip=f"{made[place].tooltip} Of the order of 0.000003; larger is calmer.",
    )
    made[place] = folded(made[place])
    for each in made:
        if each.id in _STEPS:
            each.step = _STEPS[each.id]
    return _less(made)


def _less(made: list[Any]) -> list[Any]:
    """What hardly anybody changes is folded away."""
    return [folded(each) if each.id in _FOLDED else each for each in made]


def _crop_inputs() -> list[Any]:
    from ..sadtalker_core.systems.liveportrait.config import LivePortraitDriveOptions

    return _less(option_inputs(LivePortraitDriveOptions, only=_CROP, driving_crop="never"))


def _layers(model: HostModel) -> Any:
    from ..sadtalker_core.errors import OptionError

    if model.engine.id != "liveportrait" or model.engine.layers is None:
        raise OptionError(
            f"this node needs LivePortrait, the model is {model.engine.title}; connect Load "
            "LivePortrait, to the portrait's node too."
        )
    return model.engine.layers


def _read(
    model: HostModel, images: Any, fps: float, values: dict[str, Any], runtime: Any
) -> ImplicitMotion:
    from ..sadtalker_core.faces.options import FaceOptions
    from ..sadtalker_core.systems.liveportrait.config import LivePortraitDriveOptions
    from .media import reference_of

    driving = model.engine.driving
    assert driving is not None
    options = options_from(LivePortraitDriveOptions, {name: values[name] for name in _CROP})
    video = reference_of(None, images, fps)
    return driving.read(model.networks, video, FaceOptions(), options, runtime)


def process_track(
    networks: Any, prepared: Any, motion: ImplicitMotion, options: ProcessOptions
) -> KeypointTrack:
    """Keypoints of the first face.

    Args:
        networks: LivePortrait's.
        prepared: a portrait, or a video: then as many frames come out as both have.
        motion: of the driver, as it was seen.
        options: of the process node.

    Raises:
        OptionError: an animal is to be retargeted, whose eyes and lips are not measured.
        StructureError: the driver's face was not seen, and is needed for retargeting.
    """
    import torch

    from ..sadtalker_core.errors import OptionError
    from ..sadtalker_core.structures import KeypointTrack
    from ..sadtalker_core.systems.liveportrait.process_modes import process_points
    from ..sadtalker_core.systems.liveportrait.retarget import FaceRatios

    face = prepared.faces[0]
    device = face.points.kp.device
    driving = _as_points(motion.to(device))
    ratios = face.ratios
    if ratios is None:
        if options.lip_zero or options.eye_retargeting or options.lip_retargeting:
            raise OptionError(
                "eyes and lips of animals are not measured; switch off lip_zero, eye_retargeting "
                "and lip_retargeting."
            )
        count = len(face.points)
        ratios = FaceRatios(torch.zeros(count, 2), torch.zeros(count, 1))
    wanted = None
    if motion.eye_ratios is not None and motion.lip_ratio is not None:
        wanted = FaceRatios(motion.eye_ratios.to(device), motion.lip_ratio.to(device))
    is_video = hasattr(prepared, "open")
    frames = min(len(face.points), len(driving)) if is_video else None
    with torch.inference_mode():
        ratios = FaceRatios(ratios.eyes.to(device), ratios.lip.to(device))
        points = process_points(
            face.points, driving, options, networks.retarget, ratios, wanted, frames
        )
    source = face.points.x[: len(points)] if is_video else face.points.x[:1]
    return KeypointTrack(source, points, motion.fps)


def _as_points(motion: ImplicitMotion) -> Any:
    """What was read of a driver, as the formulas of the process node take it."""
    import torch

    from ..sadtalker_core.errors import OptionError
    from ..sadtalker_core.systems.liveportrait.points import SourcePoints

    if motion.canonical is None or motion.keypoints is None:
        raise OptionError("this motion was not read from pictures; connect driving pictures.")
    return SourcePoints(
        motion.canonical,
        motion.expression,
        motion.rotation,
        torch.zeros_like(motion.translation),  # its angles are not looked at
        motion.translation,
        motion.scale,
        motion.keypoints,
    )


NODES = [LivePortraitProcess]
