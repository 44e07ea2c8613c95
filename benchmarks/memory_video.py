"""Peak memory of short and long videos: ``python -m benchmarks.memory_video --long 10``.

A small face that wanders, filmed for one minute and for ten, gets new lips or is restored; each job
runs in a process of its own, whose peak resident memory the system reports. Networks have toy size
and go through the real jobs, from file to file. Target: the long job within 5 % of the short one.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.animate import ROOT
from benchmarks.memory import looped_voice
from benchmarks.paired import commit
from sadtalker_core.media.options import VideoOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.media.video_out import write_video
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import FrameStream
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.files import needed_files
from sadtalker_core.weights.store import WeightStore
from tests.enhance.toys import toy_file
from tests.systems.videoretalking.toys import write_toy_files
from tests.systems.wav2lip.toys import toy_model

JOBS = ("lite", "videoretalking", "wav2lip", "enhance")
_FPS = Fraction(25)


def wandering_face(side: int, frames: int) -> FrameStream:
    """(frames, 3, side, side) uint8: the bundled portrait's head, some pixels to and fro."""
    rgb = read_picture(ROOT / "sadtalker_core" / "data" / "demo" / "portrait.png").flattened()
    head = F.interpolate(rgb[None, :, 10:250, 104:344].float(), (side, side), mode="area")
    still = head[0].round().to(torch.uint8)

    def chunks() -> Iterator[Tensor]:
        for index in range(frames):
            yield still.roll((index // 3 % 5, index // 2 % 7), (1, 2))[None]

    return FrameStream(chunks(), frames, (side, side), _FPS)


def words_of(job: str, folder: Path) -> list[str]:
    """The command line of a job."""
    video, out = str(folder / "in.mp4"), str(folder / "out.mp4")
    common = ["--out", out, "--models-dir", str(folder / "models"), "--quiet"]
    if job == "enhance":
        return ["enhance", "--input", video, "--enhancer", "gfpgan-1.2", *common]
    voice = str(folder / "voice.wav")
    return ["relip", "--video", video, "--audio", voice, "--engine", job, *common]


def peak_mb(words: list[str]) -> tuple[float, float]:
    """Peak resident memory in MB and processor time in s of one job in its own process."""
    command = [sys.executable, "-m", "sadtalker_core", *words]
    pid = os.posix_spawn(sys.executable, command, dict(os.environ))
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise SystemExit(f"the job failed with status {status}")
    scale = 1e6 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return usage.ru_maxrss / scale, usage.ru_utime + usage.ru_stime


def toy_models(folder: Path) -> None:
    """Small networks under the published names, accepted as the user's own."""
    store = WeightStore(option=folder, environment={}, cache=folder)
    options = VideoReTalkingOptions()
    paths = write_toy_files(folder, options)
    for file in needed_files(options):
        store.accept(file, paths[file.name])
    toy_model(folder)
    toy_file(folder)


def main() -> None:
    """Print a line for each job and length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", type=float, default=1.0, help="Minutes of the short video.")
    parser.add_argument("--long", type=float, default=10.0, help="Minutes of the long video.")
    parser.add_argument("--side", type=int, default=96, help="Pixels of the video's side.")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    args = parser.parse_args()
    os.chdir(ROOT)
    print(f"commit {commit()}, {args.side} x {args.side} pixels, {_FPS} frames a second")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        toy_models(folder / "models")
        for job in args.jobs:
            peaks: list[float] = []
            for minutes in (args.short, args.long):
                frames = round(minutes * 60 * _FPS)
                looped_voice(folder / "voice.wav", minutes)
                (folder / "in.mp4").unlink(missing_ok=True)
                write_video(
                    wandering_face(args.side, frames),
                    folder / "in.mp4",
                    audio=None,
                    options=VideoOptions(),
                    metadata={},
                    runtime=Runtime(),
                )
                begun = time.perf_counter()
                peak, busy = peak_mb(words_of(job, folder))
                peaks.append(peak)
                wall = time.perf_counter() - begun
                print(
                    f"{job}: {frames} frames: peak {peak:.0f} MB, {busy:.0f} CPU s, {wall:.0f} s",
                    flush=True,
                )
                (folder / "out.mp4").unlink()
            print(f"{job}: growth {peaks[1] / peaks[0] - 1:+.1%}", flush=True)


if __name__ == "__main__":
    main()
