"""Whole videos of Wav2Lip: the original's own program, and our pipeline.

    python -m benchmarks.wav2lip_job --reference DIR --repeat 3

DIR is a checkout of Rudrabha/Wav2Lip; it imports librosa, scipy and tqdm. Its ``main()`` runs as it
is, from frames in memory to pasted frames: where it reads a video, calls ffmpeg and loads weights,
it is handed ours. Both sides have the same seeded weights. As seeded weights find no face, S3FD is
computed on both sides and then told faces that move (``tests/known_faces.py``). Ours runs in the
original's way (``finder original``, ``smoothing original``, ``paste hard``), whose frames are
compared, and in the default one. Sounds begin as samples at 16 kHz. One thread's processor seconds.

Sounds: one that is over before the video is, and one that is longer, so that the video begins anew.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import math
import os
import sys
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.animate import DEMO, describe_machine
from benchmarks.paired import commit
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.nets.s3fd import S3fd
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.media.audio_in import open_audio
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.media.repeat import repeated_frames
from sadtalker_core.motion_request import MotionRequest
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.wav2lip.config import Wav2LipOptions
from sadtalker_core.systems.wav2lip.nets.generator import Wav2Lip
from sadtalker_core.systems.wav2lip.pipeline import relip
from sadtalker_core.systems.wav2lip.weights import Wav2LipNets
from tests.known_faces import KnownFace, KnownS3fd
from tests.parity.sadtalker_faces import filled

_SIZE = (288, 360)
_MEAN_BLUE = 104  # what both sides subtract from the first colour that S3FD sees
_ORIGINAL = Wav2LipOptions(finder="original", smoothing="original", paste="hard")


class Given:
    """What both sides are given: frames, faces in them, networks, a voice.

    Every frame's number stands in its first pixel, so that the detector knows which it sees.
    """

    def __init__(self, frames: int) -> None:
        scene = read_picture(DEMO / "portrait.png").flattened()[:, : _SIZE[0], 76 : 76 + _SIZE[1]]
        self.frames = torch.stack([scene.roll(2 * index, 2) for index in range(frames)])
        face = find_faces(load_face_nets("cpu"), scene, FaceOptions())[0]
        low, high = face.mesh_px[:, :2].amin(0), face.mesh_px[:, :2].amax(0)
        self.box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        self.frames[:, :, 0, 0] = torch.arange(frames, dtype=torch.uint8)[:, None]
        self.generator = _quiet(filled(Wav2Lip, "wav2lip/wav2lip", 2))
        self.detector = _quiet(filled(S3fd, "wav2lip/s3fd", 0))
        self.voice = torch.cat(list(open_audio(DEMO / "voice.flac").stream()))

    def faces(self, image: Tensor) -> list[list[KnownFace]]:
        """The frame's face, which trembles, one that is less sure, and one that is none."""
        found: list[list[KnownFace]] = []
        x0, y0, x1, y1 = self.box
        for number in (image[:, 0, 0, 0] + _MEAN_BLUE).round().tolist():
            dx, dy = 6 * number + 3 * math.sin(2.3 * number), 2 * math.sin(1.7 * number)
            grown = 4 * math.sin(0.9 * number)
            box = (x0 + dx - grown, y0 + dy - grown, x1 + dx + grown, y1 + dy + grown)
            away = (260 + dx / 4, 180.3 + dy, 321.7 + dx / 4, 250.1 + dy)
            none = (-20.5, -7.2, 30.4, 44.9)
            found.append([KnownFace(box), KnownFace(away, 0.8), KnownFace(none, 0.4)])
        return found


def _quiet(net: Any) -> Any:
    return net.eval().requires_grad_(False)


