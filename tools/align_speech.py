"""Find phone times in recordings whose words are known, for pre-training the mouth network.

Real voices in the corpus beside synthetic ones. Needs a transcript with ``name: text`` lines, a
folder with ``name.*`` recordings, espeak-ng for the phones of the words, and weights of a mouth
network that was trained on synthetic speech, whose guesses are aligned with those phones:

    python tools/align_speech.py corpus --recordings sounds/fr_CA_f_June \\
        --transcript core-sounds-fr.txt --language fr --voice asterisk_fr --weights net.safetensors

Writes 16 kHz WAV and ``.phones`` files as ``synthesise_speech.py`` does. Recordings that fit
their words badly are left out.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from synthesise_speech import RATE, Espeak, Voice, write

from sadtalker_core.media.audio_in import open_audio
from sadtalker_core.systems.lite.mouth_net import MouthNet, config_of
from sadtalker_core.training.phones import CLASSES, classes_of
from sadtalker_core.training.pretrain_mouth import normalised
from sadtalker_core.training.speech_corpus import log_mel_of
from sadtalker_core.weights.reader import read_weights

_SILENCE_COST = 2.0  # of a pause between two phones
_KEPT = 0.85  # share of recordings, those that fit best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--transcript", type=Path, required=True)
    parser.add_argument("--language", required=True, help="name of an espeak-ng voice")
    parser.add_argument("--voice", required=True, help="name of the voice in the corpus")
    parser.add_argument("--weights", type=Path, required=True)
    arguments = parser.parse_args()
    weights = {name: value.float() for name, value in read_weights(arguments.weights).items()}
    net = MouthNet(config_of(weights)).eval()
    net.load_state_dict(weights)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    espeak = Espeak(random.Random(0))
    files = {
        str(path.relative_to(arguments.recordings).with_suffix("")): path
        for path in sorted(arguments.recordings.rglob("*"))
        if path.is_file()
    }
    found: list[tuple[float, str, np.ndarray, list[int]]] = []
    for line in arguments.transcript.read_text(encoding="utf-8", errors="ignore").splitlines():
        name, _, text = line.partition(":")
        if name.strip() not in files or not text.strip() or re.search(r"[\[(<]", text):
            continue
        samples = torch.cat(list(open_audio(files[name.strip()]).stream(RATE)))
        if not 0.5 < len(samples) / RATE < 25:
            continue
        _, phones = espeak(Voice("", arguments.language, ""), text.strip(), random.Random(1))
        wanted = [c for _, _, symbol in phones for c in classes_of("ipa", symbol) if c]
        with torch.inference_mode():
            scores = net(normalised(log_mel_of(samples))[None])[1][0].log_softmax(-1).numpy()
        if len(wanted) * 1.5 < len(scores):
            path, fit = align(scores, wanted)
            found.append((fit, name.strip().replace("/", "-"), samples.numpy(), path))
    found.sort(key=lambda item: -item[0])
    kept = found[: int(len(found) * _KEPT)]
    for _, name, samples, path in kept:
        changes = [0, *(i for i in range(1, len(path)) if path[i] != path[i - 1]), len(path)]
        phones = [(a / 50, b / 50, f"={CLASSES[path[a]]}") for a, b in zip(changes, changes[1:])]
        write(arguments.folder / f"{arguments.voice}_{name}", samples, phones)
    seconds = sum(len(samples) for _, _, samples, _ in kept) / RATE
    print(f"{arguments.voice}: {len(kept)} of {len(found)} recordings, {seconds / 60:.1f} minutes")


def align(scores: np.ndarray, wanted: list[int]) -> tuple[list[int], float]:
    """The class of each row when classes come in the given order, and how well they fit.

    Viterbi search over the classes with an optional silence before, between and after them.

    Args:
        scores: (R, 15) log probabilities.
        wanted: classes in order, none of them silence.
    """
    states = [0]
    for wanted_class in wanted:
        states += [wanted_class, 0]
    emission = scores[:, states]
    count = len(states)
    silent = np.array([state == 0 for state in states])
    entry = np.where(silent, -_SILENCE_COST, 0.0)
    best = np.full(count, -np.inf)
    best[:2] = emission[0, :2]
    came = np.zeros((len(scores), count), np.int8)
    for row in range(1, len(scores)):
        stay = best
        step = np.concatenate([[-np.inf], best[:-1]]) + entry
        skip = np.concatenate([[-np.inf] * 2, best[:-2]])
        skip[silent] = -np.inf
        options = np.stack([stay, step, skip])
        came[row] = options.argmax(0)
        best = options.max(0) + emission[row]
    state = count - 1 if best[-1] > best[-2] else count - 2
    fit = float(best[state]) / len(scores)
    path: list[int] = []
    for row in range(len(scores) - 1, -1, -1):
        path.append(states[state])
        state -= int(came[row, state])
    return path[::-1], fit


if __name__ == "__main__":
    main()
