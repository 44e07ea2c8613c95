"""A whole frame with its face restored: GFPGAN's own program, and our job's two ways.

    python -m benchmarks.enhance_job --gfpgan DIR --facexlib DIR --repeat 2

DIRs are a checkout of TencentARC/GFPGAN and a folder that holds the package facexlib. GFPGAN's
``GFPGANer`` and facexlib's helper, finder and parser run as they are, from pixels to pixels, with
seeded weights that both sides share. Of basicsr and torchvision, which cannot be imported together,
stand-ins do: two conversions of pictures, a normalisation, and our ResNet under facexlib's finder.
As seeded weights find no face, RetinaFace is computed on both sides and then told a known one
(``tests/known_faces.py``); the default way looks for the face itself. The original's noise is that
of the file here, as ours; by itself it draws new noise for every frame. Processor seconds of one
thread.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import sys
import tempfile
import time
import types
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.animate import DEMO, describe_machine
from benchmarks.enhancer_speed import state_of
from benchmarks.paired import commit
from benchmarks.wav2lip_job import Parts, differences
from sadtalker_core.enhance.align import ffhq_points
from sadtalker_core.enhance.fast.build import fast_form
from sadtalker_core.enhance.frames import enhance_frames
from sadtalker_core.enhance.load import Enhancer
from sadtalker_core.enhance.nets.gfpgan import Gfpgan
from sadtalker_core.enhance.nets.parsenet import ParseNet
from sadtalker_core.enhance.options import EnhanceOptions
from sadtalker_core.enhance.original import restore_frames
from sadtalker_core.enhance.original_nets import OriginalNets
from sadtalker_core.enhance.places import five_points_of
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.nets.resnet import ResNetConfig, ResNetTrunk
from sadtalker_core.faces.nets.retinaface import RetinaFace
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import FrameStream
from tests.known_faces import KnownFace, KnownRetinaFace
from tests.parity.enhance_nets import gfpgan_mild

_SIZE = (480, 640)


class Given:
    """What both sides are given: frames, the face in them, weights.

    Every frame's number stands in its first pixel, so that the finder knows which it sees.
    """

    def __init__(self, frames: int) -> None:
        rgb = read_picture(DEMO / "portrait.png").flattened()[None].float()
        scene = F.interpolate(rgb, _SIZE, mode="area")[0].round().to(torch.uint8)
        face = find_faces(load_face_nets("cpu"), scene, FaceOptions())[0]
        self.points, self.box = five_points_of(face).float(), face.box_px.float()
        self.frames = torch.stack([scene.roll(2 * index, 2) for index in range(frames)])
        self.frames[:, :, 0, 0] = torch.arange(frames, dtype=torch.uint8)[:, None]
        self.gfpgan = state_of("gfpgan", gfpgan_mild)
        self.parsenet = state_of("parsenet")
        self.retinaface = state_of("retinaface_r50")
        self.has_second = False

    def faces(self, image: Tensor) -> list[list[KnownFace]]:
        """The frame's face, perhaps a smaller and less sure one that lies over it, and one that
        is too unsure."""
        found: list[list[KnownFace]] = []
        for number in (image[:, 0, 0, 0] + 104).round().tolist():  # blue's mean is subtracted
            shift = torch.tensor([2.0 * number, 0.0])
            points, box = self.points + shift, self.box + shift.repeat(2)
            each = [_known(box, points, 0.999)]
            if self.has_second:
                turn = torch.tensor([[0.42, -0.1], [0.1, 0.42]])
                small = (points - points.mean(0)) @ turn.mT + points.mean(0) + 70
                each.append(
                    _known(torch.cat((small.amin(0) - 15, small.amax(0) + 15)), small, 0.98)
                )
            away = points * 0.2 + 20
            each.append(_known(torch.cat((away.amin(0) - 9, away.amax(0) + 9)), away, 0.96))
            found.append(each)
        return found


def _known(box: Tensor, points: Tensor, score: float) -> KnownFace:
    x0, y0, x1, y1 = box.tolist()
    return KnownFace((x0, y0, x1, y1), score, points)


def _loaded(net: Any, state: dict[str, Tensor]) -> Any:
    net.load_state_dict(state, strict=True)
    return net.eval().requires_grad_(False)


class Ours:
    """Our two ways with the same networks."""

    def __init__(self, given: Given) -> None:
        self.parts = Parts()
        self._gfpgan = fast_form(_loaded(Gfpgan(), given.gfpgan))
        finder: Any = KnownRetinaFace(_loaded(RetinaFace(), given.retinaface), given.faces)
        parser = fast_form(_loaded(ParseNet(), given.parsenet))
        self._nets = OriginalNets(finder, parser)
        self._faces = load_face_nets("cpu")
        for name, net in (("GFPGAN", self._gfpgan), ("ParseNet", parser), ("RetinaFace", finder)):
            self.parts.watch(name, net)

    def run(self, way: str, upscale: float, frames: Tensor) -> Tensor:
        """(T, 3, H, W) uint8 restored in a way."""
        options = EnhanceOptions(enhance_way=way, upscale=upscale)
        enhancer = Enhancer(options.enhancer, self._gfpgan, 512, ffhq_points(), torch.device("cpu"))
        stream = FrameStream(iter(frames.split(1)), len(frames), _SIZE, Fraction(25))
        if way == "original":
            made = restore_frames(stream, self._nets, enhancer, options, Runtime())
        else:
            made = enhance_frames(stream, self._faces, enhancer, options, Runtime())
        done = torch.cat(list(made.frames))
        assert made.report.frames_without_face == 0
        return done


class Original:
    """GFPGAN's program in this process."""

    def __init__(self, gfpgan: Path, facexlib: Path, given: Given) -> None:
        _stand_ins(gfpgan, facexlib)
        self.parts = Parts()
        get: Any = importlib.import_module
        retina = _loaded(
            get("facexlib.detection.retinaface").RetinaFace("resnet50", device="cpu"),
            given.retinaface,
        )
        known = KnownRetinaFace(_Called(retina.forward), given.faces, gives_scores=True)
        vars(retina)["forward"] = known
        parser = get("facexlib.parsing.parsenet").ParseNet(in_size=512, out_size=512, parsing_ch=19)
        helper = get("facexlib.utils.face_restoration_helper")
        helper.init_detection_model = lambda *_, **__: retina
        helper.init_parsing_model = lambda *_, **__: _loaded(parser, given.parsenet)
        self._given = given
        self._build = get("gfpgan.utils").GFPGANer
        for name, net in (("ParseNet", parser), ("RetinaFace", known)):
            self.parts.watch(name, net)
        self._made: dict[float, Any] = {}

    def run(self, upscale: float, frames: Tensor) -> Tensor:
        """(T, 3, H, W) uint8 restored by ``GFPGANer.enhance``."""
        restorer = self.restorer(upscale)
        done: list[Tensor] = []
        for rgb in frames:
            bgr = np.ascontiguousarray(rgb.permute(1, 2, 0).numpy()[..., ::-1])
            _, _, shown = restorer.enhance(bgr, paste_back=True)
            done.append(torch.from_numpy(shown[..., ::-1].copy()).permute(2, 0, 1))
        return torch.stack(done)

    def restorer(self, upscale: float) -> Any:
        """A ``GFPGANer``, loaded once."""
        if upscale not in self._made:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "gfpgan.pth"
                torch.save({"params_ema": self._given.gfpgan}, path)
                made = self._build(str(path), upscale, "clean", 2, None, "cpu")
            made.gfpgan.requires_grad_(False)
            forward = functools.partial(made.gfpgan.forward, randomize_noise=False)
            vars(made.gfpgan)["forward"] = forward
            self.parts.watch("GFPGAN", made.gfpgan)
            self._made[upscale] = made
        return self._made[upscale]


