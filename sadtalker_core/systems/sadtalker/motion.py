"""Motion of SadTalker: from a sound, for a while without one, or taken from a video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ...motion_request import OpenSound
from ...runtime import Runtime
from ...structures import Coeff3DMM
from .config import SadTalkerMotionOptions
from .motion_parts import (
    EXPRESSION,
    POSE,
    blinks,
    face_start,
    fitted,
    group_expression,
    head_poses,
)
from .nets.expnet import ExpNet
from .nets.posevae import PoseVAE
from .reference import add_reference_pose, reference_rows
from .speech import GROUP, Speech


@dataclass(frozen=True)
class MotionNets:
    """The two networks that turn speech into motion, on the job's device, in eval mode."""

    expnet: ExpNet
    posevae: PoseVAE


def motion_from_audio(
    nets: MotionNets,
    source_coeff: Tensor,
    open_sound: OpenSound,
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
    speech = Speech.of_sound(open_sound, samples)
    return _motion(nets, source_coeff, speech, options, runtime, reference_blink, reference_pose)


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
    speech = Speech.of_nothing(duration_s)
    return _motion(nets, source_coeff, speech, options, runtime, reference_blink, reference_pose)


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
        pose = rows[:, POSE]
        held = pose[:1].expand_as(pose)
        pose = add_reference_pose(held, pose, options.pose_scale)
        rows = torch.cat([rows[:, :EXPRESSION], pose], 1)
    return fitted(rows, source_coeff.to(runtime.device), options)


def blink_ratio(frames: int, options: SadTalkerMotionOptions, runtime: Runtime) -> Tensor:
    """(T,) closing of the eyes, 0 to 1: all zero without ``options.blink``."""
    return blinks(frames, "random", runtime) if options.blink else torch.zeros(frames)


def _motion(
    nets: MotionNets,
    source_coeff: Tensor,
    speech: Speech,
    options: SadTalkerMotionOptions,
    runtime: Runtime,
    reference_blink: Coeff3DMM | None,
    reference_pose: Coeff3DMM | None,
) -> Coeff3DMM:
    """Both networks in one pass over the sound."""
    device, count = runtime.device, speech.frames
    source = source_coeff.to(device).float()
    closing = None if reference_blink is not None else blink_ratio(count, options, runtime)
    begin, ratio = face_start(source, count, closing, reference_blink)
    rows = torch.empty((count, POSE.stop), device=device)
    heard = torch.empty((count, nets.posevae.config.pose), device=device)
    # Half of the listening is for the head; a still head does without it.
    posevae = None if options.still else nets.posevae
    for start, group in zip(range(0, count, GROUP), speech.heard(nets.expnet, posevae, device)):
        runtime.check_cancelled()
        assert group.embedding is not None
        end = min(start + GROUP, count)
        made = group_expression(nets.expnet, group.embedding, begin, ratio, start)
        rows[start:end, :EXPRESSION] = made
        if group.head is not None:
            heard[start:end] = group.head[: end - start]
        runtime.progress("motion", end, count)
    if options.still:
        rows[:, POSE] = source[:, POSE]
    else:
        pose = head_poses(nets.posevae, heard, source, options, runtime, reference_pose)
        rows[:, POSE] = pose
    return fitted(rows, source, options)
