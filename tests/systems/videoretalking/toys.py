"""VideoReTalking's networks in toy size, and files of them as the authors publish theirs."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sadtalker_core.enhance.nets.gfpgan import Gfpgan, GfpganConfig
from sadtalker_core.enhance.nets.gpen import Gpen, GpenConfig
from sadtalker_core.enhance.nets.parsenet import ParseNet, ParseNetConfig
from sadtalker_core.faces.landmarks98 import mesh_to_68
from sadtalker_core.faces.mesh import canonical_points
from sadtalker_core.faces.nets.recon3d import Recon3D, Recon3DConfig
from sadtalker_core.faces.nets.resnet import ResNetConfig
from sadtalker_core.systems.blocks.mel_encoder import AudioEncoderConfig
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.files import needed_files
from sadtalker_core.systems.videoretalking.finders import Seen, TrackerFinder
from sadtalker_core.systems.videoretalking.nets.dnet import DNet, DNetConfig
from sadtalker_core.systems.videoretalking.nets.enet import ENet, ENetConfig
from sadtalker_core.systems.videoretalking.nets.ganimation import GANimation, GANimationConfig
from sadtalker_core.systems.videoretalking.nets.lnet import LNet, LNetConfig
from sadtalker_core.systems.videoretalking.weights import RetalkingNets
from sadtalker_core.weights import published_enhance, published_retalking

_SIDE = 64  # of the enhancers' faces
DNET = DNetConfig(
    descriptor=6,
    hidden=5,
    warp_width=4,
    warp_most=8,
    warp_down=5,
    warp_up=3,
    edit_width=4,
    edit_most=8,
    edit_levels=3,
    edit_blocks=1,
)
LNET = LNetConfig(width=4, blocks=1, hidden=3, audio=AudioEncoderConfig(2))
ENET = ENetConfig(first=3, body=(4, 4, 4, 4, 4, 4), last=5, style=6, levels=(6, 4), lnet=None)
GANIMATION = GANimationConfig(width=4, blocks=2)
RECON = Recon3DConfig(ResNetConfig(4, (1, 1, 1, 3)))
GPEN = GpenConfig(style=8, mlp=1, channels=(8, 8, 8, 6, 4))
GFPGAN = GfpganConfig(size=_SIDE, style=8, mlp=1, channels=(8, 8, 8, 6, 4), unet=(4, 6, 8, 8, 8))
PARSENET = ParseNetConfig(channels=(2, 3, 3, 3, 3), blocks=1)


def toy(build: Any, seed: int = 0) -> Any:
    """A network with numbers of a sensible size: nothing is zero that could hide a mistake."""
    torch.manual_seed(seed)
    net: nn.Module = build()
    with torch.no_grad():
        for name, value in net.named_parameters():
            if name.endswith(("bias", "noise.weight")) or value.ndim == 1:
                value.add_(0.1 * torch.randn_like(value))
    return net.eval().requires_grad_(False)


def toy_states() -> dict[str, Any]:
    """What each published file holds, by its name in the catalog, wrapped as the authors wrap."""
    enet = toy(lambda: ENet(ENET), 1).state_dict()
    old_lnet = toy(lambda: LNet(LNET), 9).state_dict()
    with_old = {**enet, **{f"low_res.{key}": value for key, value in old_lnet.items()}}
    return {
        "retalking-expression": {"net_G": {}, "net_G_ema": _state(lambda: DNet(DNET), 2)},
        "retalking-lips": {"state_dict": _parallel(_state(lambda: LNet(LNET), 3)), "epoch": 1},
        "retalking-detail": {"state_dict": _parallel(with_old)},
        "retalking-recon": {"net_recon": _state(lambda: Recon3D(RECON), 4)},
        "retalking-emotion": {
            **_state(lambda: GANimation(GANIMATION), 5),
            "model.1.running_mean": torch.zeros(4),
        },
        published_enhance.GPEN_512.name: _state(lambda: Gpen(GPEN), 6),
        published_enhance.GFPGAN_13.name: {"params_ema": _state(lambda: Gfpgan(GFPGAN), 7)},
        published_enhance.PARSENET.name: _parser(),
    }


def _parser() -> dict[str, Tensor]:
    """Sees skin and lips everywhere, and nothing else."""
    state = _state(lambda: ParseNet(PARSENET), 8)
    bias = state["out_mask_conv.conv2d.bias"]
    bias.fill_(-1e4)
    bias[[1, 11]] = 0.0
    return state


def _state(build: Any, seed: int) -> dict[str, Tensor]:
    return dict(toy(build, seed).state_dict())


def _parallel(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"module.{key}": value for key, value in state.items()}


def mat_file(arrays: dict[str, np.ndarray]) -> bytes:
    """A MATLAB file of version 5 with matrices of doubles."""
    content = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x100) + b"IM"
    for name, value in arrays.items():
        body = _element(6, struct.pack("<II", 6, 0))
        body += _element(5, struct.pack("<2i", *value.shape))
        body += _element(1, name.encode()) + _element(9, value.tobytes(order="F"))
        content += _element(14, body)
    return content


def _element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def write_toy_files(folder: Path, options: VideoReTalkingOptions) -> dict[str, Path]:
    """The files that these options need, by name; the original's face finders are not made."""
    folder.mkdir(parents=True, exist_ok=True)
    states = toy_states()
    paths: dict[str, Path] = {}
    for file in needed_files(options):
        path = folder / file.file
        if file == published_retalking.TEMPLATES:
            numbers = np.random.default_rng(0).normal(size=(2, 70))
            path.write_bytes(
                mat_file({"expression_center": numbers, "expression_mouth": numbers + 1})
            )
        elif file.name in states:
            torch.save(states[file.name], path)
        paths[file.name] = path
    return paths