class _Called(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, image: Tensor) -> Any:
        return self.function(image)


def _trunk(*_: object) -> nn.Module:
    """What torchvision's ``IntermediateLayerGetter`` makes of a ResNet-50."""
    trunk = ResNetTrunk(ResNetConfig())
    layers = trunk.forward
    vars(trunk)["forward"] = lambda image: dict(enumerate(layers(image)[1:]))
    return trunk


def _stand_ins(gfpgan: Path, facexlib: Path) -> None:
    """Packages that cannot be imported, as far as they are needed here."""

    def module(name: str, **members: Any) -> None:
        made = types.ModuleType(name)
        vars(made).update(members)
        sys.modules[name] = made
        above, _, last = name.rpartition(".")
        if above in sys.modules:
            setattr(sys.modules[above], last, made)

    def normalize(picture: Tensor, mean: Any, std: Any, inplace: bool = False) -> Tensor:
        assert inplace
        return picture.sub_(torch.tensor(mean)[:, None, None]).div_(
            torch.tensor(std)[:, None, None]
        )

    def tensor2img(picture: Tensor, rgb2bgr: bool, min_max: tuple[float, float]) -> Any:
        low, high = min_max
        levels = (picture.clamp(low, high) - low) / (high - low) * 255
        order = [2, 1, 0] if rgb2bgr else [0, 1, 2]
        return levels.round().to(torch.uint8)[order].permute(1, 2, 0).contiguous().numpy()

    def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
        order, kept = scores.argsort(descending=True, stable=True).tolist(), list[int]()
        sizes = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        for at in order:
            low = torch.maximum(boxes[kept, :2], boxes[at, :2])
            high = torch.minimum(boxes[kept, 2:], boxes[at, 2:])
            shared = (high - low).clamp(min=0).prod(1)
            if not (shared / (sizes[kept] + sizes[at] - shared) > iou_threshold).any():
                kept.append(at)
        return torch.tensor(kept)

    # packages whose first files import what is not here: their folders alone
    module("gfpgan", __path__=[str(gfpgan / "gfpgan")])
    module("gfpgan.archs", __path__=[str(gfpgan / "gfpgan" / "archs")])
    module("facexlib", __path__=[str(facexlib / "facexlib")])
    # two other forms of the network, which need basicsr's compiled parts
    module("gfpgan.archs.gfpgan_bilinear_arch", GFPGANBilinear=None)
    module("gfpgan.archs.gfpganv1_arch", GFPGANv1=None)
    module("torchvision", __path__=[])
    module("torchvision.models", __path__=[], resnet50=lambda **_: None)
    module("torchvision.models._utils", IntermediateLayerGetter=_trunk)
    module("torchvision.ops", nms=nms)
    module("torchvision.transforms", __path__=[])
    module("torchvision.transforms.functional", normalize=normalize)
    module("basicsr", __path__=[])
    misc: Any = importlib.import_module("facexlib.utils.misc")
    module("basicsr.utils", __path__=[], img2tensor=misc.img2tensor, tensor2img=tensor2img)
    module("basicsr.utils.download_util", load_file_from_url=None)
    registry = types.SimpleNamespace(register=lambda: lambda found: found)
    module("basicsr.utils.registry", ARCH_REGISTRY=registry)
    module("basicsr.archs", __path__=[])
    module("basicsr.archs.arch_util", default_init_weights=lambda *_, **__: None)


