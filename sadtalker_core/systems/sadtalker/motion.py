"""Motion of SadTalker: from a sound, for a while without one, or taken from a video."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ...audio.wav2lip_mel import frames_of, window_groups
from ...errors import OptionError
from ...runtime import Runtime
from ...structures import Coeff3DMM
from .blink import random_blinks, seeded_choice
from .config import FPS, SadTalkerMotionOptions
from .head_pose import head_motion, seeded_latents, smoothed
from .nets.expnet import ExpNet
from .nets.posevae import PoseVAE
from .reference import add_reference_pose, reference_rows
from .semantics import driving_rows
from .speech import GROUP, HeardGroup, hear, hear_nothing, weight_type

_EXPRESSION = 64
_POSE = slice(64, 70)


@dataclass(frozen=True)
class MotionNets:
    """The two networks that turn speech into motion, on the job's device, in eval mode."""

    expnet: ExpNet
    posevae: PoseVAE


def motion_from_audio(
    nets: MotionNets,
    source_coeff: Tensor,
    open_sound: Callable[[], Iterator[Tensor]],
    samples: int,
    options: SadTalkerMotionOptions,
    runtime: Runtime,
    reference_blink: Coeff3DMM | None = None,
    reference_pose: Coeff3DMM | None = None,
) -> Coeff3DMM:
    """Expression and head motion for a sound.

    The sound is read once and memory grows with the coefficients alone. The same sound, options
    and seed give the same motion to the bit, whatever the chunks of stream and runtime.

    Args:
        nets: the networks.
        source_coeff: (1, 73) of the source picture (70 do as well).
        open_sound: gives a fresh pass over the sound: (S,) float32 chunks of any size, mono at
            16 kHz, in [-1, 1].
        samples: its exact length.
        options: how it moves. Yaw, pitch and roll are no part of the coefficients: see
            ``camera.free_view``.
        runtime: device, seed, progress and cancelling.
        reference_blink: coefficients of a video whose expression (blinks above all) the network
            starts from, instead of the source's with made blinks; any rate, looped.
        reference_pose: coefficients of a video whose head motion is added; any rate, looped.

    Returns:
        T = max(1, samples // 640) frames at 25 fps on ``runtime.device``, ready for MappingNet:
        expression scaled, head held if it is to be still, the source's crop numbers beside them.
    """
    count = frames_of(samples)
    groups = window_groups(open_sound(), samples, GROUP, runtime.device)
    heard = hear(nets.expnet, _posevae(nets, options), groups)
    return _motion(
        nets, source_coeff, heard, count, options, runtime, reference_blink, reference_pose
    )


def idle_motion(
    nets: MotionNets,
    source_coeff: Tensor,
    duration_s: Fraction | float,
    options: SadTalkerMotionOptions,
    runtime: Runtime,
    reference_blink: Coeff3DMM | None = None,
    reference_pose: Coeff3DMM | None = None,
) -> Coeff3DMM:
    """Motion without a sound, T = max(1, int(25 * seconds)) frames; see ``motion_from_audio``.

    Raises:
        OptionError: the duration is not a positive, finite number of seconds.
    """
    if not (math.isfinite(duration_s) and duration_s > 0):
        raise OptionError(f"duration must be a positive number of seconds, got {duration_s}.")
    exact = Fraction(duration_s).limit_denominator(1_000_000)
    count = max(1, int(FPS * exact))
    heard = hear_nothing(nets.expnet, _posevae(nets, options), runtime.device)
    return _motion(
        nets, source_coeff, heard, count, options, runtime, reference_blink, reference_pose
    )


