"""A video of which only the first frames are read, while its decoder's threads meet errors."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

# With PyAV's log turned on, as torchvision does, and damage that the threads have to tell.
_READ = """
import logging, sys
import av.logging
from sadtalker_core.media.video_in import open_video
av.logging.set_level(av.logging.ERROR)
logging.disable(logging.CRITICAL)
for _ in range(40):
    next(open_video(sys.argv[1]).frames(1))
"""


def write_damaged(path: Path) -> Path:
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 256, 256, "yuv420p"
        for _ in range(30):
            pixels = rng.integers(0, 255, (256, 256, 3), dtype=np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode())
    data = bytearray(path.read_bytes())
    choose = random.Random(0)
    begin = data.find(b"mdat") + len(data) // 10
    for _ in range(400):
        data[choose.randrange(begin, len(data) - 3000)] = choose.randrange(256)
    path.write_bytes(data)
    return path


@pytest.mark.jobs
def test_reading_ends_though_threads_tell_errors(tmp_path: Path) -> None:
    damaged = write_damaged(tmp_path / "damaged.mp4")
    # In a process of its own: one that hangs holds the lock of the interpreter.
    subprocess.run([sys.executable, "-c", _READ, str(damaged)], check=True, timeout=120)
