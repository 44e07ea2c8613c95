"""Speed of the main job on this machine: ``python -m benchmarks.animate``.

Every job runs in a process of its own, as a user would start it; times are those that the job
reports, and start once everything is imported.

- 512x512, 25 fps, the bundled sample, encoding included: real-time factor (target below 0.8) and
  time to the first frame (target below 3 s);
- the same portrait enlarged to 1080 lines, full frame: frames per second (target at least 8).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "sadtalker_core" / "data" / "demo"


def run_job(*flags: object) -> dict[str, Any]:
    """The report of one job."""
    done = subprocess.run(
        [sys.executable, "-m", "sadtalker_core", "animate", *map(str, flags), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def full_hd_portrait(folder: Path) -> Path:
    """The demo portrait on a 1920x1080 canvas, as a picture of that size would be."""
    path = folder / "1080p.png"
    with Image.open(DEMO / "portrait.png") as image:
        large = image.convert("RGB").resize((1080, 1080), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (1920, 1080), (128, 124, 120))
    canvas.paste(large, (420, 0))
    canvas.save(path)
    return path


def describe_machine() -> str:
    """Processor and cores of this machine."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="Runs of each; the best counts.")
    args = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        voice = DEMO / "voice.flac"
        out = folder / "out.mp4"
        jobs = {
            "512x512": DEMO / "portrait.png",
            "1920x1080": full_hd_portrait(folder),
        }
        for title, portrait in jobs.items():
            base = ("--portrait", portrait, "--audio", voice, "--out", out, "--fps", "25")
            reports = [run_job(*base) for _ in range(args.repeat)]
            best = min(reports, key=lambda report: report["total_s"])
            first = min(report["first_frame_s"] for report in reports)
            rate = best["frames"] / best["seconds"]["render"]
            stages = ", ".join(f"{k} {v:.2f}" for k, v in best["seconds"].items())
            factor = best["realtime_factor"]
            print(f"{title}: real-time factor {factor:.2f}, first frame {first:.2f} s")
            print(f"    {rate:.1f} frames/s while rendering; seconds: {stages}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
