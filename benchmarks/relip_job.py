"""A whole frame of VideoReTalking: the original's own functions in its order, and our pipeline.

    python -m benchmarks.relip_job --reference DIR --facexlib DIR --frames 1

DIRs are a checkout of OpenTalker/video-retalking and a folder that holds the package facexlib. The
original's ``inference.py`` cannot run as it is without dlib, face-alignment, basicsr and its own
checkpoints, so its steps are called one by one, from the frame in memory to the blended frame, with
seeded weights that both sides share. Landmarks and boxes are given to the original for nothing,
while ours looks for the face itself. What its finders cost besides is measured with our networks of
the same kinds (S3FD, FAN, RetinaFace), which equal them, and is told apart. Reading, writing and
sound are left out on both sides. Processor seconds of one thread.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import time
import types
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from benchmarks.animate import ROOT, describe_machine
from benchmarks.enhancer_speed import state_of
from benchmarks.paired import commit
from sadtalker_core.enhance.fast.build import fast_form
from sadtalker_core.enhance.nets.gfpgan import Gfpgan
from sadtalker_core.enhance.nets.gpen import Gpen
from sadtalker_core.enhance.nets.parsenet import ParseNet
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.landmarks98 import mesh_to_68
from sadtalker_core.faces.nets.fan68 import Fan68
from sadtalker_core.faces.nets.recon3d import Recon3D
from sadtalker_core.faces.nets.retinaface import RetinaFace
from sadtalker_core.faces.nets.s3fd import S3fd
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.faces.recon3d import STANDARD_POINTS, five_points
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.motion_request import MotionRequest
from sadtalker_core.relip_request import RelipVideo
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.fast import choose_dtype, quicken
from sadtalker_core.systems.videoretalking.nets.dnet import DNet
from sadtalker_core.systems.videoretalking.nets.enet import ENet
from sadtalker_core.systems.videoretalking.pipeline import relip
from sadtalker_core.systems.videoretalking.weights import RetalkingNets
from tests.parity.enhance_nets import gfpgan_mild, gpen_scaled

_SIZE = (480, 640)
_MOUTH = [0] * 10 + [255] * 3 + [0] * 6


class Given:
    """What both sides are given: a frame, its face, networks."""

    def __init__(self) -> None:
        demo = ROOT / "sadtalker_core" / "data" / "demo" / "portrait.png"
        rgb = read_picture(demo).flattened()[None].float()
        self.rgb = F.interpolate(rgb, _SIZE, mode="area")[0].round().to(torch.uint8)
        face = find_faces(load_face_nets("cpu"), self.rgb, FaceOptions())[0]
        self.landmarks = mesh_to_68(face.mesh_px).float()
        torch.manual_seed(0)
        self.recon = _frozen(Recon3D())
        self.dnet = _frozen(DNet())
        self.enet = _frozen(ENet())
        self.gfpgan = _frozen(Gfpgan(), state_of("gfpgan", gfpgan_mild))
        self.gpen = _frozen(Gpen(), state_of("gpen_bfr_512", gpen_scaled))
        self.parsenet = _frozen(ParseNet(), state_of("parsenet"))
        self.mel = torch.rand(1, 1, 80, 16) * 8 - 4


def _frozen(net: Any, state: dict[str, Tensor] | None = None) -> Any:
    if state is not None:
        net.load_state_dict(state)
    return net.eval().requires_grad_(False)


def our_seconds(given: Given, precision: str, frames: int) -> float:
    """Of one frame, in a job of ``frames`` that differ."""
    dtype = choose_dtype(precision, torch.device("cpu"))
    nets = RetalkingNets(
        recon=given.recon,
        dnet=given.dnet,
        enet=quicken(given.enet, dtype),
        parsenet=fast_form(given.parsenet, dtype),
        templates={"neutral": torch.zeros(64)},
        gpen=fast_form(given.gpen, dtype),
        gfpgan=fast_form(given.gfpgan, dtype),
        face_nets=load_face_nets("cpu"),
    )
    shown = torch.stack([given.rgb.roll(index, 2) for index in range(frames)])
    options, fps = VideoReTalkingOptions(), Fraction(25)
    video = RelipVideo(open=lambda: iter(shown.split(1)), fps=fps, length=frames, size=_SIZE)
    sound = torch.randn(640 * frames) * 0.1
    speech = MotionRequest(
        options=options,
        duration_s=frames / fps,
        fps=fps,
        open_sound=lambda: iter([sound]),
        samples=len(sound),
    )
    begun = time.process_time()
    made = relip(nets, video, FaceOptions(), None, speech, options, Runtime())
    for _ in made.frames:
        pass
    spent = time.process_time() - begun
    assert made.report.frames_without_face == 0
    return spent / frames


class _Finder:
    """A face finder that knows: boxes and five points as GPEN's and facexlib's give them."""

    def __init__(self) -> None:
        self.points, self.box = np.zeros((5, 2)), np.zeros(4)

    def sees(self, landmarks: np.ndarray[Any, Any]) -> None:
        self.points = five_points(torch.from_numpy(landmarks)).numpy()
        self.box = np.concatenate((landmarks.min(0), landmarks.max(0)))

    def detect(self, _: object) -> tuple[Any, Any]:
        return np.array([[*self.box, 1.0]]), np.array([self.points.T.reshape(10)])

    def detect_faces(self, *_: object) -> Any:
        return np.array([[*self.box, 1.0, *self.points.reshape(10)]])


class Original:
    """The original's networks and functions."""

    def __init__(self, folder: Path, facexlib: Path, given: Given) -> None:
        _stand_ins()
        for part in ("", "third_part", "third_part/GPEN", "third_part/GFPGAN"):
            sys.path.insert(0, str(folder / part))
        sys.path.append(str(facexlib))
        # packages whose first files import what is not here: their folders alone
        for name, place in (
            ("gfpgan", folder / "third_part/GFPGAN/gfpgan"),
            ("gfpgan.archs", folder / "third_part/GFPGAN/gfpgan/archs"),
            ("facexlib", facexlib / "facexlib"),
            ("facexlib.utils", facexlib / "facexlib/utils"),
        ):
            package = types.ModuleType(name)
            package.__path__ = [str(place)]
            sys.modules[name] = package
        get: Any = importlib.import_module
        self.alignment = get("utils.alignment_stit")
        self.pyramid = get("utils.inference_utils").Laplacian_Pyramid_Blending_with_mask
        preprocess = get("third_part.face3d.util.preprocess")
        place = preprocess.POS
        # arrays of one number are no numbers for newer numpy
        preprocess.POS = lambda xp, x: (place(xp, x)[0].reshape(-1), place(xp, x)[1])
        self.align_img = preprocess.align_img
        models = get("models")
        self.dnet = _taken(models.DNet(), given.dnet)
        self.enet = _taken(models.ENet(lnet=models.LNet()), given.enet)
        self.recon = given.recon  # ours is its equal
        self.finder = _Finder()
        enhancer = get("gpen_face_enhancer")
        self.enhancer = enhancer.FaceEnhancement.__new__(enhancer.FaceEnhancement)
        gan = get("face_model.face_gan").FaceGAN
        parse = get("face_parse.face_parsing").FaceParse
        generator = get("face_model.gpen_model").FullGenerator
        facegan, faceparser = gan.__new__(gan), parse.__new__(parse)
        facegan.resolution, facegan.is_norm, facegan.device = 512, True, "cpu"
        facegan.model = _taken(generator(512, 512, 8, 2, narrow=1, device="cpu"), given.gpen)
        faceparser.size, faceparser.device = 512, "cpu"
        parser = get("face_parse.parse_model").ParseNet
        sizes = (512, 512, 32, 64, 19)
        built = parser(*sizes, norm_type="bn", relu_type="LeakyReLU", ch_range=[32, 256])
        faceparser.faceparse = _taken(built, given.parsenet)
        points = get("align_faces").get_reference_facial_points((512, 512), 0.25, (0, 0), True)
        vars(self.enhancer).update(
            facedetector=self.finder,
            facegan=facegan,
            faceparser=faceparser,
            srmodel=None,
            use_sr=False,
            size=512,
            threshold=0.9,
            kernel=np.outer([1, 2, 1], [1, 2, 1]).astype("float32") / 16,
            reference_5pts=points,
        )
        clean = get("gfpgan.archs.gfpganv1_clean_arch").GFPGANv1Clean
        face_helper = get("facexlib.utils.face_restoration_helper")
        face_helper.init_detection_model = lambda *_, **__: self.finder
        face_helper.init_parsing_model = lambda *_, **__: None
        self.helper = face_helper.FaceRestoreHelper(1, 512, (1, 1), save_ext="png", device="cpu")
        built = clean(
            512, 512, 2, None, False, 8, input_is_latent=True, different_w=True, narrow=1,
            sft_half=True,
        )  # fmt: skip
        self.gfpgan = _taken(built, given.gfpgan)

    def frame(self, given: Given) -> Any:
        """One frame of ``inference.py``, from its step 2 on."""
        bgr = np.ascontiguousarray(given.rgb.permute(1, 2, 0).numpy()[..., ::-1])
        lm = given.landmarks.numpy()
        x0, y0 = (int(value) for value in lm.min(0) - 60)
        x1, y1 = (int(value) for value in lm.max(0) + 40)
        x0, y0 = max(x0, 0), max(y0, 0)
        x1, y1 = min(x1, bgr.shape[1]), min(y1, bgr.shape[0])
        cut = cv2.resize(bgr[y0:y1, x0:x1, ::-1], (256, 256))
        small = ((lm - [x0, y0]) * [256 / (x1 - x0), 256 / (y1 - y0)]).astype(np.float32)
        # 3DMM
        up = small.copy()
        up[:, 1] = 255 - up[:, 1]
        standard = np.array(STANDARD_POINTS)
        _, picture, _, _ = self.align_img(Image.fromarray(cut), up, standard)
        tensor = torch.from_numpy(np.array(picture) / 255.0).float().permute(2, 0, 1)[None]
        self.recon(tensor)
        window = torch.randn(1, 73, 26) * 0.1
        # DNet
        source = torch.from_numpy(cut.copy()).permute(2, 0, 1)[None] / 127.5 - 1
        drawn = self.dnet(source, window)["fake_image"][0].permute(1, 2, 0).clamp(-1, 1)
        stable = ((drawn.numpy() + 1) / 2 * 255).astype(np.uint8)[..., ::-1].copy()
        # reference enhancement
        self.finder.sees(small)
        better, _, _ = self.enhancer.process(
            stable, stable, face_enhance=True, possion_blending=False
        )
        crops, _, quads = self.alignment.crop_faces(
            256, [(small, Image.fromarray(better))], scale=1.0, use_fa=True, fa=object()
        )
        corners = [[0, 0], [0, 256], [256, 256], [256, 0]]
        inverse = self.alignment.calc_alignment_coefficients(quads[0] + 0.5, corners)
        filmed = Image.fromarray(cv2.resize(bgr[y0:y1, x0:x1], (256, 256)))
        pasted = self.alignment.paste_image(inverse, crops[0], filmed).convert("RGB")
        whole = bgr.copy()
        whole[y0:y1, x0:x1] = cv2.resize(np.array(pasted), (x1 - x0, y1 - y0))
        # lips
        bx0, by0 = (int(value) for value in lm.min(0))
        bx1, by1 = (int(value) for value in lm.max(0) + [0, 20])
        face, ref = (cv2.resize(each[by0:by1, bx0:bx1], (384, 384)) for each in (bgr, whole))
        masked = face.copy()
        masked[192:] = 0
        both = np.concatenate((masked, ref), 2)[None].transpose(0, 3, 1, 2) / 255.0
        batch = torch.FloatTensor(both)
        made, _ = self.enet(given.mel, batch, batch[:, 3:])
        lips = made.clamp(0, 1)[0].permute(1, 2, 0).numpy() * 255.0
        ff = bgr.copy()
        ff[by0:by1, bx0:bx1] = cv2.resize(lips.astype(np.uint8), (bx1 - bx0, by1 - by0))
        # mouth
        self.finder.sees(lm)
        restored = self._restored(ff)
        mask = self.enhancer.faceparser.process(restored[by0:by1, bx0:bx1], _MOUTH)[0]
        mouth = np.zeros_like(restored)
        size = (bx1 - bx0, by1 - by0)
        mouth[by0:by1, bx0:bx1] = cv2.resize(mask, size)[:, :, None] / 255.0
        large = [cv2.resize(x, (512, 512)) for x in (restored, ff, mouth.astype(np.float32))]
        mixed = self.pyramid(large[0], large[1], large[2][:, :, 0], 10)
        shown = np.uint8(cv2.resize(np.clip(mixed, 0, 255), (bgr.shape[1], bgr.shape[0])))
        box = (by0, by1, bx0, bx1)
        return self.enhancer.process(
            shown, bgr, bbox=box, face_enhance=False, possion_blending=True
        )[0]

    def _restored(self, picture: Any) -> Any:
        """``GFPGANer.enhance`` with the middle face pasted back."""
        helper = self.helper
        helper.clean_all()
        helper.read_image(picture)
        helper.get_face_landmarks_5(only_center_face=True, eye_dist_threshold=5)
        helper.align_warp_face()
        for face in helper.cropped_faces:
            given = torch.from_numpy(face[..., ::-1].transpose(2, 0, 1) / 127.5 - 1).float()[None]
            levels = self.gfpgan(given, return_rgb=False)[0][0].clamp(-1, 1).permute(1, 2, 0)
            shown = ((levels.numpy() + 1) / 2 * 255).round().astype(np.uint8)
            helper.add_restored_face(shown[..., ::-1].copy())
        helper.get_inverse_affine(None)
        return helper.paste_faces_to_input_image(upsample_img=None)


