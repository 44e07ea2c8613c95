"""Make the README's pictures from outputs/demo.mp4: ``make demo``, then this.

``python -m tools.readme_pictures`` writes docs/images/demo.webp (moving) and demo.jpg (a sheet).
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image

from sadtalker_core.media.contact_sheet import ContactSheet
from sadtalker_core.media.video_in import open_video
from sadtalker_core.structures import FrameStream

ROOT = Path(__file__).resolve().parent.parent
PART = (96, 0, 352, 256)  # x0, y0, x1, y1 of the head and shoulders in the demo portrait
SECONDS, KEEP_EVERY = 4.8, 2


def main() -> int:
    video = open_video(ROOT / "outputs" / "demo.mp4")
    frames = torch.cat(list(video.frames(16)))
    folder = ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    sheet = ContactSheet(4, 3, 256, PART)
    sheet.watch(FrameStream(iter([frames]), len(frames), video.size, video.fps)).collect()
    sheet.write(folder / "demo.jpg")
    x0, y0, x1, y1 = PART
    kept = frames[: round(SECONDS * float(video.fps)) : KEEP_EVERY, :, y0:y1, x0:x1]
    pictures = [Image.fromarray(frame.permute(1, 2, 0).numpy()) for frame in kept]
    pictures[0].save(
        folder / "demo.webp",
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 * KEEP_EVERY / float(video.fps)),
        loop=0,
        quality=70,
        method=6,
    )
    print(f"wrote {folder / 'demo.webp'} and {folder / 'demo.jpg'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
