"""Sound and video of the host's sockets: streamed, exact, cut and cropped as the host says."""

from __future__ import annotations

import abc
import io
import math
import os
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.media.samples import tone, write_sound, write_wav
from tests.media.test_windows import late_sound, numbered, ramp, video

from .pack import pack_module

media = pack_module("nodes.media")
host = pack_module("nodes.host")
errors = pack_module("sadtalker_core.errors")
audio_in = pack_module("sadtalker_core.media.audio_in")
structures = pack_module("sadtalker_core.structures")


AAC_PACKET = Fraction(1024, 16000)  # decoders give the last one whole


def audio(samples: Tensor, rate: int = 16000) -> dict[str, Any]:
    return {"waveform": samples, "sample_rate": rate}


def heard(sound: Any, rate: int = 16000) -> Tensor:
    return torch.cat(list(sound.open(rate)))


def sound_file(path: Path) -> dict[str, Any]:
    return {"type": "SoundFile", "version": 1, "path": str(path)}


def numbers(reference: Any) -> list[int]:
    """Which of the numbered frames a reference video gives."""
    return [round(float(f.float().mean()) / 4) for chunk in reference.open() for f in chunk]


class TrimmedFile(host.InputImpl.VideoFromFile):
    """A file's video that is trimmed and cropped as newer cores do it."""

    def __init__(
        self, file: Any, start_s: float = 0.0, duration_s: float = 0.0, crop: Any = None
    ) -> None:
        super().__init__(file)
        self.file, self.start_s, self.duration_s, self.crop = file, start_s, duration_s, crop
        self.longest = 0

    def get_active_trim_window(self) -> tuple[float, float]:
        return self.start_s, self.duration_s

    def has_pending_frame_edits(self) -> bool:
        return self.crop is not None

    def get_dimensions(self) -> tuple[int, int]:
        return super().get_dimensions() if self.crop is None else self.crop[2:]

    def get_duration(self) -> float:
        rest = super().get_duration() - self.start_s
        return min(self.duration_s, rest) if self.duration_s else rest

    def as_trimmed(self, start_time: float, duration: float, strict_duration: bool = True) -> Any:
        made = TrimmedFile(self.file, self.start_s + start_time, duration, self.crop)
        made.get_components = lambda: self.cut(made.start_s, duration)  # pyright: ignore
        return made

    def cut(self, start_s: float, duration_s: float) -> Any:
        import av

        x, y, width, height = self.crop
        frames: list[Tensor] = []
        with av.open(self.get_stream_source()) as container:
            for frame in container.decode(video=0):
                if start_s <= (frame.time or 0.0) < start_s + duration_s:
                    pixels = frame.to_ndarray(format="rgb24")[y : y + height, x : x + width]
                    frames.append(torch.from_numpy(pixels.copy()).float() / 255)
        self.longest = max(self.longest, len(frames))
        return SimpleNamespace(images=torch.stack(frames) if frames else torch.zeros(0, 0, 0, 3))


def test_nothing_connected() -> None:
    assert media.sound_of(None) is None
    assert media.video_sound(None) is None
    with pytest.raises(errors.OptionError, match="none is connected"):
        media.reference_of(None, None, 25.0)
    with pytest.raises(errors.OptionError, match="both are connected"):
        media.reference_of(object(), torch.zeros(1, 4, 4, 3), 25.0)


def test_audio_is_heard_like_its_file(tmp_path: Path) -> None:
    samples = tone(44100, 30011, 2)
    path = write_sound(tmp_path / "a.wav", "pcm_f32le", samples, 44100)
    memory = media.sound_of(audio(torch.from_numpy(samples)[None], 44100))
    file = media.sound_of(sound_file(path))
    for sound in (memory, file):
        assert sound.duration_s == Fraction(30011, 44100)
        assert not sound.is_silent
        assert sound.sample_count(16000) == len(heard(sound))
    assert torch.equal(heard(memory), heard(memory))  # a fresh pass each time
    assert torch.equal(heard(memory), heard(file))
    assert memory.for_writer.samples.data_ptr() == memory.source.clip.samples.data_ptr()
    assert isinstance(memory.for_writer, structures.AudioClip)
    assert isinstance(file.for_writer, audio_in.AudioSource)