class Parts:
    """Processor seconds that networks take, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def watch(self, name: str, net: nn.Module) -> None:
        """Count what ``net`` takes from now on."""
        begun: list[float] = []

        def after(*_: object) -> None:
            spent = time.process_time() - begun.pop()
            self.seconds[name] = self.seconds.get(name, 0.0) + spent

        net.register_forward_pre_hook(lambda *_: begun.append(time.process_time()))
        net.register_forward_hook(after)


@dataclass
class Turn:
    """The frames of one run, (T, 3, H, W) RGB, its processor seconds and those of networks."""

    frames: Tensor
    seconds: float
    parts: dict[str, float]


class Ours:
    """Our pipeline with networks of its own."""

    def __init__(self, given: Given, options: Wav2LipOptions) -> None:
        self._given, self._options, self._parts = given, options, Parts()
        detector: Any = None
        if options.finder == "original":
            detector = KnownS3fd(given.detector, given.faces)
            self._parts.watch("detector", detector)
        generator = filled(Wav2Lip, "wav2lip/wav2lip", 2)
        assert isinstance(generator, Wav2Lip)
        self._parts.watch("generator", generator)
        self._nets = Wav2LipNets(_quiet(generator), detector)
        self._faces = load_face_nets("cpu")

    def __call__(self, sound: Tensor, fps: Fraction) -> Turn:
        """As many frames as the sound has."""
        frames = self._given.frames
        length = math.ceil(len(sound) * fps / 16000)

        def opened() -> Iterator[Tensor]:
            yield from frames.split(16)

        video = repeated_frames(opened, fps, len(frames), _SIZE, length, "loop", 16)
        options, seconds = self._options, Fraction(len(sound), 16000)
        speech = MotionRequest(options, seconds, fps, lambda: iter([sound]), len(sound))
        self._parts.seconds.clear()
        begun = time.process_time()
        made = relip(
            self._nets, video, FaceOptions(), None, speech, options, Runtime(), self._faces
        )
        found = torch.cat(list(made.frames))
        spent = time.process_time() - begun
        assert made.report.frames_without_face == 0
        return Turn(found, spent, dict(self._parts.seconds))


class Original:
    """The original's program in this process."""

    def __init__(self, folder: Path, given: Given) -> None:
        sys.path.insert(0, str(folder))
        names = ("--checkpoint_path", "any.pth", "--face", "any.mp4", "--audio", "any.wav")
        sys.argv = ["inference.py", *names]
        librosa: Any = importlib.import_module("librosa")
        importlib.import_module("librosa.filters")
        # as in librosa 0.7, which the original pins: arguments by place, ends mirrored
        mel = librosa.filters.mel
        librosa.filters.mel = lambda sr, n_fft, **words: mel(sr=sr, n_fft=n_fft, **words)
        librosa.stft = functools.partial(librosa.stft, pad_mode="reflect")
        self._program: Any = importlib.import_module("inference")
        self._given, self._parts = given, Parts()
        network = importlib.import_module("models").Wav2Lip()
        network.load_state_dict(given.generator.state_dict())
        self._network = _quiet(network)
        self._parts.watch("generator", network)
        sfd: Any = importlib.import_module("face_detection.detection.sfd.sfd_detector")
        sfd.load_url = lambda *_: given.detector.state_dict()
        detection = self._program.face_detection
        finder = detection.FaceAlignment(
            detection.LandmarksType._2D, flip_input=False, device="cpu"
        )
        found = KnownS3fd(_quiet(finder.face_detector.face_detector), given.faces, is_flat=True)
        self._parts.watch("detector", found)
        finder.face_detector.face_detector = found
        detection.FaceAlignment = lambda *_, **__: finder  # loaded once, outside of the clock

    def __call__(self, sound: Tensor, fps: Fraction) -> Turn:
        """As many frames as its ``main()`` writes."""
        program, written = self._program, list[np.ndarray[Any, Any]]()
        program.cv2 = _camera(self._given.frames, fps, written)
        program.os = types.SimpleNamespace(path=types.SimpleNamespace(isfile=lambda _: True))
        program.subprocess = types.SimpleNamespace(call=lambda *_, **__: 0)
        program.audio.load_wav = lambda *_: sound.numpy()
        program.load_model = lambda _: self._network
        program.tqdm = lambda found, **__: found
        program.print = lambda *_: None
        self._parts.seconds.clear()
        begun = time.process_time()
        program.main()
        spent = time.process_time() - begun
        found = torch.from_numpy(np.stack(written)[..., ::-1].copy()).permute(0, 3, 1, 2)
        return Turn(found, spent, dict(self._parts.seconds))


