"""Peak memory of a short and a long job: ``python -m benchmarks.memory --long 60``.

The bundled voice, looped, speaks for one minute and for an hour; each job runs in a process of its
own, whose peak resident memory the system reports. Target: the long job within 5 % of the short
one, and below 1.2 GB. A small picture keeps the hour-long job bearable; memory that grew with
length would show all the same, and its size per frame is printed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from PIL import Image

from tests.systems.liveportrait import toy_files as liveportrait_toys
from tests.systems.sadtalker import toy_files as sadtalker_toys

TOYS: dict[str, Callable[..., object]] = {
    "sadtalker": sadtalker_toys.write_toy_files,
    "liveportrait": liveportrait_toys.write_toy_files,
}
ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "sadtalker_core" / "data" / "demo"


def looped_voice(path: Path, minutes: float) -> Path:
    """The bundled voice, again and again, as WAV."""
    with av.open(str(DEMO / "voice.flac")) as container:
        stream = container.streams.audio[0]
        rate = stream.rate
        parts = [frame.to_ndarray() for frame in container.decode(stream)]
    samples = np.concatenate(parts, axis=1)[0].astype(np.int16)
    left = int(minutes * 60 * rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        while left > 0:
            part = samples[:left]
            file.writeframes(part.tobytes())
            left -= len(part)
    return path


def peak_mb(
    portrait: Path, voice: Path, out: Path, fps: str, flags: list[str]
) -> tuple[float, float]:
    """Peak resident memory in MB and wall time in s of one job in its own process."""
    begin = time.perf_counter()
    words = ["-m", "sadtalker_core", "animate", "--portrait", str(portrait), "--audio", str(voice)]
    words += ["--out", str(out), "--fps", fps, "--quiet", *flags]
    pid = os.posix_spawn(sys.executable, [sys.executable, *words], dict(os.environ))
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise SystemExit(f"the job failed with status {status}")
    scale = 1e6 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return usage.ru_maxrss / scale, time.perf_counter() - begin


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", type=float, default=1.0, help="Minutes of the short job.")
    parser.add_argument("--long", type=float, default=60.0, help="Minutes of the long job.")
    parser.add_argument("--fps", default="25")
    parser.add_argument("--side", type=int, default=256, help="Pixels of the portrait's side.")
    parser.add_argument(
        "--engine",
        choices=("lite", *TOYS),
        default="lite",
        help="A neural engine runs its whole path, with networks of toy size.",
    )
    parser.add_argument(
        "--full-size",
        action="store_true",
        help="The networks have their published size, and random weights.",
    )
    args = parser.parse_args()
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        portrait = folder / "portrait.png"
        with Image.open(DEMO / "portrait.png") as image:
            image.resize((args.side, args.side), Image.Resampling.LANCZOS).save(portrait)
        flags = ["--engine", args.engine]
        if args.engine in TOYS:
            TOYS[args.engine](folder, is_full_size=args.full_size)
            flags += ["--models-dir", str(folder)]
        peaks: list[float] = []
        for minutes in (args.short, args.long):
            voice = looped_voice(folder / "voice.wav", minutes)
            peak, seconds = peak_mb(portrait, voice, folder / "out.mp4", args.fps, flags)
            peaks.append(peak)
            print(f"{60 * minutes:g} s: peak {peak:.0f} MB, {seconds:.0f} s of work", flush=True)
        growth = peaks[1] / peaks[0] - 1
        frames = (args.long - args.short) * 60 * float(args.fps)
        per_frame = (peaks[1] - peaks[0]) * 1e6 / frames
        print(f"growth {growth:+.1%} ({per_frame:.0f} bytes per frame)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
