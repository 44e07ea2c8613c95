"""What restoring a stream hands back."""

from __future__ import annotations

from dataclasses import dataclass

from ..relip_request import RelipReport
from ..structures import FrameStream


@dataclass
class EnhanceReport(RelipReport):
    """What happened in the frames that were made so far; filled while the stream is read."""


@dataclass(frozen=True)
class Enhanced:
    """Restored frames, and what happened to them."""

    frames: FrameStream
    report: EnhanceReport