def motion_from_video(
    reference: Coeff3DMM,
    source_coeff: Tensor,
    options: SadTalkerMotionOptions,
    runtime: Runtime,
    frames: int | None = None,
) -> Coeff3DMM:
    """The motion of a reference video itself, without the speech networks.

    Args:
        reference: coefficients of the video, any rate.
        source_coeff: (1, 73) of the source picture.
        options: ``expression_scale``, ``pose_scale`` (of the change since the video's first
            frame) and ``still`` count.
        runtime: device.
        frames: T at 25 fps, the video is looped; None takes its own length.
    """
    rows = reference_rows(reference.to(runtime.device), frames)
    if options.pose_scale != 1.0:
        pose = rows[:, _POSE]
        held = pose[:1].expand_as(pose)
        pose = add_reference_pose(held, pose, options.pose_scale)
        rows = torch.cat([rows[:, :_EXPRESSION], pose], 1)
    return _finished(rows, source_coeff.to(runtime.device), options)


def blink_ratio(frames: int, options: SadTalkerMotionOptions, runtime: Runtime) -> Tensor:
    """(T,) closing of the eyes, 0 to 1: all zero without ``options.blink``."""
    if not options.blink:
        return torch.zeros(frames)
    return random_blinks(frames, seeded_choice(runtime.generator("sadtalker blinks")))


def _posevae(nets: MotionNets, options: SadTalkerMotionOptions) -> PoseVAE | None:
    """Half of the listening is for the head; a still head does without it."""
    return None if options.still else nets.posevae


def _motion(
    nets: MotionNets,
    source_coeff: Tensor,
    heard: Iterator[HeardGroup],
    count: int,
    options: SadTalkerMotionOptions,
    runtime: Runtime,
    reference_blink: Coeff3DMM | None,
    reference_pose: Coeff3DMM | None,
) -> Coeff3DMM:
    device = runtime.device
    source = source_coeff.to(device).float()
    kind = weight_type(nets.expnet)
    if reference_blink is None:
        ratio = blink_ratio(count, options, runtime).to(device)
        begin = source[:, :_EXPRESSION].expand(count, -1)
    else:
        ratio = torch.zeros(count, device=device)
        begin = reference_rows(reference_blink.to(device), count)[:, :_EXPRESSION]
    rows = torch.empty((count, _POSE.stop), device=device)
    speech = torch.empty((count, nets.posevae.config.pose), device=device)
    for start, group in zip(range(0, count, GROUP), heard):
        runtime.check_cancelled()
        end = min(start + GROUP, count)
        frames = torch.arange(start, start + GROUP, device=device).clamp(max=count - 1)
        made = nets.expnet.express(
            group.embedding, begin[frames].to(kind), ratio[frames, None].to(kind)
        )
        rows[start:end, :_EXPRESSION] = made[: end - start]
        if group.head is not None:
            speech[start:end] = group.head[: end - start]
        runtime.progress("motion", end, count)
    if options.still:
        rows[:, _POSE] = source[:, _POSE]
    else:
        pose = _pose(nets.posevae, speech, source[:, _POSE], options, runtime)
        if reference_pose is not None:
            turned = reference_rows(reference_pose.to(device), count)[:, _POSE]
            pose = add_reference_pose(pose, turned, options.pose_scale)
        rows[:, _POSE] = pose
    return _finished(rows, source, options)


def _pose(
    net: PoseVAE, speech: Tensor, start: Tensor, options: SadTalkerMotionOptions, runtime: Runtime
) -> Tensor:
    """(T, 6) from (T, 6) speech and the source's (1, 6) pose."""
    kind = weight_type(net)
    latents = seeded_latents(net, runtime.generator("sadtalker head"), start.to(kind))
    style = torch.tensor([options.pose_style], device=start.device)
    motion = head_motion(net, speech.to(kind), start.to(kind), style, latents).float()
    return smoothed(start + options.pose_scale * motion)


def _finished(rows: Tensor, source: Tensor, options: SadTalkerMotionOptions) -> Coeff3DMM:
    whole = driving_rows(
        rows,
        source,
        min(source.shape[1], 73),
        expression_scale=options.expression_scale,
        still=options.still,
    )
    return Coeff3DMM.from_rows(whole, Fraction(FPS))
