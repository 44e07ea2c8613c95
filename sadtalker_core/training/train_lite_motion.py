"""Train the mouth network of the built-in engine, from speech with phone times and real clips:

    python tools/synthesise_speech.py speech --minutes 80
    python -m sadtalker_core.training.train_lite_motion --speech speech --clips videos \\
        --patterns "grid_*" "latentsync_*" --cache lips --out mouth_net.safetensors

Two stages: phone classes of synthetic or aligned speech (several minutes on two CPU cores), then
lips tracked in the clips (a minute). ``--leave-out SOURCE`` keeps the clips whose names begin with
``SOURCE_`` out of the training and reports on them: that is how the numbers of the model card are
made. ``--start`` continues from pre-trained weights and skips the first stage.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..media.audio_in import open_audio
from ..systems.lite.mouth_net import MouthNet, MouthNetConfig, parameters
from .evaluate_lite_motion import read_net, score_clip, table
from .fit_mouth import estimate_lags, fit
from .lip_clips import read_clips
from .pretrain_mouth import ROWS, other_sounds, pretrain
from .speech_corpus import Utterance, log_mel_of, read_corpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, nargs="+", required=True, help="speech corpora")
    parser.add_argument("--music", type=Path, help="folder of recorded music, optional")
    parser.add_argument("--clips", type=Path, required=True, help="folder of real clips")
    parser.add_argument("--patterns", nargs="+", default=["*"], help="clips to take")
    parser.add_argument("--leave-out", nargs="+", default=[], help="sources to test on")
    parser.add_argument("--cache", type=Path, help="folder for tracked lips")
    parser.add_argument("--start", type=Path, help="pre-trained weights")
    parser.add_argument("--pretrain-steps", type=int, default=3000)
    parser.add_argument("--fit-steps", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="weights to write")
    parser.add_argument("--keep-pretrained", type=Path, help="where to keep the first stage")
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    utterances = [u for folder in arguments.speech for u in read_corpus(folder)]
    others = [*other_sounds(200, arguments.seed), *read_music(arguments.music)]
    clips = read_clips(arguments.clips, arguments.patterns, arguments.cache)
    print(f"{len(utterances)} utterances, {len(others)} other sounds, {len(clips)} clips")

    net = train(utterances, others, arguments.start, arguments.pretrain_steps, arguments.seed)
    if arguments.keep_pretrained is not None:
        write_net(net, arguments.keep_pretrained)
    clips = estimate_lags(net, clips)
    for clip in clips:
        print(f"{clip.name}: lips {20 * clip.lag_rows:+d} ms late")
    held = [clip for clip in clips if clip.source in arguments.leave_out]
    used = [clip for clip in clips if clip.source not in arguments.leave_out]
    fit(net, used, utterances, others, arguments.fit_steps, seed=arguments.seed, report=print)
    write_net(net, arguments.out)
    print(f"{parameters(net)} parameters, {arguments.out.stat().st_size} bytes")
    if held:
        print(table([score_clip(net, clip) for clip in held]))


def train(
    utterances: list[Utterance],
    others: list[Tensor],
    start: Path | None,
    steps: int,
    seed: int,
) -> MouthNet:
    """The pre-trained network: read from ``start``, or trained for ``steps``."""
    net = MouthNet(MouthNetConfig(), dropout=0.1)
    print(f"{parameters(net)} parameters")
    if start is not None:
        net.load_state_dict(read_net(start).state_dict())
    else:
        pretrain(net, utterances, others, steps, seed=seed, report=print)
    return net


def read_music(folder: Path | None) -> list[Tensor]:
    """Log-mel of 6 s pieces of all recordings in a folder."""
    pieces: list[Tensor] = []
    for path in sorted(folder.iterdir()) if folder is not None else ():
        samples = torch.cat(list(open_audio(path).stream()))
        pieces += [log_mel_of(part) for part in samples.split(96000) if len(part) >= 160 * ROWS]
    return pieces


def write_net(net: MouthNet, path: Path) -> None:
    """Save the weights in half precision, which changes lips by less than a thousandth."""
    save_file({name: value.half().contiguous() for name, value in net.state_dict().items()}, path)


if __name__ == "__main__":
    main()
