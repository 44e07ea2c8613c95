"""The original's detector at toy size through the real pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import NoFaceError
from sadtalker_core.faces.nets.s3fd import S3fd, S3fdConfig
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.media.repeat import repeated_frames
from sadtalker_core.motion_request import MotionRequest
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.wav2lip.config import Wav2LipOptions
from sadtalker_core.systems.wav2lip.nets.generator import Wav2Lip, Wav2LipConfig
from sadtalker_core.systems.wav2lip.pipeline import relip
from sadtalker_core.systems.wav2lip.weights import Wav2LipNets
from tests.parity.seeded_weights import describe, fill


def _detector(sees: bool) -> S3fd:
    """One that sees a face in every cell of stride 16, or none at all."""
    net = S3fd(S3fdConfig(2))
    state = fill(describe(net.state_dict()))
    for key in state:
        if "mbox" in key:
            state[key] = torch.zeros_like(state[key])
        if key.endswith("mbox_conf.bias"):
            state[key][0] = 9.0
    if sees:
        state["conv5_3_norm_mbox_conf.bias"] = torch.tensor([0.0, 3.0])
    net.load_state_dict(state)
    return net.eval().requires_grad_(False)


@pytest.mark.parametrize("sees", [True, False])
def test_faces_of_the_detector_get_new_lips(sees: bool) -> None:
    frames = torch.randint(0, 256, (5, 3, 192, 192), dtype=torch.uint8)
    generator = Wav2Lip(Wav2LipConfig(2))
    generator.load_state_dict(fill(describe(generator.state_dict())))
    nets = Wav2LipNets(generator.eval().requires_grad_(False), _detector(sees))

    def opened() -> Iterator[Tensor]:
        yield frames

    shown = repeated_frames(opened, Fraction(25), 5, (192, 192), 7, "loop", 4)
    sound = MotionRequest(
        None, Fraction(7, 25), Fraction(25), lambda: iter([torch.zeros(4480)]), 4480
    )
    options = Wav2LipOptions(finder="original", smoothing="original", paste="hard")
    result = relip(nets, shown, FaceOptions(), None, sound, options, Runtime())
    if not sees:
        with pytest.raises(NoFaceError):
            list(result.frames)
        return
    made = torch.cat(list(result.frames))
    assert result.report.faces_seen > 1
    changed = (made != torch.cat((frames, frames[:2]))).any(1)
    # anchors have 64 pixels; the last of equally sure ones is meant, whose middle is at 184
    inside = torch.zeros_like(changed)
    inside[:, 152:, 152:] = True
    assert not (changed & ~inside).any()
    assert changed[inside].float().mean() > 0.9
