"""One frame of an edited portrait, made as fast as it can be: for editors with a live preview."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..sadtalker_core.engines.engine import Driving, Engine
from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.expression_sliders import ExpressionSliders
from ..sadtalker_core.runtime import Runtime
from ..sadtalker_core.structures import FrameStream
from .expression_values import at_moment

if TYPE_CHECKING:
    from .host_models import HostModel
    from .packing import Motion
    from .portraits import PortraitValue

_FPS = Fraction(25)
_KEPT = 4  # portraits that are held ready between two moves of a slider


def driving_of(engine: Engine) -> Driving:
    """How an engine is moved by sliders.

    Raises:
        OptionError: it cannot be.
    """
    if engine.driving is None:
        raise OptionError(
            f"{engine.title} is moved by sound and cannot be edited by sliders; load LivePortrait "
            "or the built-in engine."
        )
    return engine.driving


def edited_frame(
    model: HostModel,
    portrait: PortraitValue,
    sliders: ExpressionSliders,
    runtime: Runtime,
    motion: Motion | None = None,
    options: Any = None,
    time_s: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """How a portrait looks at one moment.

    Args:
        model: its engine.
        portrait: a picture or a video.
        sliders: numbers or keyframes.
        runtime: device and cancel.
        motion: what moves it besides.
        options: what of the motion is taken over.
        time_s: the moment.

    Returns:
        (3, H, W) the frame, and (H, W) where it may differ from the picture.

    Raises:
        OptionError: the engine is not moved by sliders.
    """
    from .moving import fitted
    from .video_moments import at_frames

    driving = driving_of(model.engine)
    fps = portrait.video.fps if portrait.video else motion.fps if motion is not None else _FPS
    # where there is motion its first frame is shown too: it counts as rest
    moments = [time_s] if motion is None or len(motion) == 1 else [0.0, time_s]
    if motion is not None:
        last, rate = len(motion) - 1, motion.fps
        rows: Any = [min(round(moment * rate), last) for moment in moments]
        motion = motion[rows]
    if portrait.video is not None:
        portrait = at_frames(portrait, [round(moment * fps) for moment in moments])
    moves = () if motion is None else (fitted(motion, portrait, []).to(runtime.device),)
    stream = driving.animate(
        model.networks,
        portrait.prepared,
        moves,
        options or driving.options(),
        at_moment(sliders, time_s),
        len(moments),
        fps,
        runtime,
    )
    return _last(stream), model.engine.region(portrait.prepared, len(moments), fps, runtime)[-1]


def _last(stream: FrameStream) -> Tensor:
    """The last frame (3, H, W)."""
    frame: Tensor | None = None
    for chunk in stream.chunks:
        frame = chunk[-1]
    if frame is None:
        raise OptionError("the portrait gave no frame; its video may be empty.")
    return frame


class ReadyPortraits:
    """Portraits of pictures that were just edited, so that moving a slider prepares nothing again.

    A portrait is let go of with the picture it was made from, or when others came after it.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Any, tuple[Any, ...]] = OrderedDict()

    def find(self, image: Tensor, model: HostModel, *others: Any) -> list[PortraitValue] | None:
        """What was kept for this very picture, not written to since, and this very model."""
        key = self._key(image, model, others)
        held = self._kept.get(key)
        if held is None or held[0]() is not image or held[1]() is not model:
            return None
        if any(one is not other for one, other in zip(held[2], others)):
            return None
        self._kept.move_to_end(key)
        return held[3]

    def keep(
        self, made: list[PortraitValue], image: Tensor, model: HostModel, *others: Any
    ) -> None:
        """Hold portraits until their picture goes."""
        key = self._key(image, model, others)
        kept = self._kept

        def forget(gone: Any) -> None:
            kept.pop(key, None)

        kept[key] = (weakref.ref(image, forget), weakref.ref(model, forget), others, made)
        while len(kept) > _KEPT:
            kept.popitem(last=False)

    def clear(self) -> None:
        """Let go of all."""
        self._kept.clear()

    @staticmethod
    def _key(image: Tensor, model: HostModel, others: tuple[Any, ...]) -> tuple[Any, ...]:
        written = 0 if image.is_inference() else image._version
        return id(image), written, id(model), tuple(id(other) for other in others)


READY = ReadyPortraits()
