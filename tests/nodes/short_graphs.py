"""The example graphs made short: their own nodes and settings, other pictures and sounds.

For the executor here and for a real server alike, so it knows no host.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image

from sadtalker_core.metrics.nets.syncnet_v2 import SyncNetV2, SyncNetV2Config
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.files import needed_files
from sadtalker_core.systems.wav2lip.nets.generator import Wav2Lip, Wav2LipConfig
from sadtalker_core.weights.published_enhance import GFPGAN_14
from sadtalker_core.weights.published_wav2lip import SYNCNET_V2, WAV2LIP_GAN
from sadtalker_core.weights.store import WeightStore
from tests.conftest import DEMO, speech_like, write_wav
from tests.enhance.toys import toy_file as write_gfpgan
from tests.parity.seeded_weights import describe, fill
from tests.systems.liveportrait.toy_files import write_toy_files as write_liveportrait
from tests.systems.sadtalker.toy_files import write_toy_files as write_sadtalker
from tests.systems.videoretalking.toys import write_toy_files as write_retalking

ROOT = Path(__file__).resolve().parents[2]
GRAPHS = ROOT / "workflows" / "api"
VOICE_S = 0.48  # 12 frames at 25 per second
DRIVER_FRAMES, DRIVER_FPS = 10, 25

Graph = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Expected:
    """What a graph gives on the short inputs."""

    videos: tuple[float, ...] = ()
    """Seconds of each."""
    pictures: int = 0
    """At least so many."""
    has_sound: bool = True
    moves: float = 0.3
    """Least movement; networks of toy size give little."""


DRIVER_S = DRIVER_FRAMES / DRIVER_FPS
EXPECTED = {
    "01_talking_portrait": Expected((VOICE_S,)),
    "02_drive_by_video": Expected((DRIVER_S,)),
    "03_edit_expression": Expected(pictures=1),
    "04_sadtalker_step_by_step": Expected((VOICE_S,)),
    "05_liveportrait_sliders": Expected(pictures=1),
    "06_liveportrait_drive": Expected((DRIVER_S,), moves=0.1),
    "07_liveportrait_speech": Expected((VOICE_S,)),
    "08_two_people": Expected((2 * VOICE_S,)),
    "09_text_to_talking_portrait": Expected((VOICE_S,), pictures=1),
    "10_hour_long_speech": Expected((VOICE_S,)),
    "11_retarget_eyes_and_lips": Expected(pictures=2),
    "12_expression_over_time": Expected((3.04,), has_sound=False),
    "13_edit_a_video": Expected((DRIVER_S,)),
    "14_motion_lab": Expected((VOICE_S,), pictures=1),
    "15_face_crop_and_paste": Expected(pictures=2),
    "16_licences_and_models": Expected(),
    "17_motion_files": Expected((8.0,), has_sound=False),
    "18_dub_a_video": Expected((VOICE_S,), pictures=1),
    "19_dub_with_emotion": Expected((VOICE_S,)),
    "20_enhance_after_render": Expected((VOICE_S,)),
    "21_upscale_a_video": Expected((DRIVER_S,), pictures=1),
    "22_wav2lip_measured": Expected((VOICE_S,)),
}


def names() -> list[str]:
    """Names of the example graphs."""
    return sorted(path.stem for path in GRAPHS.glob("*.json"))


def load(name: str) -> Graph:
    return json.loads((GRAPHS / f"{name}.json").read_text(encoding="utf-8"))


def write_inputs(folder: Path, voice_s: float = VOICE_S) -> None:
    """Portraits, a voice and a driving video, in a folder for inputs."""
    folder.mkdir(parents=True, exist_ok=True)
    with Image.open(DEMO / "portrait.png") as image:
        head = image.crop((127, 10, 319, 202)).convert("RGB")
    head.save(folder / "head.png")
    both = Image.new("RGB", (320, 192), (120, 130, 140))
    both.paste(head.resize((144, 144)), (8, 24))
    both.paste(head.resize((156, 156)), (160, 16))
    both.save(folder / "two.png")
    write_wav(folder / "voice.wav", speech_like(voice_s))
    write_wav(folder / "voice two.wav", speech_like(voice_s, seed=3))
    write_driver(folder / "driver.mp4", head, folder / "voice.wav")


def write_driver(path: Path, head: Image.Image, voice: Path) -> None:
    """The head nodding and swaying a little, with a sound."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("h264", rate=Fraction(DRIVER_FPS))
        stream.width, stream.height, stream.pix_fmt = head.width, head.height, "yuv420p"
        rate = 16000
        heard: Any = container.add_stream("aac", rate=rate, layout="mono")
        for i in range(DRIVER_FRAMES):
            turn = 4 * math.sin(2 * math.pi * i / DRIVER_FRAMES)
            frame = head.rotate(turn, resample=Image.Resampling.BILINEAR, translate=(0, int(turn)))
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode(None))
        samples = np.frombuffer(voice.read_bytes()[44:], np.int16).astype(np.float32) / 32768
        count = rate * DRIVER_FRAMES // DRIVER_FPS
        frame = av.AudioFrame.from_ndarray(samples[None, :count].copy(), "fltp", "mono")
        frame.sample_rate, frame.pts = rate, 0
        container.mux(heard.encode(frame))
        container.mux(heard.encode(None))


