"""SadTalker's motion network by network: the face alone, the head alone, and how both are joined.

``motion.py`` runs both networks in one pass over a sound. Each alone gives the same numbers to the
bit, so that a graph of single steps and the whole engine cannot differ.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor

from ...runtime import Runtime
from ...structures import Coeff3DMM
from .blink import random_blinks, seeded_choice, steady_blinks
from .config import FPS, SadTalkerMotionOptions
from .head_pose import head_motion, seeded_latents, smoothed
from .nets.expnet import ExpNet
from .nets.posevae import PoseVAE
from .reference import add_reference_pose, looped, reference_rows, resampled
from .semantics import driving_rows
from .speech import GROUP, Speech, weight_type

EXPRESSION = 64
POSE = slice(64, 70)


def blinks(frames: int, pattern: str, runtime: Runtime) -> Tensor:
    """(T,) closing of the eyes, 0 to 1.

    Args:
        frames: T at 25 frames per second.
        pattern: ``random``, as the engine itself blinks, or ``steady``: slower, every 3.5 s.
        runtime: the seed of the random ones.
    """
    if pattern == "steady":
        return steady_blinks(frames)
    return random_blinks(frames, seeded_choice(runtime.generator("sadtalker blinks")))


def closing_of(lids: Tensor, fps: Fraction, frames: int) -> Tensor:
    """(N, 2) closing of both lids at ``fps`` -> (T,) for ExpNet, looped, in [0, 1]."""
    return looped(resampled(lids, fps), frames).mean(1).clamp(0, 1)


def face_start(
    source: Tensor, frames: int, closing: Tensor | None, reference: Coeff3DMM | None
) -> tuple[Tensor, Tensor]:
    """What ExpNet starts from.

    Args:
        source: (1, 70 or more) of the source picture.
        frames: T.
        closing: (T,) closing of the eyes; None keeps them open. With a reference it is not used:
            the reference blinks itself.
        reference: a video whose expression takes the place of the source's; any rate, looped.

    Returns:
        (T, 64) expression and (T,) closing, on the device of ``source``.
    """
    if reference is not None:
        rows = reference_rows(reference.to(source.device), frames)
        return rows[:, :EXPRESSION], torch.zeros(frames, device=source.device)
    ratio = torch.zeros(frames) if closing is None else closing
    return source[:, :EXPRESSION].expand(frames, -1), ratio.to(source.device)


def group_expression(
    net: ExpNet, embedding: Tensor, begin: Tensor, ratio: Tensor, start: int
) -> Tensor:
    """(up to 32, 64) expression of the group of frames that begins at ``start``."""
    count, kind = len(begin), weight_type(net)
    end = min(start + GROUP, count)
    # always a whole group, so that rounding never depends on where a clip ends
    frames = torch.arange(start, start + GROUP, device=begin.device).clamp(max=count - 1)
    made = net.express(embedding, begin[frames].to(kind), ratio[frames, None].to(kind))
    return made[: end - start]


def head_poses(
    net: PoseVAE,
    speech: Tensor,
    source: Tensor,
    options: SadTalkerMotionOptions,
    runtime: Runtime,
    reference: Coeff3DMM | None = None,
) -> Tensor:
    """(T, 6) rotation and translation from (T, 6) ``net.hear`` of each frame.

    Args:
        net: the network.
        speech: what it heard.
        source: (1, 70 or more) of the source picture.
        options: ``pose_style`` and ``pose_scale`` count.
        runtime: seed.
        reference: a video whose head motion is added; any rate, looped.
    """
    start, kind = source[:, POSE], weight_type(net)
    latents = seeded_latents(net, runtime.generator("sadtalker head"), start.to(kind))
    style = torch.tensor([options.pose_style], device=start.device)
    motion = head_motion(net, speech.to(kind), start.to(kind), style, latents).float()
    pose = smoothed(start + options.pose_scale * motion)
    if reference is None:
        return pose
    turned = reference_rows(reference.to(start.device), len(speech))[:, POSE]
    return add_reference_pose(pose, turned, options.pose_scale)


def fitted(rows: Tensor, source: Tensor, options: SadTalkerMotionOptions) -> Coeff3DMM:
    """(T, 70) as motion of one portrait: expression scaled, its crop numbers beside each frame."""
    whole = driving_rows(
        rows,
        source,
        min(source.shape[1], 73),
        expression_scale=options.expression_scale,
        still=options.still,
    )
    return Coeff3DMM.from_rows(whole, Fraction(FPS))


def expression_motion(
    net: ExpNet,
    source_coeff: Tensor,
    speech: Speech,
    options: SadTalkerMotionOptions,
    runtime: Runtime,
    closing: Tensor | None = None,
    reference: Coeff3DMM | None = None,
) -> Coeff3DMM:
    """The face alone: T frames at 25 fps whose head is the source's.

    Args:
        net: ExpNet.
        source_coeff: (1, 73) of the source picture.
        speech: what it hears.
        options: ``expression_scale`` counts.
        runtime: device, progress and cancelling.
        closing: (T,) closing of the eyes.
        reference: see ``face_start``.
    """
    device, count = runtime.device, speech.frames
    source = source_coeff.to(device).float()
    begin, ratio = face_start(source, count, closing, reference)
    rows = source[:, : POSE.stop].repeat(count, 1)
    for start, group in zip(range(0, count, GROUP), speech.heard(net, None, device)):
        runtime.check_cancelled()
        assert group.embedding is not None
        made = group_expression(net, group.embedding, begin, ratio, start)
        rows[start : start + len(made), :EXPRESSION] = made
        runtime.progress("expression", min(start + GROUP, count), count)
    return fitted(rows, source, options)


def pose_motion(
    net: PoseVAE,
    source_coeff: Tensor,
    speech: Speech,
    options: SadTalkerMotionOptions,
    runtime: Runtime,
    reference: Coeff3DMM | None = None,
) -> Coeff3DMM:
    """The head alone: T frames at 25 fps whose expression is the source's.

    Args:
        net: PoseVAE.
        source_coeff: (1, 73) of the source picture.
        speech: what it hears.
        options: ``pose_style`` and ``pose_scale`` count.
        runtime: device, seed, progress and cancelling.
        reference: see ``head_poses``.
    """
    device, count = runtime.device, speech.frames
    source = source_coeff.to(device).float()
    heard = torch.empty((count, net.config.pose), device=device)
    for start, group in zip(range(0, count, GROUP), speech.heard(None, net, device)):
        runtime.check_cancelled()
        assert group.head is not None
        end = min(start + GROUP, count)
        heard[start:end] = group.head[: end - start]
        runtime.progress("head pose", end, count)
    pose = head_poses(net, heard, source, options, runtime, reference)
    rows = torch.cat([source[:, :EXPRESSION].expand(count, -1), pose], 1)
    return fitted(rows, source, SadTalkerMotionOptions())