def _camera(frames: Tensor, fps: Fraction, written: list[Any]) -> Any:
    """OpenCV whose videos are in memory."""
    pictures = [np.ascontiguousarray(rgb.permute(1, 2, 0).numpy()[..., ::-1]) for rgb in frames]

    class Capture:
        def __init__(self, _: str) -> None:
            self._left = [picture.copy() for picture in pictures]

        def get(self, _: int) -> float:
            return float(fps)

        def read(self) -> tuple[bool, Any]:
            return (True, self._left.pop(0)) if self._left else (False, None)

        def release(self) -> None:
            pass

    class Writer:
        def __init__(self, *_: object) -> None:
            pass

        def write(self, picture: Any) -> None:
            written.append(picture)

        def release(self) -> None:
            pass

    return types.SimpleNamespace(**{**vars(cv2), "VideoCapture": Capture, "VideoWriter": Writer})


def differences(found: Tensor, want: Tensor) -> str:
    """Worst level, and how many values and frames differ."""
    away = (found.int() - want.int()).abs()
    frames = (away.flatten(1).amax(1) > 1).nonzero().flatten().tolist()
    return (
        f"worst {int(away.max())} levels, {float((away > 0).float().mean()):.4%} of values differ, "
        f"{float((away > 1).float().mean()):.4%} by more than one (frames {frames})"
    )


def main() -> None:
    """Print differences, seconds a frame and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--frames", type=int, default=24, help="Of the video, at most 255.")
    parser.add_argument("--repeat", type=int, default=1, help="Turns; the fastest counts.")
    parser.add_argument("--fps", type=Fraction, default=Fraction(25))
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    given = Given(options.frames)
    height, width = _SIZE
    print(f"commit {commit()}, one thread, {describe_machine()}", flush=True)
    runs: dict[str, Callable[[Tensor, Fraction], Turn]] = {}
    if options.reference is not None:
        reference = options.reference.resolve()
        os.chdir(reference)
        runs["original"] = Original(reference, given)
    runs["ours, original's way"] = Ours(given, _ORIGINAL)
    runs["ours, default"] = Ours(given, Wav2LipOptions())
    for name, share in (("shorter", 0.75), ("longer", 1.6)):
        sound = given.voice[: round(share * options.frames * 16000 / options.fps)]
        print(f"{options.frames} frames of {width}x{height}, a {name} sound", flush=True)
        best: dict[str, Turn] = {}
        for _ in range(options.repeat):
            for label, run in runs.items():
                turn = run(sound, options.fps)
                if label not in best or turn.seconds < best[label].seconds:
                    best[label] = turn
        first = next(iter(best.values()))
        for label, turn in best.items():
            count = len(turn.frames)
            parts = ", ".join(f"{part} {s / count:.3f}" for part, s in turn.parts.items())
            ratio = first.seconds / len(first.frames) * count / turn.seconds
            print(
                f"  {label}: {count} frames, {turn.seconds / count:.3f} s a frame ({parts}), "
                f"ratio {ratio:.2f}",
                flush=True,
            )
        if "original" in best:
            theirs, ours = best["original"].frames, best["ours, original's way"].frames
            source = given.frames[torch.arange(len(theirs)) % len(given.frames)]
            print(f"  ours to the original: {differences(ours[: len(theirs)], theirs)}")
            print(f"  (to what was filmed: {differences(source, theirs)[:40]})", flush=True)


if __name__ == "__main__":
    main()
