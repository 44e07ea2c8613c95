"""How well predicted lips agree with tracked ones, on any folder of clips:

    python -m sadtalker_core.training.evaluate_lite_motion clips --patterns "grid_*" --cache lips

For each clip: Pearson correlation of opening and width with the lips tracked in the video, frame
by frame, for the network's outputs, for the finished motion (gated, with closures), and for
loudness alone. Lag 0 is what counts; the best lag within 6 frames tells clips that are out of
step. ``--ridge`` adds a linear fit on log-mel, trained on the other sources, as a sanity check.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..audio.levels import level_db, relative_level_db, sound_statistics
from ..systems.lite.config import LiteMotionOptions
from ..systems.lite.curves import FrameTimes
from ..systems.lite.mouth_net import MouthNet, config_of
from ..systems.lite.mouth_shape import shape_mouth
from ..systems.lite.mouth_track import WEIGHTS, MouthTrack, heard
from ..weights.reader import load_strict, read_weights
from .fit_mouth import around, correlation, ridge
from .lip_clips import LipClip, read_clips
from .pretrain_mouth import normalised

_SPAN = 6


@dataclass(frozen=True)
class ClipScore:
    """Correlations of one clip: opening and width.

    Attributes:
        network: of the network's outputs.
        motion: of the finished motion.
        loudness: of loudness alone with opening.
        best_lag: frames by which lips follow the prediction where they agree best.
        best: agreement in opening there.
    """

    name: str
    source: str
    network: tuple[float, float]
    motion: tuple[float, float]
    loudness: float
    best_lag: int
    best: float


def score_clip(net: MouthNet, clip: LipClip) -> ClipScore:
    """Compare predictions for a clip with its tracked lips."""
    track = heard_track(net, clip.log_mel)
    lips = clip.at_frames(torch.from_numpy(track.lips))
    times = FrameTimes(len(clip.measures), Fraction(clip.fps).limit_denominator(1001))
    mouth = shape_mouth(track, LiteMotionOptions(), times)
    moved = torch.from_numpy(np.stack([mouth.open, mouth.width], axis=1)).float()
    loud = clip.at_frames(torch.from_numpy(track.level_db)[:, None])
    agreements = {
        lag: float(correlation(*_shifted(moved[:, :1], clip.measures[:, :1], lag))[0])
        for lag in range(-_SPAN, _SPAN + 1)
    }
    best = max(agreements, key=lambda lag: agreements[lag])
    network = correlation(lips[:, :2], clip.measures[:, :2])
    motion = correlation(moved, clip.measures[:, :2])
    return ClipScore(
        clip.name,
        clip.source,
        (float(network[0]), float(network[1])),
        (float(motion[0]), float(motion[1])),
        float(correlation(loud, clip.measures[:, :1])[0]),
        best,
        agreements[best],
    )


def heard_track(net: MouthNet, log_mel: Tensor) -> MouthTrack:
    """What ``hear_mouth`` makes of a short sound whose log-mel (2R, bands) is at hand."""
    statistics = sound_statistics([log_mel])
    rows = len(log_mel) // 2
    if statistics.silent:
        return MouthTrack.silent(rows)
    with torch.inference_mode():
        lips, shapes, speech = heard(net, normalised(log_mel))
    return MouthTrack(
        lips=lips.numpy(),
        closure=shapes[:, 0].numpy(),
        tuck=shapes[:, 1].numpy(),
        rounding=shapes[:, 2].numpy(),
        speech=speech.numpy(),
        level_db=relative_level_db(log_mel, statistics).reshape(-1, 2).mean(1).numpy(),
        is_silent=False,
    )


def ridge_scores(clips: Sequence[LipClip], strength: float = 3000.0) -> dict[str, Tensor]:
    """(2,) correlations of a linear fit on log-mel for each clip, trained on other sources."""
    scores: dict[str, Tensor] = {}
    for source in dict.fromkeys(clip.source for clip in clips):
        rest = [clip for clip in clips if clip.source != source]
        if not rest:
            continue
        weight, bias = ridge(
            torch.cat([around(normalised(clip.log_mel)) for clip in rest]),
            torch.cat([clip.targets() for clip in rest]),
            strength,
        )
        for clip in clips:
            if clip.source == source:
                lips = around(normalised(clip.log_mel)) @ weight + bias
                scores[clip.name] = correlation(clip.at_frames(lips), clip.measures)[:2]
    return scores


def table(scores: Sequence[ClipScore]) -> str:
    """The scores as text: clips, then the mean of each source, then the mean of sources."""
    lines = ["clip                             network      motion       loudness  best lag"]
    for score in scores:
        lines.append(
            f"{score.name[:30]:<31} {_pair(score.network)}  {_pair(score.motion)}  "
            f"{score.loudness:7.2f}   {score.best:.2f} at {score.best_lag:+d}"
        )
    means: list[tuple[Tensor, Tensor]] = []
    for source in dict.fromkeys(score.source for score in scores):
        part = [score for score in scores if score.source == source]
        network = torch.tensor([score.network for score in part]).mean(0)
        motion = torch.tensor([score.motion for score in part]).mean(0)
        means.append((network, motion))
        lines.append(f"mean of {len(part):2} {source[:19]:<19} {_pair(network)}  {_pair(motion)}")
    network = torch.stack([pair[0] for pair in means]).mean(0)
    motion = torch.stack([pair[1] for pair in means]).mean(0)
    lines.append(f"{'mean of sources':<31} {_pair(network)}  {_pair(motion)}")
    network = torch.tensor([score.network for score in scores]).mean(0)
    motion = torch.tensor([score.motion for score in scores]).mean(0)
    lines.append(f"{'mean of clips':<31} {_pair(network)}  {_pair(motion)}")
    return "\n".join(lines)


def read_net(path: Path) -> MouthNet:
    """A mouth network from its weights."""
    weights = {name: value.float() for name, value in read_weights(path).items()}
    net = MouthNet(config_of(weights)).eval()
    load_strict(net, weights, "mouth network")
    return net


def _pair(values: Tensor | tuple[float, float]) -> str:
    return f"{float(values[0]):5.2f}/{float(values[1]):5.2f}"


def _shifted(predicted: Tensor, tracked: Tensor, lag: int) -> tuple[Tensor, Tensor]:
    if lag > 0:
        return predicted[:-lag], tracked[lag:]
    if lag < 0:
        return predicted[-lag:], tracked[:lag]
    return predicted, tracked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, help="folder of videos with sound")
    parser.add_argument("--patterns", nargs="+", default=["*"], help="file names to take")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--cache", type=Path, help="folder for tracked lips")
    parser.add_argument("--ridge", action="store_true", help="also a linear fit, as a check")
    arguments = parser.parse_args()
    clips = read_clips(arguments.clips, arguments.patterns, arguments.cache)
    audible = [clip for clip in clips if float(level_db(clip.log_mel).max()) > -60]
    net = read_net(arguments.weights)
    print(table([score_clip(net, clip) for clip in audible]))
    if arguments.ridge:
        for name, score in ridge_scores(audible).items():
            print(
                f"ridge, other sources: {name[:30]:<31} {float(score[0]):.2f}/{float(score[1]):.2f}"
            )


if __name__ == "__main__":
    main()
