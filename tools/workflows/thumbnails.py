"""The thumbnails of the graphs, from what a running server makes of them.

    python -m tools.workflows.thumbnails http://127.0.0.1:8188 [name ...]

Its input folder must have the files that the graphs name; ``example.png`` is the demo portrait
(``sadtalker_core/data/demo``), ``people.png`` two of it, ``painted.png`` a portrait that was
painted. Networks whose weights are not free to give away are not asked for: the built-in engine
stands in for them, a loaded picture for a sampler, a plain scaling for an upscale model.
"""

from __future__ import annotations

import io
import json
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import av
from PIL import Image

from .schemas import OURS, ROOT

OUT = ROOT / "workflows"
SIZE = (512, 320)
Box = tuple[int, int, int, int]
HEAD: Box = (140, 0, 310, 320)  # x0, y0, x1, y1 in the demo portrait: a third of a thumbnail
HALF = (100, 0, 356, 320)  # half of one
FACES = (60, 0, 624, 176)  # both heads of the picture of two
PAINTED = (136, 0, 376, 452)  # as HEAD, in the painted one
Pictures = list[Image.Image]


def stand_ins(graph: dict[str, Any]) -> dict[str, Any]:
    """The graph without what needs weights that one may not have."""
    made = json.loads(json.dumps(graph))
    for node in made.values():
        kind, inputs = node["class_type"], node["inputs"]
        if kind == f"{OURS}LoadLivePortrait":
            node.update(class_type=f"{OURS}LoadBuiltIn", inputs={})
        elif kind == f"{OURS}ConvertMotion":
            inputs["to"] = "built-in"
        elif kind == f"{OURS}LoadVideoReTalking":
            node.update(class_type=f"{OURS}LoadBuiltIn", inputs={})
        elif kind == f"{OURS}RelipVideo" and inputs.pop("lips", None):
            inputs.update(smile=0.8)
            inputs.pop("settings")
        elif kind == "VAEDecode":
            node.update(class_type="LoadImage", inputs={"image": "painted.png"})
        elif kind == "ImageUpscaleWithModel":
            scaled = {"image": inputs["image"], "upscale_method": "lanczos", "scale_by": 2.0}
            node.update(class_type="ImageScaleBy", inputs=scaled)
    dropped = {"KSampler", "CheckpointLoaderSimple", "CLIPTextEncode", "EmptyLatentImage"}
    dropped |= {"UpscaleModelLoader", f"{OURS}VideoReTalkingSettings"}
    return {key: node for key, node in made.items() if node["class_type"] not in dropped}


class Server:
    """A running ComfyUI."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def _answer(self, path: str, body: Any = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def run(self, graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """What the graph's nodes show, by node id; ``RuntimeError`` when it fails."""
        key = json.loads(self._answer("/prompt", {"prompt": graph}))["prompt_id"]
        while not (found := json.loads(self._answer(f"/history/{key}"))):
            time.sleep(0.5)
        if found[key]["status"]["status_str"] != "success":
            raise RuntimeError(json.dumps(found[key]["status"]["messages"][-1])[:2000])
        return found[key]["outputs"]

    def read(self, shown: dict[str, str]) -> bytes:
        """A file that a node shows."""
        return self._answer("/view?" + urllib.parse.urlencode(shown))