def _taken(theirs: Any, ours: nn.Module) -> Any:
    """The original's network with our weights; every weight that ours has must find its place."""
    left = theirs.load_state_dict(ours.state_dict(), strict=False)
    assert not left.unexpected_keys, left.unexpected_keys[:5]
    return theirs.eval().requires_grad_(False)


def _stand_ins() -> None:
    """Packages that the original imports and these steps do not need, or need little of."""

    class Anything(types.ModuleType):
        __path__ = []

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return lambda *_, **__: lambda found: found

    def rearrange(x: Tensor, pattern: str, h: int = 0) -> Tensor:
        if pattern.endswith("b h n d"):
            return x.unflatten(-1, (h, -1)).transpose(1, 2)
        return x.transpose(1, 2).flatten(2)

    missing = (
        "dlib face_alignment skimage skimage.io skimage.transform tqdm torchvision basicsr "
        "torchvision.transforms torchvision.transforms.functional torchvision.models "
        "basicsr.utils basicsr.archs basicsr.archs.arch_util einops facexlib.detection "
        "facexlib.parsing third_part.face_detection kornia kornia.geometry "
        "basicsr.utils.registry third_part.face3d.models third_part.face3d.models.networks "
        "face_detect face_detect.retinaface_detection torchvision.utils face_parse.model"
    )
    for name in missing.split():
        sys.modules[name] = Anything(name)
        above, _, last = name.rpartition(".")
        if above in sys.modules:
            setattr(sys.modules[above], last, sys.modules[name])
    # names that newer numpy and Pillow have elsewhere
    for owner, name, value in (
        (np, "VisibleDeprecationWarning", UserWarning),
        (np, "float", float),
        (np, "int", int),
        (Image, "ANTIALIAS", Image.Resampling.LANCZOS),
    ):
        if name not in vars(owner):
            setattr(owner, name, value)
    vars(sys.modules["einops"])["rearrange"] = rearrange
    vars(sys.modules["tqdm"])["tqdm"] = lambda found, *_, **__: found
    registry = types.SimpleNamespace(register=lambda: lambda found: found)
    vars(sys.modules["basicsr.utils.registry"])["ARCH_REGISTRY"] = registry
    vars(sys.modules["basicsr.archs.arch_util"])["default_init_weights"] = lambda *_, **__: None