def main() -> None:
    """Print differences, seconds a frame and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gfpgan", type=Path)
    parser.add_argument("--facexlib", type=Path)
    parser.add_argument("--frames", type=int, default=2, help="Of one turn, at most 255.")
    parser.add_argument("--repeat", type=int, default=1, help="Turns; the fastest counts.")
    parser.add_argument("--upscale", type=float, nargs="+", default=[1.0, 2.0])
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    given = Given(options.frames)
    ours = Ours(given)
    original = None
    if options.gfpgan is not None:
        original = Original(options.gfpgan.resolve(), options.facexlib.resolve(), given)
        for upscale in options.upscale:
            original.restorer(upscale)
    print(f"commit {commit()}, one thread, {describe_machine()}", flush=True)
    for upscale in options.upscale:
        runs: dict[str, tuple[Parts, Callable[[Tensor], Tensor]]] = {}
        if original is not None:
            runs["GFPGANer"] = original.parts, functools.partial(original.run, upscale)
        for way in ("original", "steady"):
            runs[f"ours, {way}"] = ours.parts, functools.partial(ours.run, way, upscale)
        height, width = _SIZE
        print(f"frames of {width}x{height}, upscale {upscale:g}, one face", flush=True)
        _compare(runs, given.frames, options.repeat)
        if original is not None:
            given.has_second = True
            frame = given.frames[:1]
            found, want = ours.run("original", upscale, frame), original.run(upscale, frame)
            given.has_second = False
            print(
                f"  two faces, ours, original to GFPGANer: {differences(found, want)}", flush=True
            )


def _compare(
    runs: dict[str, tuple[Parts, Callable[[Tensor], Tensor]]], frames: Tensor, repeat: int
) -> None:
    """Print seconds a frame, and differences to the first of the runs."""
    best: dict[str, float] = {}
    made: dict[str, Tensor] = {}
    words: dict[str, str] = {}
    for _ in range(repeat):
        for name, (parts, run) in runs.items():
            parts.seconds.clear()
            begun = time.process_time()
            made[name] = run(frames)
            spent = (time.process_time() - begun) / len(frames)
            if spent < best.get(name, float("inf")):
                best[name] = spent
                each = parts.seconds.items()
                words[name] = ", ".join(f"{part} {s / len(frames):.2f}" for part, s in each)
    first = next(iter(runs))
    for name in runs:
        ratio = best[first] / best[name]
        print(
            f"  {name}: {best[name]:.2f} s a frame ({words[name]}), ratio {ratio:.2f}", flush=True
        )
    if first == "GFPGANer":
        want = made[first]
        print(f"  ours, original to GFPGANer: {differences(made['ours, original'], want)}")
        if frames.shape == want.shape:
            print(f"  (what was given to it: {differences(frames, want)})", flush=True)


if __name__ == "__main__":
    main()
