"""Small networks and short videos for the enhancers' tests."""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from sadtalker_core.enhance.align import ffhq_points
from sadtalker_core.enhance.load import Enhancer
from sadtalker_core.enhance.nets.gfpgan import Gfpgan, GfpganConfig
from sadtalker_core.enhance.nets.parsenet import ParseNet, ParseNetConfig
from sadtalker_core.faces.nets.resnet import ResNetConfig
from sadtalker_core.faces.nets.retinaface import RetinaFace, RetinaFaceConfig
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.structures import FrameStream
from sadtalker_core.weights.published import RETINAFACE
from sadtalker_core.weights.published_enhance import PARSENET
from sadtalker_core.weights.store import WeightStore

ROOT = Path(__file__).resolve().parent.parent.parent
PORTRAIT = ROOT / "sadtalker_core" / "data" / "demo" / "portrait.png"
TOY_CONFIG = GfpganConfig(size=64, style=8, mlp=1, channels=(8,) * 5, unet=(4,) * 5)
FPS = Fraction(25)


def toy_gfpgan() -> Gfpgan:
    """A small GFPGAN with weights of a seed."""
    torch.manual_seed(0)
    return Gfpgan(TOY_CONFIG).eval().requires_grad_(False)


def toy_file(folder: Path, name: str = "GFPGANv1.2.pth") -> Path:
    """Its weights as GFPGAN's authors wrap them."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"params_ema": toy_gfpgan().state_dict()}, folder / name)
    return folder / name


def enhancer(restore: Callable[[Tensor], Tensor], size: int = 64) -> Enhancer:
    """Anything as an enhancer."""
    return Enhancer("toy", restore, size, ffhq_points(size), torch.device("cpu"))


def lighter(faces: Tensor) -> Tensor:
    """A restored face that is lighter and has stripes."""
    stripes = torch.arange(faces.shape[3]) % 4 // 2 * 0.2 - 0.1
    return faces + 0.2 + stripes


@functools.cache
def _head() -> Tensor:
    return read_picture(PORTRAIT).flattened()[:, 10:250, 104:344].clone()


def portrait(side: int = 192) -> Tensor:
    """(3, side, side) uint8: the head of the bundled portrait."""
    close = _head()
    small = F.interpolate(close[None].float(), (side, side), mode="area")[0]
    return small.round().to(torch.uint8)


def still(count: int, side: int = 192, noise: float = 0.0) -> Tensor:
    """(count, 3, side, side) uint8: the portrait at rest, with a camera's noise in levels."""
    frames = portrait(side).float().expand(count, -1, -1, -1)
    generator = torch.Generator().manual_seed(1)
    frames = frames + noise * torch.randn(frames.shape, generator=generator)
    return frames.round().clamp(0, 255).to(torch.uint8)


def stream_of(frames: Tensor, chunk: int = 3) -> FrameStream:
    """A stream of (T, 3, H, W) in chunks."""
    size = (int(frames.shape[2]), int(frames.shape[3]))
    return FrameStream(iter(frames.split(chunk)), len(frames), size, FPS)


def toy_finder_files(folder: Path) -> None:
    """Small RetinaFace and ParseNet under the published names, accepted as the user's own."""
    torch.manual_seed(0)
    finder = RetinaFace(RetinaFaceConfig(ResNetConfig(4, (1, 1, 1, 1)), 8))
    parser = ParseNet(ParseNetConfig((4, 4, 4), 1))
    store = WeightStore(folder)
    for file, net in ((RETINAFACE, finder), (PARSENET, parser)):
        torch.save(net.state_dict(), folder / file.file)
        store.accept(file, folder / file.file)