@contextlib.contextmanager
def _inside(folder: Path) -> Generator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def finders_seconds() -> float:
    """What the original's finders cost for a frame, in the numbers that ``inference.py`` calls."""
    whole, part = torch.rand(1, 3, *_SIZE), torch.rand(1, 3, 256, 256)
    calls = (
        (S3fd(), whole, 1),
        (S3fd(), part, 2),
        (Fan68(), part, 2),
        (RetinaFace(), whole, 2),
        (RetinaFace(), part, 1),
    )
    total = 0.0
    for net, picture, count in calls:
        frozen = _frozen(net)
        begun = time.process_time()
        frozen(picture)
        total += count * (time.process_time() - begun)
    return total


def main() -> None:
    """Print seconds a frame and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--facexlib", type=Path)
    parser.add_argument("--frames", type=int, default=2)
    parser.add_argument("--precision", nargs="+", default=["auto"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    given = Given()
    print(f"commit {commit()}, one thread, {describe_machine()}", flush=True)
    theirs = finders = 0.0
    with torch.inference_mode():
        if options.reference is not None:
            original = Original(options.reference.resolve(), options.facexlib.resolve(), given)
            with _inside(options.reference):
                spent: list[float] = []
                for _ in range(options.frames):
                    begun = time.process_time()
                    original.frame(given)
                    spent.append(time.process_time() - begun)
            theirs, finders = min(spent), finders_seconds()
            print(f"original: {theirs:.1f} s a frame, finders {finders:.1f} s more", flush=True)
    for precision in options.precision:
        ours = our_seconds(given, precision, options.frames)
        print(f"ours, {precision}: {ours:.1f} s a frame", flush=True)
        if theirs:
            print(
                f"ratio {theirs / ours:.2f} without finders, {(theirs + finders) / ours:.2f} with"
            )


if __name__ == "__main__":
    main()
