"""Synthesise speech with phone times, for pre-training the mouth network of the built-in engine.

Needs Debian's espeak-ng, flite and, for more voices, festival with festvox-* packages:

    apt-get install espeak-ng flite festival festvox-italp16k festvox-czech-dita ...
    python tools/synthesise_speech.py corpus --minutes 60 --seed 0

Writes ``corpus/<engine>_<voice>_<number>.wav`` (16 kHz, 16 bit, mono) and beside each a ``.phones``
file with one ``start_s end_s symbol`` line per phone. Sentences are in ``speech_texts``, one file
per language, written for this project; half of the utterances shuffle the words of several
sentences, so that phones meet in many contexts.
"""

from __future__ import annotations

import argparse
import ctypes
import random
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE = 16000
TEXTS = Path(__file__).parent / "speech_texts"
Phones = list[tuple[float, float, str]]


@dataclass(frozen=True)
class Voice:
    """One voice of one engine; ``weight`` is its share of the corpus."""

    engine: str
    name: str
    language: str
    weight: float = 1.0


ESPEAK_LANGUAGES = {
    "en-us": "en", "en-gb": "en", "de": "de", "fr": "fr", "es": "es", "it": "it", "pt": "pt",
    "nl": "nl", "pl": "pl", "ru": "ru", "cs": "cs", "fi": "fi", "tr": "tr", "hi": "hi", "te": "te",
    "ar": "ar", "cmn-latn-pinyin": "cmn", "ja": "ja", "ko": "ko", "sw": "sw", "vi": "vi",
    "el": "el", "hu": "hu", "sv": "sv", "ca": "ca", "id": "id",
}  # fmt: skip
ESPEAK_VARIANTS = ("", "+f1", "+f2", "+f3", "+f4", "+m1", "+m2", "+m3", "+m4", "+m7")
FLITE_VOICES = ("slt", "rms", "awb", "kal16")
FESTIVAL_VOICES = {
    "cmu_us_slt_arctic_hts": ("en", "us/cmu_us_slt_arctic_hts", "latin-1"),
    "kal_diphone": ("en", "english/kal_diphone", "latin-1"),
    "ked_diphone": ("en", "english/ked_diphone", "latin-1"),
    "lp_diphone": ("it", "italian/lp_diphone", "latin-1"),
    "pc_diphone": ("it", "italian/pc_diphone", "latin-1"),
    "czech_dita": ("cs", "czech/czech_dita", "iso-8859-2"),
    "czech_machac": ("cs", "czech/czech_machac", "iso-8859-2"),
    "czech_ph": ("cs", "czech/czech_ph", "iso-8859-2"),
    "suo_fi_lj_diphone": ("fi", "finnish/suo_fi_lj_diphone", "latin-1"),
    "hy_fi_mv_diphone": ("fi", "finnish/hy_fi_mv_diphone", "latin-1"),
    "upc_ca_ona_hts": ("ca", "catalan/upc_ca_ona_hts", "latin-1"),
    "hindi_NSK_diphone": ("hi", "hindi/hindi_NSK_diphone", "utf-8"),
    "telugu_NSK_diphone": ("te", "telugu/telugu_NSK_diphone", "utf-8"),
    "msu_ru_nsh_clunits": ("ru", "russian/msu_ru_nsh_clunits", "utf-8"),
}
FESTIVAL_HOME = Path("/usr/share/festival/voices")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(arguments.seed)
    voices = available_voices()
    if not voices:
        raise SystemExit("No synthesiser found: apt-get install espeak-ng flite.")
    engines: dict[str, Callable[[Voice, str, random.Random], tuple[np.ndarray, Phones]]] = {
        "espeak": Espeak(rng) if any(v.engine == "espeak" for v in voices) else None,  # type: ignore[dict-item]
        "flite": say_flite,
        "festival": say_festival,
    }
    seconds, number, failures = 0.0, 0, 0
    while seconds < 60 * arguments.minutes:
        voice = rng.choices(voices, [v.weight for v in voices])[0]
        text = utterance(voice.language, rng)
        try:
            samples, phones = engines[voice.engine](voice, text, rng)
        except (subprocess.SubprocessError, ValueError, OSError) as error:
            failures += 1
            print(f"left out {voice.engine} {voice.name}: {error}")
            if failures > 200:
                raise SystemExit("Too many failures.") from error
            continue
        write(arguments.folder / f"{voice.engine}_{voice.name}_{number:05d}", samples, phones)
        number += 1
        seconds += len(samples) / RATE
    print(f"{number} utterances, {seconds / 60:.1f} minutes, {failures} left out")


def available_voices() -> list[Voice]:
    voices: list[Voice] = []
    if shutil.which("espeak-ng"):
        share = 14.0 / len(ESPEAK_LANGUAGES)
        voices += [Voice("espeak", n, text, share) for n, text in ESPEAK_LANGUAGES.items()]
    if shutil.which("flite"):
        voices += [Voice("flite", name, "en", 3.0) for name in FLITE_VOICES]
    if shutil.which("festival"):
        voices += [
            Voice("festival", name, language, 1.3)
            for name, (language, folder, _) in FESTIVAL_VOICES.items()
            if (FESTIVAL_HOME / folder).is_dir()
        ]
    return voices