def frames_of(video: bytes) -> Pictures:
    """All frames of a short video."""
    with av.open(io.BytesIO(video)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def side_by_side(pictures: Pictures, box: Box) -> Image.Image:
    """The same part of each picture, beside each other."""
    sheet = Image.new("RGB", SIZE)
    edges = [round(i * SIZE[0] / len(pictures)) for i in range(len(pictures) + 1)]
    for picture, left, right in zip(pictures, edges, edges[1:], strict=False):
        part = picture.convert("RGB").crop(box)
        sheet.paste(part.resize((right - left, SIZE[1]), Image.Resampling.LANCZOS), (left, 0))
    return sheet


def at(frames: Pictures, *parts: float) -> Pictures:
    """Frames at parts of the length."""
    return [frames[min(len(frames) - 1, int(part * len(frames)))] for part in parts]


def moving(*parts: float, box: Box = HEAD) -> Callable[[Pictures, Pictures], Image.Image]:
    """Three moments of the last video."""
    return lambda pictures, frames: side_by_side(at(frames, *parts), box)


def before_and_after(pictures: Pictures, frames: Pictures) -> Image.Image:
    demo = Image.open(ROOT / "sadtalker_core" / "data" / "demo" / "portrait.png")
    saved = next(picture for picture in pictures if picture.info["type"] == "output")
    return side_by_side([demo, saved], HALF)


def two_heads(pictures: Pictures, frames: Pictures) -> Image.Image:
    sheet = Image.new("RGB", SIZE)
    for row, frame in enumerate(at(frames, 0.2, 0.85)):
        part = frame.crop(FACES).resize((SIZE[0], SIZE[1] // 2), Image.Resampling.LANCZOS)
        sheet.paste(part, (0, row * SIZE[1] // 2))
    return sheet


def curves(pictures: Pictures, frames: Pictures) -> Image.Image:
    sheet = Image.new("RGB", SIZE, "white")
    sheet.paste(frames[40].crop(HEAD), (0, 0))
    plot = pictures[0].convert("RGB").resize((342, 320), Image.Resampling.LANCZOS)
    sheet.paste(plot, (170, 0))
    return sheet


def found_face(pictures: Pictures, frames: Pictures) -> Image.Image:
    wide = pictures[0].convert("RGB")  # the overlay, of twice the demo portrait's size
    return side_by_side([wide, pictures[-1]], (200, 0, 712, 640))


RECIPES: dict[str, Callable[[Pictures, Pictures], Image.Image]] = {
    "01_talking_portrait": moving(0.04, 0.2, 0.36),
    "02_drive_by_video": moving(0.16, 0.4, 0.55),
    "03_edit_expression": before_and_after,
    "05_liveportrait_sliders": before_and_after,
    "07_liveportrait_speech": moving(0.2, 0.45, 0.8),
    "08_two_people": two_heads,
    "09_text_to_talking_portrait": moving(0.04, 0.2, 0.36, box=PAINTED),
    "10_hour_long_speech": moving(0.05, 0.5, 0.9),
    "11_retarget_eyes_and_lips": before_and_after,
    "12_expression_over_time": moving(0.12, 0.38, 0.62),
    "13_edit_a_video": moving(0.04, 0.2, 0.36),
    "14_motion_lab": curves,
    "15_face_crop_and_paste": found_face,
    "17_motion_files": moving(0.06, 0.5, 0.8),
    "18_dub_a_video": moving(0.03, 0.15, 0.09),
    "19_dub_with_emotion": moving(0.06, 0.15, 0.24),
}


def main(arguments: list[str]) -> int:
    server = Server(arguments[0])
    for name, recipe in RECIPES.items():
        if arguments[1:] and name not in arguments[1:]:
            continue
        graph = stand_ins(json.loads((OUT / "api" / f"{name}.json").read_text(encoding="utf-8")))
        outputs = server.run(graph)
        ordered = [outputs[key] for key in sorted(outputs, key=int)]
        shown = [item for output in ordered for item in output.get("images", [])]
        videos = [item for item in shown if item["filename"].endswith(".mp4")]
        pictures: Pictures = []
        for item in shown:
            if item["filename"].endswith(".png"):
                pictures.append(Image.open(io.BytesIO(server.read(item))))
                pictures[-1].info["type"] = item["type"]
        frames = frames_of(server.read(videos[-1])) if videos else []
        recipe(pictures, frames).save(OUT / f"{name}.jpg", quality=84, optimize=True)
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
