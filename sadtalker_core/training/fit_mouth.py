"""Second stage: the pre-trained network is fitted to tracked lips of real clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..systems.lite.mouth_net import DIRECT_ROWS, MouthNet
from .augment import augment
from .lip_clips import LipClip, stretched
from .pretrain_mouth import normalised, phone_loss, speech_batch
from .speech_corpus import Utterance

ROWS = 160  # of targets in one example: 3.2 s
_WEIGHTS = torch.tensor([1.0, 1.0, 0.4, 0.3, 0.5])  # of the measures in the loss


def lip_loss(predicted: Tensor, wanted: Tensor) -> Tensor:
    """Half mean squared error, half lack of correlation within each example.

    Args:
        predicted: (B, R, 5).
        wanted: (B, R, 5) in units of spread.
    """
    weights = _WEIGHTS.to(predicted)
    error = ((predicted - wanted).square() * weights).mean()
    a = predicted - predicted.mean(1, keepdim=True)
    b = wanted - wanted.mean(1, keepdim=True)
    together = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1) + 1.0)
    return 0.5 * error + 0.5 * ((1 - together) * weights).mean()


def lip_batch(
    clips: Sequence[LipClip],
    prepared: Sequence[tuple[Tensor, Tensor]],
    others: Sequence[Tensor],
    size: int,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Inputs (B, 2 ROWS, bands) and targets (B, ROWS, 5), each source equally often by length.

    ``prepared`` holds the log-mel and the targets of each clip.
    """
    weights = torch.tensor([float(len(clip.measures)) / clip.fps for clip in clips])
    chosen = torch.multinomial(weights, size, replacement=True, generator=generator)
    inputs: list[Tensor] = []
    targets: list[Tensor] = []
    for index in chosen.tolist():
        log_mel, wanted = prepared[index]
        draws = torch.rand(3, generator=generator)
        if float(draws[0]) < 0.7:
            log_mel, wanted = stretched(log_mel, wanted, 0.85 + 0.3 * float(draws[1]))
        noise = None
        if float(draws[0]) < 0.2:
            other = others[int(torch.randint(len(others), (), generator=generator))]
            noise = other.repeat(-(-len(log_mel) // len(other)), 1)[: len(log_mel)]
        x = normalised(augment(log_mel, generator, noise))
        start = int(float(draws[2]) * max(0, len(wanted) - ROWS))
        inputs.append(_fitted(x, 2 * start, 2 * ROWS))
        targets.append(_fitted(wanted, start, ROWS))
    return torch.stack(inputs), torch.stack(targets)


def fit(
    net: MouthNet,
    clips: Sequence[LipClip],
    utterances: Sequence[Utterance],
    others: Sequence[Tensor],
    steps: int,
    *,
    batch: int = 12,
    rate: float = 4e-4,
    phone_share: float = 0.3,
    blend: float = 0.5,
    seed: int = 0,
    report: Callable[[str], None] = lambda text: None,
) -> None:
    """Train in place; phones of synthetic speech stay part of the task, so they are not forgotten.

    The lips start from a ridge regression on the pre-trained network, which few steps suffice to
    refine. At the end the weights go ``blend`` of the way from that start to where training led:
    on sources never seen this is better than either end.
    """
    start_lips(net, clips)
    start = {name: value.clone() for name, value in net.state_dict().items()}
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # dropout
    prepared = [(clip.log_mel, clip.targets()) for clip in clips]
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    net.train()
    total = 0.0
    for step in range(1, steps + 1):
        inputs, wanted = lip_batch(clips, prepared, others, batch, generator)
        lips, _, _ = net(inputs)
        loss = lip_loss(lips, wanted)
        total += float(loss.detach())
        if phone_share and utterances and step % 2 == 0:
            speech = speech_batch(utterances, others, max(1, batch // 2), generator)
            loss = loss + 2 * phone_share * phone_loss(net, speech)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 50 == 0:
            report(f"fitting step {step} of {steps}: loss {total / 50:.3f}")
            total = 0.0
    end = net.state_dict()
    net.load_state_dict({name: torch.lerp(start[name], end[name], blend) for name in start})
    net.eval()


def start_lips(net: MouthNet, clips: Sequence[LipClip]) -> None:
    """Set the lip outputs to the mean of two ridge regressions.

    One is on what the pre-trained network hears, one on log-mel around each row. The deep one
    knows phones in many voices, the plain one what little data says surely.
    """
    net.eval()
    with torch.no_grad():
        inputs = [normalised(clip.log_mel) for clip in clips]
        wanted = torch.cat([clip.targets() for clip in clips])
        heard = torch.cat([net.trunk(x[None])[0].T for x in inputs])
        weight, bias = ridge(heard, wanted, 300.0)
        net.lips.weight.copy_(0.5 * weight.T[..., None])
        weight_direct, bias_direct = ridge(torch.cat([around(x) for x in inputs]), wanted, 3000.0)
        net.direct.weight.copy_(0.5 * direct_kernel(weight_direct, net.config.bands))
        assert net.lips.bias is not None
        assert net.direct.bias is not None
        net.lips.bias.copy_(0.5 * bias)
        net.direct.bias.copy_(0.5 * bias_direct)


def around(log_mel: Tensor) -> Tensor:
    """(R, F) coarse log-mel around each row of 20 ms: 21 rows, every second one, half the bands.

    Args:
        log_mel: (2R, bands) normalised.
    """
    rows, bands = len(log_mel) // 2, log_mel.shape[1]
    coarse = log_mel.reshape(rows, 2, bands // 2, 2).mean((1, 3))
    padded = torch.nn.functional.pad(coarse.T[None], (10, 10))[0].T
    return torch.cat([padded[k : k + rows] for k in range(0, 21, 2)], dim=1)


def direct_kernel(weight: Tensor, bands: int) -> Tensor:
    """(C, bands, 42) kernel of ``MouthNet.direct`` that does what (F, C) does to ``around``."""
    steps = weight.reshape(11, bands // 2, -1)
    kernel = torch.zeros(weight.shape[1], bands, DIRECT_ROWS)
    for step in range(11):
        part = steps[step].T.repeat_interleave(2, dim=1) / 4
        kernel[:, :, 4 * step] = part
        kernel[:, :, 4 * step + 1] = part
    return kernel


def ridge(inputs: Tensor, wanted: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Weight (F, C) and bias (C,) of a regularised linear fit of (N, C) from (N, F)."""
    x, y = inputs.double(), wanted.double()
    mean, spread = x.mean(0), x.std(0) + 1e-6
    scaled = (x - mean) / spread
    normal = scaled.T @ scaled + strength * torch.eye(x.shape[1], dtype=torch.float64)
    weight = torch.linalg.solve(normal, scaled.T @ (y - y.mean(0))) / spread[:, None]
    return weight.float(), (y.mean(0) - mean @ weight).float()


def estimate_lags(
    net: MouthNet, clips: Sequence[LipClip], rounds: int = 4, span: int = 8
) -> list[LipClip]:
    """Find by how much each clip is out of step, from the clips of the others alone.

    In each round a linear fit on all other clips predicts the lips of one; its lag is where they
    agree best. Clips of one source that are short share their lag.
    """
    with torch.no_grad():
        heard = {c.name: net.trunk(normalised(c.log_mel)[None])[0].T for c in clips}
    current = list(clips)
    for _ in range(rounds):
        agreement: dict[str, Tensor] = {}
        for held in current:
            rest = [clip for clip in current if clip.name != held.name]
            weight, bias = ridge(
                torch.cat([heard[clip.name] for clip in rest]),
                torch.cat([clip.targets() for clip in rest]),
                1000.0,
            )
            predicted = heard[held.name] @ weight + bias
            agreement[held.name] = torch.stack(
                [
                    correlation(predicted, replace(held, lag_rows=lag).targets())[[0, 1, 4]].mean()
                    for lag in range(-span, span + 1)
                ]
            )
        short = {c.source for c in current if len(c.log_mel) < 500}
        shared = {
            source: torch.stack([agreement[c.name] for c in current if c.source == source]).mean(0)
            for source in short
        }
        current = [
            replace(
                clip,
                lag_rows=int(shared.get(clip.source, agreement[clip.name]).argmax()) - span,
            )
            for clip in current
        ]
    return current


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """(C,) Pearson correlation of (N, C) columns."""
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / (a.norm(dim=0) * b.norm(dim=0)).clamp(min=1e-9)


def _fitted(rows: Tensor, start: int, size: int) -> Tensor:
    part = rows[start : start + size]
    if len(part) == size:
        return part
    return torch.cat([part, part[-1:].expand(size - len(part), *part.shape[1:])])