def test_audio_is_not_copied() -> None:
    waveform = torch.rand(1, 2, 16000) - 0.5
    clip = media.sound_of(audio(waveform)).for_writer
    assert clip.samples.data_ptr() == waveform.data_ptr()


def test_audio_that_cannot_be_used() -> None:
    with pytest.raises(errors.MediaError, match=r"\(3, 1, 9\).*batch size to 1"):
        media.sound_of(audio(torch.zeros(3, 1, 9)))
    with pytest.raises(errors.MediaError, match="no samples"):
        media.sound_of(audio(torch.zeros(1, 1, 0)))
    with pytest.raises(errors.MediaError, match="NaN"):
        media.sound_of(audio(torch.full((1, 1, 9), math.nan)))
    with pytest.raises(errors.MediaError, match="does not exist"):
        media.sound_of(sound_file(Path("/no/such.wav")))
    assert media.sound_of(audio(torch.zeros(1, 2, 9))).is_silent
    # Some packs leave the first axis out.
    assert media.sound_of(audio(torch.ones(2, 9))).source.channels == 2


def test_a_sound_file_is_looked_through_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[Path] = []
    real = audio_in.open_audio
    monkeypatch.setattr(
        audio_in, "open_audio", lambda path, run: (passes.append(path), real(path))[1]
    )
    path = write_wav(tmp_path / "a.wav", tone(16000, 16000), 16000)
    assert media.sound_of(sound_file(path)).source is media.sound_of(sound_file(path)).source
    assert len(passes) == 1
    write_wav(path, tone(16000, 8000), 16000)
    assert media.sound_of(sound_file(path)).duration_s == Fraction(1, 2)
    for index in range(30):
        os.utime(path, ns=(index, index))
        media.sound_of(sound_file(path))
    assert len(media._seen) <= 16


def test_images_are_a_reference() -> None:
    images = numbered(20).movedim(1, -1).float() / 255
    reference = media.reference_of(None, images, 23.976)
    assert reference.fps == Fraction(24000, 1001)  # as the widget's tooltip says
    assert media.reference_of(None, images, 24000 / 1001).fps == Fraction(24000, 1001)
    assert media.reference_of(None, images, 12.5).fps == Fraction(25, 2)
    assert numbers(reference) == numbers(reference) == list(range(20))
    assert all(chunk.dtype == torch.uint8 and len(chunk) <= 8 for chunk in reference.open())
    with pytest.raises(errors.OptionError, match="above 0"):
        media.reference_of(None, images, 0.0)
    with pytest.raises(errors.OptionError, match="no pictures"):
        media.reference_of(None, images[:0], 25.0)


@pytest.mark.parametrize("in_memory", [False, True])
def test_video_from_file(tmp_path: Path, in_memory: bool) -> None:
    path = video(tmp_path / "a.mp4", ramp(16000, 38400))
    given = host.InputImpl.VideoFromFile(io.BytesIO(path.read_bytes()) if in_memory else str(path))
    given.get_components = None  # never decoded whole
    reference = media.reference_of(given, None, 1.0)
    assert reference.fps == 25
    assert numbers(reference) == numbers(reference) == list(range(60))
    sound = media.video_sound(given)
    assert 0 <= sound.duration_s - Fraction(12, 5) <= AAC_PACKET
    assert sound.source.window is None  # its packets can be copied
    assert abs(heard(sound)[19200]) < 0.01  # the middle of the ramp


