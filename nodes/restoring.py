"""Faces restored in what sockets give: what the enhancing nodes do."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..sadtalker_core.enhance.frames import enhance_frames
from ..sadtalker_core.enhance.options import EnhanceOptions
from ..sadtalker_core.enhance.original import restore_frames
from ..sadtalker_core.enhance.report import Enhanced, EnhanceReport
from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.faces.options import FaceOptions
from ..sadtalker_core.runtime import Runtime
from ..sadtalker_core.structures import FrameStream
from .enhancers import with_upscaler
from .face_values import face_nets
from .schema import options_from

if TYPE_CHECKING:
    from ..sadtalker_core.enhance.load import Enhancer
    from .host_models import HostModel
    from .media import CountedVideo


@dataclass(frozen=True)
class Restoring:
    """An enhancer with its options, ready for any number of streams.

    Attributes:
        enhancer: with its upscaler, where one is connected.
        model: whose networks it uses.
        options: how.
        faces: how hard to look.
        runtime: device, chunk, cancel.
    """

    enhancer: Enhancer
    model: HostModel
    options: EnhanceOptions
    faces: FaceOptions
    runtime: Runtime

    def applied(self, stream: FrameStream) -> Enhanced:
        """A stream with its faces restored while it is read."""
        original = self.model.networks.original
        if original is not None:
            done = restore_frames(stream, original, self.enhancer, self.options, self.runtime)
        else:
            nets = face_nets(self.runtime.device)
            done = enhance_frames(
                stream, nets, self.enhancer, self.options, self.runtime, self.faces
            )
        return dataclasses.replace(done, frames=_watched(done.frames, self.runtime))

    def one_by_one(self, source: CountedVideo) -> Enhanced:
        """Pictures that do not follow on each other, each by itself."""
        report = EnhanceReport()

        def alone(rgb: Tensor) -> Enhanced:
            return self.applied(FrameStream(iter([rgb[None]]), 1, source.size, source.fps))

        def chunks() -> Iterator[Tensor]:
            for rgb in (picture for chunk in source.open() for picture in chunk):
                done = alone(rgb)
                yield from done.frames
                if done.report.frames_without_face:
                    report.missed()
                else:
                    report.saw(done.report.faces_seen)

        nothing = FrameStream(iter(()), 0, source.size, source.fps)
        shape = self.applied(nothing).frames
        return Enhanced(dataclasses.replace(shape, chunks=chunks(), length=source.count), report)


@contextlib.contextmanager
def restoring(
    model: HostModel, upscale_model: Any, values: Mapping[str, Any], runtime: Runtime
) -> Generator[Restoring, None, None]:
    """An enhancer with a node's options. Read streams to their end inside.

    Args:
        model: from Load Face Enhancer.
        upscale_model: an UPSCALE_MODEL for what is around the faces, or None.
        values: the node's widgets.
        runtime: as ``bridge.at_work`` gives it.

    Raises:
        OptionError: an upscale model is connected and nothing is to be enlarged.
    """
    given = {**dataclasses.asdict(model.options), **values}
    options = options_from(EnhanceOptions, given)
    if upscale_model is not None and options.upscale == 1:
        raise OptionError(
            "an upscale model is connected, but upscale is 1: say how many times larger the "
            "result is to be, such as 2."
        )
    with with_upscaler(model, upscale_model) as enhancer:
        yield Restoring(enhancer, model, options, options_from(FaceOptions, values), runtime)


def report_text(done: Enhanced, runtime: Runtime) -> str:
    """What happened, when all frames have been read; shown in the running node too."""
    from ..sadtalker_core.jobs.enhance import missed_text
    from .moving import tell

    missed = missed_text(done.report)
    said = f"{missed[0].upper()}{missed[1:]}" if missed else ""
    tell([said] if said else [], runtime)
    restored = done.report.frames - done.report.frames_without_face
    height, width = done.frames.size
    head = f"{done.report.frames} pictures of {width}x{height}, faces restored in {restored}."
    return "\n".join(filter(None, [head, said]))


def _watched(stream: FrameStream, runtime: Runtime) -> FrameStream:
    import time

    from ..sadtalker_core.jobs.steps import watched

    return watched(stream, runtime, time.perf_counter(), [])