def utterance(language: str, rng: random.Random) -> str:
    """One or two sentences, or a shuffle of the words of several."""
    sentences = (TEXTS / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    if rng.random() < 0.5 or language in ("cmn", "ja"):
        return " ".join(rng.sample(sentences, rng.choice((1, 2))))
    words = [word for s in rng.sample(sentences, min(4, len(sentences))) for word in s.split()]
    rng.shuffle(words)
    return " ".join(words[: rng.randint(6, 14)]).rstrip(",;") + "."


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


class Espeak:
    """espeak-ng through its C library, which reports where each phoneme begins."""

    def __init__(self, rng: random.Random) -> None:
        self.library = ctypes.CDLL("libespeak-ng.so.1")
        synchronous, phoneme_events, ipa = 2, 1, 2
        self.rate: int = self.library.espeak_Initialize(synchronous, 0, None, phoneme_events | ipa)
        if self.rate <= 0:
            raise SystemExit("espeak-ng could not be started.")
        self.parts: list[np.ndarray] = []
        self.marks: list[tuple[float, str]] = []
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
        )
        self._callback = kind(self._receive)  # kept alive: the library holds the pointer
        self.library.espeak_SetSynthCallback(self._callback)

    def _receive(self, wav, count: int, events) -> int:  # type: ignore[no-untyped-def]
        index = 0
        while events[index].type != 0:
            if events[index].type == 7:
                symbol = events[index].id.decode("utf-8", "ignore")
                self.marks.append((events[index].audio_position / 1000, symbol))
            index += 1
        if wav and count > 0:
            self.parts.append(np.ctypeslib.as_array(wav, (count,)).copy())
        return 0

    def __call__(self, voice: Voice, text: str, rng: random.Random) -> tuple[np.ndarray, Phones]:
        self.parts, self.marks = [], []
        name = (voice.name + rng.choice(ESPEAK_VARIANTS)).encode()
        if self.library.espeak_SetVoiceByName(name) != 0:
            raise ValueError(f"voice {name!r} is not known to espeak-ng")
        self.library.espeak_SetParameter(1, rng.randint(110, 210), 0)  # words per minute
        self.library.espeak_SetParameter(3, rng.randint(30, 70), 0)  # pitch
        self.library.espeak_SetParameter(4, rng.randint(30, 80), 0)  # pitch range
        data = text.encode()
        self.library.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
        if not self.parts or not self.marks:
            raise ValueError("no sound")
        samples = np.concatenate(self.parts).astype(np.float32) / 32768
        ends = [start for start, _ in self.marks[1:]] + [len(samples) / self.rate]
        phones = [
            (start, end, symbol or "_")
            for (start, symbol), end in zip(self.marks, ends)
            if end > start and not symbol.startswith("(")  # "(en)" marks a change of language
        ]
        return resampled(samples, self.rate), phones


def say_flite(voice: Voice, text: str, rng: random.Random) -> tuple[np.ndarray, Phones]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        stretch = rng.uniform(0.8, 1.25)
        done = subprocess.run(
            ["flite", "-voice", voice.name, "--setf", f"duration_stretch={stretch:.2f}",
             "-psdur", "-t", text, "-o", str(path)],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        samples, rate = read(path)
    phones, start = [], 0.0
    for part in done.stdout.split():
        symbol, _, end = part.rpartition(":")
        if symbol:
            if float(end) < start:  # a new sentence counts from its own beginning
                raise ValueError("several sentences")
            phones.append((start, float(end), symbol))
            start = float(end)
    return resampled(samples, rate), phones


def say_festival(voice: Voice, text: str, rng: random.Random) -> tuple[np.ndarray, Phones]:
    encoding = FESTIVAL_VOICES[voice.name][2]
    clean = text.replace('"', "").replace("\\", "").encode(encoding, "ignore")
    stretch = rng.uniform(0.85, 1.2)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "say.scm"
        script.write_bytes(
            f"(voice_{voice.name})(Parameter.set 'Duration_Stretch {stretch:.2f})".encode()
            + b'(set! utt (Utterance Text "' + clean + b'"))(utt.synth utt)'
            + f'(utt.save.segs utt "{folder}/a.segs")'.encode()
            + f"(utt.save.wave utt \"{folder}/a.wav\" 'riff)".encode()
        )  # fmt: skip
        subprocess.run(
            ["festival", "-b", str(script)], capture_output=True, check=True, timeout=120
        )
        samples, rate = read(Path(folder) / "a.wav")
        lines = (Path(folder) / "a.segs").read_text(encoding="latin-1").splitlines()
    phones, start = [], 0.0
    for line in lines[lines.index("#") + 1 :]:
        end_text, _, symbol = line.split()[:3]
        phones.append((start, float(end_text), symbol))
        start = float(end_text)
    return resampled(samples, rate), phones


def resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    if rate == RATE:
        return samples
    import librosa

    return librosa.resample(samples, orig_sr=rate, target_sr=RATE)


def read(path: Path) -> tuple[np.ndarray, int]:
    with wave.open(str(path)) as sound:
        data = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
        return data.astype(np.float32) / 32768, sound.getframerate()


def write(stem: Path, samples: np.ndarray, phones: Phones) -> None:
    with wave.open(f"{stem}.wav", "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes((samples.clip(-1, 1) * 32767).astype(np.int16).tobytes())
    lines = [f"{start:.3f} {end:.3f} {symbol}\n" for start, end, symbol in phones]
    Path(f"{stem}.phones").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
