"""What all tests share: settings of the test process, the sample, made media."""

from __future__ import annotations

import math
import os
import wave
from pathlib import Path

import pytest

# Small arrays gain nothing from many threads, and two cores are shared by test processes: numpy's
# threads would wait for each other and take half of the time. Read once, as numpy and OpenCV are
# loaded, and handed on to processes that a test starts.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
    os.environ.setdefault(_name, "1")

import torch  # noqa: E402
from PIL import Image  # noqa: E402

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "sadtalker_core" / "data" / "demo"


@pytest.fixture(scope="session")
def demo_portrait() -> Path:
    """The bundled portrait, 512x512."""
    return DEMO / "portrait.png"


@pytest.fixture(scope="session")
def demo_voice() -> Path:
    """The bundled voice, about 10 s at 24 kHz."""
    return DEMO / "voice.flac"


def write_wav(path: Path, samples: torch.Tensor, rate: int = 16000) -> Path:
    """Write (S,) floats in [-1, 1] as 16 bit mono."""
    pcm = (samples.clamp(-1, 1) * 32767).round().to(torch.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.numpy().tobytes())
    return path


def speech_like(seconds: float, rate: int = 16000, seed: int = 0) -> torch.Tensor:
    """(S,) a voiced buzz with syllables of 4 Hz and pauses: enough for a mouth to move."""
    time = torch.arange(int(seconds * rate)) / rate
    generator = torch.Generator().manual_seed(seed)
    buzz = sum(torch.sin(2 * math.pi * 120 * k * time) / k for k in range(1, 25))
    assert isinstance(buzz, torch.Tensor)
    syllables = torch.sin(2 * math.pi * 4 * time).clamp(min=0) * (torch.sin(time * 2.1) > -0.5)
    noise = torch.randn(time.shape, generator=generator) * 0.01
    return 0.25 * buzz * syllables + noise * syllables


@pytest.fixture(scope="session")
def short_voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of something like speech, 16 kHz WAV."""
    return write_wav(tmp_path_factory.mktemp("voice") / "one second.wav", speech_like(1.0))


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.41 s: 10 frames by SadTalker's rule, the last not whole, 11 by ours."""
    return write_wav(tmp_path_factory.mktemp("voice") / "v.wav", speech_like(0.41))


@pytest.fixture(scope="session")
def sample_media() -> Path:
    """Folder of sample clips and portraits that are not part of the project."""
    folder = os.environ.get("TALKING_PORTRAITS_MEDIA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("TALKING_PORTRAITS_MEDIA does not name a folder of sample media")
    return Path(folder)


@pytest.fixture(scope="session")
def small_portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The head of the demo portrait, 192x192: quick to find and to render."""
    path = tmp_path_factory.mktemp("portrait") / "head.png"
    with Image.open(DEMO / "portrait.png") as image:
        image.crop((127, 10, 319, 202)).save(path)
    return path


@pytest.fixture(scope="session")
def two_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two heads side by side, the right one larger."""
    path = tmp_path_factory.mktemp("portrait") / "two.png"
    with Image.open(DEMO / "portrait.png") as image:
        head = image.crop((127, 10, 319, 202)).convert("RGB")
    both = Image.new("RGB", (400, 240), (120, 130, 140))
    both.paste(head.resize((150, 150)), (5, 60))
    both.paste(head.resize((230, 230)), (165, 5))
    both.save(path)
    return path