def write_models(folder: Path) -> None:
    """Networks of toy size under their published names, taken as the user's own."""
    write_sadtalker(folder)
    write_liveportrait(folder)
    options = VideoReTalkingOptions(up_face="surprise")
    paths = write_retalking(folder, options)
    paths[GFPGAN_14.name] = write_gfpgan(folder, GFPGAN_14.file)
    small = {WAV2LIP_GAN: Wav2Lip(Wav2LipConfig(2)), SYNCNET_V2: SyncNetV2(SyncNetV2Config(1))}
    for file, net in small.items():
        paths[file.name] = folder / file.file
        torch.save(fill(describe(net.state_dict())), paths[file.name])
    store = WeightStore(option=folder, environment={}, cache=folder)
    for file in (*needed_files(options), GFPGAN_14, *small):
        store.accept(file, paths[file.name])


def shortened(graph: Graph) -> Graph:
    """The same graph on the files of ``write_inputs``, without generated pictures."""
    made = copy.deepcopy(graph)
    voices = 0
    for node in made.values():
        kind, inputs = node["class_type"], node["inputs"]
        if kind == "LoadImage":
            inputs["image"] = "two.png" if inputs["image"] == "people.png" else "head.png"
        elif kind in ("LoadAudio", "TalkingPortraitsLoadSound"):
            name = "audio" if kind == "LoadAudio" else next(iter(inputs))
            inputs[name] = "voice two.wav" if voices else "voice.wav"
            voices += 1
        elif kind == "LoadVideo":
            inputs["file"] = "driver.mp4"
        elif kind == "VAEDecode":
            # A sampler needs gigabytes: its picture is one that is loaded.
            node["class_type"], node["inputs"] = "LoadImage", {"image": "head.png"}
        elif kind == "ImageUpscaleWithModel":
            node["class_type"] = "ImageScaleBy"
            node["inputs"] = {
                "image": inputs["image"],
                "upscale_method": "nearest-exact",
                "scale_by": 2.0,
            }
        elif kind.startswith("TalkingPortraits"):
            inputs.pop("upscale_model", None)  # no such file is at hand
    return _without_orphans(made, set(_sources(graph)) - set(_sources(made)))


def _sources(graph: Graph) -> Iterator[str]:
    for node in graph.values():
        yield from (v[0] for v in node["inputs"].values() if isinstance(v, list))


def _without_orphans(graph: Graph, orphans: set[str]) -> Graph:
    """Without nodes that fed only what was replaced."""
    while orphans:
        kept = {node_id: node for node_id, node in graph.items() if node_id not in orphans}
        orphans = set(_sources(graph)) - set(_sources(kept))
        graph = kept
    return graph


@dataclass(frozen=True)
class Seen:
    """A video file, decoded."""

    frames: int
    fps: Fraction
    size: tuple[int, int]
    """Width and height."""
    sound_s: float | None
    loudness: float
    """Largest sample of the sound."""
    movement: float
    """Largest mean change of a pixel from the first frame, of 255."""
    brightness: float

    @property
    def seconds(self) -> float:
        return float(self.frames / self.fps)


def look_at(path: Path) -> Seen:
    """Decode a whole video."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        fps, size = Fraction(stream.average_rate or 0), (stream.width, stream.height)
    sound_s, loudness = None, 0.0
    with av.open(str(path)) as container:
        if container.streams.audio:
            rate = container.streams.audio[0].rate
            sounds = [frame.to_ndarray() for frame in container.decode(audio=0)]
            count = sum(sound.shape[-1] for sound in sounds)
            loudness = max(float(np.abs(sound).max()) for sound in sounds)
            sound_s = count / rate
    pixels = torch.from_numpy(np.stack(frames)).float()
    movement = float((pixels - pixels[0]).abs().mean(dim=(1, 2, 3)).max())
    return Seen(len(frames), fps, size, sound_s, loudness, movement, float(pixels.mean()))


def check_results(name: str, shown: Mapping[str, Any], path_of: Callable[[Any], Path]) -> None:
    """What a graph showed is what it promises: lengths, sizes, sound, pictures of something.

    Args:
        name: of the graph.
        shown: node id to what its ``ui`` has.
        path_of: where the file of one entry is.
    """
    assert name in EXPECTED, f"say in EXPECTED of {__file__} what {name} gives"
    expected = EXPECTED[name]
    entries = [entry for ui in shown.values() for entry in ui.get("images", ())]
    # A file that a node of ours saved is shown by core's Save Video once more.
    files = [path_of(entry) for entry in entries]
    videos = [look_at(path) for path in files if path.suffix in (".mp4", ".webm", ".mkv")]
    found = sorted({round(video.seconds, 2) for video in videos})
    wanted = sorted(set(expected.videos))
    assert len(found) == len(wanted), (found, wanted)
    assert np.allclose(found, wanted, atol=0.05), (found, wanted)
    for video in videos:
        assert video.movement > expected.moves, f"nothing moves: {video.movement}"
        assert 10 < video.brightness < 245
        assert min(video.size) >= 128
        assert (video.sound_s is not None) == expected.has_sound
        if video.sound_s is not None:
            assert video.sound_s == pytest.approx(video.seconds, abs=0.1)
            assert video.loudness > 0.05
    pictures = [path for path in files if path.suffix == ".png"]
    assert len(pictures) >= expected.pictures
    for path in pictures:
        with Image.open(path) as picture:
            assert min(picture.size) >= 32, path.name


def defaults(kinds: dict[str, Any]) -> dict[str, Any]:
    """Values of all widgets as the frontend would send them.

    Args:
        kinds: INPUT_TYPES() of a node, or its "input" in /object_info.
    """
    found: dict[str, Any] = {}
    for group in ("required", "optional"):
        for name, (kind, *rest) in kinds.get(group, {}).items():
            facts = rest[0] if rest else {}
            choices = kind if isinstance(kind, list) else facts.get("options")
            if "default" in facts:
                found[name] = facts["default"]
            elif choices:
                found[name] = choices[0]
            elif kind == "STRING":
                found[name] = ""
    return found