def test_video_without_sound(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4")
    assert media.video_sound(media.video_of(path)) is None


def test_video_of_is_a_file(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4")
    made = media.video_of(path)
    assert isinstance(made, host.InputImpl.VideoFromFile)
    assert made.get_stream_source() == str(path)


@pytest.mark.parametrize("in_memory", [False, True])
def test_trimmed_video(tmp_path: Path, in_memory: bool) -> None:
    path = video(tmp_path / "a.mp4", ramp(16000, 38400))
    source = io.BytesIO(path.read_bytes()) if in_memory else str(path)
    for start, duration, expected in ((1.0, 0.4, range(25, 35)), (2.0, 0.0, range(50, 60))):
        given = TrimmedFile(source, start, duration)
        given.get_components = None
        assert numbers(media.reference_of(given, None, 1.0)) == list(expected)
        sound = media.video_sound(given)
        assert 0 <= sound.duration_s - Fraction(2, 5) <= (0 if duration else AAC_PACKET)
        first = -0.9 + 1.8 * start / 2.4
        assert float(heard(sound)[100:200].mean()) == pytest.approx(first + 0.007, abs=0.01)


def test_cropped_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = video(tmp_path / "a.mp4", ramp(16000, 38400))
    monkeypatch.setattr(media, "_EDITED_BYTES", 1)
    given = TrimmedFile(str(path), 0.4, 1.6, crop=(4, 8, 16, 12))
    reference = media.reference_of(given, None, 1.0)
    frames = list(reference.open())
    assert frames[0].shape[1:] == (3, 12, 16)
    assert numbers(reference) == list(range(10, 50))
    assert given.longest == 8  # frames at a time, not all of them
    assert abs(media.video_sound(given).duration_s - Fraction(8, 5)) <= Fraction(1, 16000)


@pytest.mark.parametrize(
    ("crop", "count", "size"), [(None, 40, None), ((4, 8, 16, 12), 40, (12, 16))]
)
def test_length_and_size_of_a_part(
    tmp_path: Path, crop: Any, count: int, size: tuple[int, int] | None
) -> None:
    path = video(tmp_path / "a.mp4", ramp(16000, 38400))
    given = TrimmedFile(str(path), 0.4, 1.6, crop=crop)
    with pack_module("nodes.bridge").at_work() as runtime:
        found = media.counted_video(given, None, 1.0, runtime)
    assert (found.count, found.fps) == (count, 25)
    assert found.size == (size or next(iter(found.open())).shape[2:])
    assert (found.file is None) == (crop is not None)  # what the host edits is no file any more
    assert numbers(found) == list(range(10, 50))
    stream = found.stream()
    assert (stream.length, stream.size) == (found.count, found.size)
    assert sum(len(chunk) for chunk in stream) == count


def test_size_or_length_tell_what_older_cores_do_not(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4")

    class Silent(TrimmedFile):
        has_pending_frame_edits = property()  # pyright: ignore  # hasattr is false
        get_active_trim_window = property()  # pyright: ignore

        def cut(self, start_s: float, duration_s: float) -> Any:
            self.crop = self.crop or (0, 0, 32, 32)
            return super().cut(start_s, duration_s)

    assert not hasattr(Silent(str(path)), "has_pending_frame_edits")
    cropped = media.reference_of(Silent(str(path), crop=(0, 0, 16, 16)), None, 1.0)
    assert next(cropped.open()).shape[1:] == (3, 16, 16)
    trimmed = media.reference_of(Silent(str(path), 1.0, 0.4), None, 1.0)
    assert numbers(trimmed) == list(range(25, 35))
    plain = Silent(str(path))
    plain.as_trimmed = None  # never asked  # pyright: ignore
    assert numbers(media.reference_of(plain, None, 1.0)) == list(range(60))


def _components() -> SimpleNamespace:
    return SimpleNamespace(
        images=numbered(10).movedim(1, -1).float() / 255,
        audio=audio(torch.full((1, 1, 6400), 0.5)),
        frame_rate=Fraction(25),
    )


def test_frames_in_memory_are_never_encoded() -> None:
    class Base(abc.ABC):
        """As the host's: a source is made by encoding."""

        @abc.abstractmethod
        def get_components(self) -> Any: ...

        def get_stream_source(self) -> Any:
            raise AssertionError("encoded")

    class OfAnotherPack(Base):
        def get_components(self) -> Any:
            return _components()

    for given in (OfAnotherPack(), host.InputImpl.VideoFromComponents(_components())):
        reference = media.reference_of(given, None, 1.0)
        assert reference.fps == 25
        assert numbers(reference) == list(range(10))
        assert torch.equal(heard(media.video_sound(given)), torch.full((6400,), 0.5))


def test_sound_that_begins_later_than_its_pictures(tmp_path: Path) -> None:
    path = late_sound(tmp_path / "a.mkv")
    samples = heard(media.video_sound(media.video_of(path)), 8000)
    assert (samples[:4000] == 0).all()
    assert (samples[4000:] > 0.2).all()