def face_landmarks(x: float, y: float, size: float) -> Tensor:
    """(68, 2) of a neutral face around (x, y), ``size`` pixels wide."""
    points = mesh_to_68(canonical_points().float())
    low, high = points.amin(0), points.amax(0)
    return (points - (low + high) / 2) / (high - low)[0] * size + torch.tensor([x, y])


class Scripted(TrackerFinder):
    """Sees what a list says: centre and width of the face in each frame, or None."""

    def __init__(self, places: Sequence[tuple[float, float, float] | None]) -> None:
        self._places = list(places)
        self.looked = 0

    def too_few(self) -> None:
        return None

    def look(self, rgb: Tensor) -> Seen | None:
        place = self._places[self.looked]
        self.looked += 1
        if place is None:
            return None
        landmarks = face_landmarks(*place)
        x0, y0 = (int(value) for value in landmarks.amin(0))
        x1, y1 = (int(value) for value in landmarks.amax(0))
        return Seen(landmarks, (x0, y0, x1, y1), 1)


def toy_nets(options: VideoReTalkingOptions) -> RetalkingNets:
    """The networks of a job without files."""
    enet = toy(lambda: ENet(ENET), 1)
    enet.low_res = toy(lambda: LNet(LNET), 3)
    parser = ParseNet(PARSENET).eval()
    parser.load_state_dict(_parser())
    numbers = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    gpen = toy(lambda: Gpen(GPEN), 6) if options.reference_enhancer == "gpen" else None
    gfpgan = toy(lambda: Gfpgan(GFPGAN), 7) if options.mouth_enhancer == "gfpgan" else None
    emotion = toy(lambda: GANimation(GANIMATION), 5) if options.up_face != "original" else None
    return RetalkingNets(
        recon=toy(lambda: Recon3D(RECON), 4),
        dnet=toy(lambda: DNet(DNET), 2),
        enet=enet,
        parsenet=parser,
        templates={"neutral": numbers[0], "smile": numbers[1]},
        gpen=gpen,
        gfpgan=gfpgan,
        emotion=emotion,
    )
