"""A job of SadTalker in full mode: ``python -m benchmarks.sadtalker_job --reference DIR``.

From the same coefficients, picture, landmarks and seeded weights to a video with the face pasted
back: the published code (a checkout of OpenTalker/SadTalker in DIR), and ours. Landmarks, sound
networks and encoding of the portrait's coefficients are left out on both sides; portrait features,
keypoints, renderer, paste and encoders are in. Where the published code calls an ffmpeg program for
its middle video, PyAV encodes the same (H.264); its last step, adding the sound, is left out.
Without ``--reference`` only ours runs.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
import types
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image

from benchmarks.animate import describe_machine
from benchmarks.paired import commit
from benchmarks.sadtalker_render import published_generator
from sadtalker_core.faces.composite import CompositeOptions
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.landmarks98 import mesh_to_68
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.media.options import VideoOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.media.video_out import write_video
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import Coeff3DMM
from sadtalker_core.systems.blocks.fast.precision import choose_mix
from sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions
from sadtalker_core.systems.sadtalker.crop import cut, ffhq_rectangle, plan_crop
from sadtalker_core.systems.sadtalker.fast import optimise
from sadtalker_core.systems.sadtalker.nets.mapping import MappingNet, MappingNetConfig
from sadtalker_core.systems.sadtalker.pipeline import PreparedPortrait, animate
from sadtalker_core.systems.sadtalker.render import RenderNets, prepare_source
from sadtalker_core.systems.sadtalker.semantics import driving_rows, source_window, windows
from sadtalker_core.systems.sadtalker.source import SourceFace
from sadtalker_core.systems.sadtalker.weights import SadTalkerNets
from tests.parity import sadtalker_motion, sadtalker_render

DEMO = Path(__file__).resolve().parent.parent / "sadtalker_core" / "data" / "demo"
DETECTOR: dict[str, Any] = {
    "temperature": 0.1,
    "block_expansion": 32,
    "max_features": 1024,
    "scale_factor": 0.25,
    "num_blocks": 5,
    "reshape_channel": 16384,
    "reshape_depth": 16,
    "num_kp": 15,
    "image_channel": 3,
    "feature_channel": 32,
    "estimate_jacobian": False,
}


class Job:
    """What both sides are given."""

    def __init__(self, portrait: Path, size: int, frames: int) -> None:
        self.portrait, self.size, self.frames = portrait, size, frames
        self.rgb = read_picture(portrait).flattened()
        face = find_faces(load_face_nets("cpu"), self.rgb, FaceOptions())[0]
        points = mesh_to_68(face.mesh_px)
        frame_size = (int(self.rgb.shape[1]), int(self.rgb.shape[2]))
        self.plan = plan_crop(frame_size, points, "full", size)
        self.rectangle = ffhq_rectangle(frame_size, points)
        self.picture = cut(self.rgb, self.plan)
        random = torch.Generator().manual_seed(0)
        # Small, as in the goldens: seeded weights would throw keypoints out of the picture.
        self.source = 0.1 * torch.randn(1, 73, generator=random)
        walk = 0.02 * torch.randn(frames, 70, generator=random).cumsum(0)
        self.rows = self.source[:, :70] + walk
        self.generator = sadtalker_render.generator(0, settled=True)
        self.detector = sadtalker_render.kp_extractor(0)
        mapping = sadtalker_motion.filled(lambda: MappingNet(MappingNetConfig(73)), "mapping_73", 0)
        assert isinstance(mapping, MappingNet)
        self.mapping = mapping


def our_job(job: Job, precision: str) -> Callable[[Path], None]:
    """Ours, networks loaded."""
    mix = choose_mix(precision, torch.device("cpu"))
    render = RenderNets(job.detector, optimise(job.generator, mix))
    unused: Any = None
    nets = SadTalkerNets(unused, unused, job.mapping, render)
    source = SourceFace(job.picture, job.source, torch.zeros(1, 257), job.plan, torch.zeros(68, 2))

    def run(folder: Path) -> None:
        runtime = Runtime()
        features = prepare_source(render, job.picture, runtime)
        paste = CompositeOptions()
        prepared = PreparedPortrait(job.rgb, source, features, paste, job.plan.frame_size)
        motion = Coeff3DMM.from_rows(job.rows, Fraction(25))
        stream = animate(nets, prepared, motion, SadTalkerMotionOptions(), runtime)
        out = folder / "ours.mp4"
        write_video(stream, out, audio=None, options=VideoOptions(), metadata={}, runtime=runtime)

    return run


def published_job(folder: Path, job: Job) -> Callable[[Path], None]:
    """The published code with the same weights: batches of two frames, as it does by default."""
    generator = published_generator(folder, job.generator.state_dict())
    for name, member in (("scipy.spatial", "ConvexHull"), ("tqdm", "tqdm")):
        module = sys.modules.get(name) or importlib.import_module(name)
        if not hasattr(module, member):
            setattr(module, member, lambda values, *words: values)
    videoio: Any = types.ModuleType("src.utils.videoio")
    videoio.save_video_with_watermark = lambda *words, **named: None  # adds the sound: left out
    sys.modules["src.utils.videoio"] = videoio
    detector = importlib.import_module("src.facerender.modules.keypoint_detector").KPDetector(
        **DETECTOR
    )
    detector.load_state_dict(job.detector.state_dict())
    mapping = importlib.import_module("src.facerender.modules.mapping").MappingNet(
        coeff_nc=73, descriptor_nc=1024, layer=3, num_kp=15, num_bins=66
    )
    mapping.load_state_dict(job.mapping.state_dict())
    animation = importlib.import_module("src.facerender.modules.make_animation")
    paste = importlib.import_module("src.utils.paste_pic")
    nets = [net.eval() for net in (generator, detector, mapping)]
    rows = driving_rows(job.rows, job.source, 73)
    target = windows(rows, torch.arange(job.frames)).view(2, job.frames // 2, 73, 27)
    semantics = source_window(job.source, 73).expand(2, -1, -1)
    picture = (job.picture.float() / 255).expand(2, -1, -1, -1)
    box = job.rectangle
    info = ((box.crop[2], box.crop[3]), box.crop, box.inner)

    def run(work: Path) -> None:
        frames = animation.make_animation(
            picture, semantics, target, nets[0], nets[1], None, nets[2]
        )
        pixels = (frames.flatten(0, 1).permute(0, 2, 3, 1).numpy() * 255).round()
        with av.open(str(work / "faces.mp4"), "w") as container:
            stream: Any = container.add_stream("libx264", rate=25)
            stream.width = stream.height = job.size
            stream.pix_fmt = "yuv420p"
            for frame in pixels.astype(np.uint8):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        # It writes a video of a random name into the current folder.
        before = os.getcwd()
        os.chdir(work)
        try:
            paste.paste_pic("faces.mp4", str(job.portrait), info, "", str(work / "theirs.mp4"))
        finally:
            os.chdir(before)

    return run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, help="Checkout of OpenTalker/SadTalker.")
    parser.add_argument("--portrait", type=Path, default=DEMO / "portrait.png")
    parser.add_argument("--side", type=int, default=1024, help="The picture is resized to this.")
    parser.add_argument("--size", type=int, default=256, choices=(256, 512))
    parser.add_argument("--frames", type=int, default=8, help="An even number.")
    parser.add_argument("--repeat", type=int, default=3, help="Turns; the fastest counts.")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        portrait = work / "portrait.png"
        with Image.open(args.portrait) as image:
            image.convert("RGB").resize((args.side, args.side)).save(portrait)
        job = Job(portrait, args.size, args.frames)
        runs: dict[str, Callable[[Path], None]] = {}
        if args.reference is not None:
            runs["published code"] = published_job(args.reference, job)
        for precision in ("float32", "auto"):
            runs[f"ours, {precision}"] = our_job(job, precision)
        times: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(args.repeat):
            for name, run in runs.items():
                start = time.perf_counter()
                run(work)
                times[name].append(time.perf_counter() - start)
    print(f"{describe_machine()}, torch {torch.__version__}, {args.threads} threads")
    print(f"commit {commit()}, {args.frames} frames of {args.side}x{args.side}, face {args.size}")
    first = next(iter(times.values()))
    for name, values in times.items():
        paired = sorted(a / b for a, b in zip(first, values))[len(values) // 2]
        best = min(values)
        print(
            f"{name:16} {best:7.2f} s, {best / args.frames:6.2f} s a frame, "
            f"ratio {min(first) / best:5.2f}, median of pairs {paired:5.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
