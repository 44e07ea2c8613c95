"""First stage: the network learns phone classes of synthetic speech in many languages and voices.

Sound with music or noise alone teaches it what is not speech.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, max_pool1d

from ..audio.levels import relative_log_mel, sound_statistics
from ..systems.lite.mouth_net import PHONE_CLASSES, MouthNet
from .augment import augment, change_speed
from .other_sounds import other_sound
from .speech_corpus import Utterance, log_mel_of

ROWS = 500  # of log-mel in one example: 5 s


def other_sounds(count: int, seed: int) -> list[Tensor]:
    """Log-mel of ``count`` made-up sounds of 6 s that are not speech."""
    rng = np.random.default_rng(seed)
    return [log_mel_of(other_sound(6.0, rng)) for _ in range(count)]


def normalised(log_mel: Tensor) -> Tensor:
    """(N, bands) log-mel by the statistics of itself, as ``motion_from_audio`` does."""
    return relative_log_mel(log_mel, sound_statistics([log_mel]))


def speech_example(
    utterances: Sequence[Utterance], others: Sequence[Tensor], generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """One example: (ROWS, bands) input, (ROWS / 2,) phone class, (ROWS / 2,) speech 0 or 1."""
    draw = torch.rand(4, generator=generator)
    other = _cut(others[_index(len(others), generator)], ROWS, generator)
    if float(draw[0]) < 0.12:
        changed = augment(other, generator) if float(draw[1]) < 0.5 else other
        blank = torch.zeros(ROWS // 2)
        return normalised(changed), blank.long(), blank
    utterance = utterances[_index(len(utterances), generator)]
    log_mel, phones = utterance.log_mel.float(), utterance.phones.long()
    rows = round(len(log_mel) * (0.8 + 0.45 * float(draw[1]))) // 2 * 2
    places = (torch.arange(rows // 2) * len(phones) / (rows // 2)).long()
    log_mel, phones = change_speed(log_mel, rows), phones[places]
    pad = 2 * int(40 * float(draw[2]))  # silence before and after
    quiet = torch.full((pad, log_mel.shape[1]), -20.0)
    log_mel = torch.cat([quiet, log_mel, quiet])
    blank = torch.zeros(pad // 2, dtype=torch.long)
    phones = torch.cat([blank, phones, blank])
    noise = None
    if float(draw[3]) < 0.25:
        times = -(-len(log_mel) // len(other))
        noise = other.repeat(times, 1)[: len(log_mel)]
    changed = augment(log_mel, generator, noise)
    if float(draw[0]) < 0.24:  # speech, then a sound that is not
        gap = torch.quantile(changed.logsumexp(1), 0.95) - torch.quantile(other.logsumexp(1), 0.95)
        changed = torch.cat([changed, other + gap - 2.0 * float(draw[1])])
        phones = torch.cat([phones, torch.zeros(len(other) // 2, dtype=torch.long)])
    x = normalised(changed)
    voiced = max_pool1d((phones > 0).float()[None, None], 15, stride=1, padding=7)[0, 0]
    start = 2 * int(float(draw[2]) * max(0, len(x) - ROWS) / 2)
    return _fitted(x, start, ROWS), _fitted(phones, start // 2, ROWS // 2), _fitted(
        voiced, start // 2, ROWS // 2
    )  # fmt: skip


def speech_batch(
    utterances: Sequence[Utterance],
    others: Sequence[Tensor],
    size: int,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """``size`` examples stacked."""
    examples = [speech_example(utterances, others, generator) for _ in range(size)]
    inputs, phones, speech = zip(*examples)
    return torch.stack(inputs), torch.stack(phones), torch.stack(speech)


def phone_loss(net: MouthNet, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Cross entropy of phone classes and of speech against other sound."""
    inputs, phones, speech = batch
    _, phone_logits, speech_logits = net(inputs)
    guessed = cross_entropy(
        phone_logits.reshape(-1, PHONE_CLASSES), phones.reshape(-1), label_smoothing=0.05
    )
    return guessed + 0.5 * binary_cross_entropy_with_logits(speech_logits, speech)


def pretrain(
    net: MouthNet,
    utterances: Sequence[Utterance],
    others: Sequence[Tensor],
    steps: int,
    *,
    batch: int = 16,
    rate: float = 2e-3,
    seed: int = 0,
    report: Callable[[str], None] = lambda text: None,
) -> None:
    """Train in place with AdamW and one cycle of the learning rate."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    net.train()
    total = 0.0
    for step in range(1, steps + 1):
        loss = phone_loss(net, speech_batch(utterances, others, batch, generator))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        total += float(loss.detach())
        if step % 100 == 0:
            report(f"pre-training step {step} of {steps}: loss {total / 100:.3f}")
            total = 0.0
    net.eval()


def _index(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))


def _cut(rows: Tensor, size: int, generator: torch.Generator) -> Tensor:
    start = 2 * _index(max(1, (len(rows) - size) // 2 + 1), generator)
    return rows[start : start + size]


def _fitted(rows: Tensor, start: int, size: int) -> Tensor:
    """Rows from ``start``, the last one repeated to fill ``size``."""
    part = rows[start : start + size]
    if len(part) == size:
        return part
    return torch.cat([part, part[-1:].expand(size - len(part), *part.shape[1:])])
