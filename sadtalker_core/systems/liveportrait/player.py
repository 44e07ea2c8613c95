"""The command player: expressions saved by an editor, played one after another over frames.

A line ``2 = 10 : 25`` goes to expression 2 over 10 frames and holds it for 25; 0 is the neutral
face. A driving video can be laid on top. Source: ``AdvancedLivePortrait`` in ``nodes.py`` of
ComfyUI-AdvancedLivePortrait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import OptionError
from ...geometry.pose import rotation_liveportrait
from .editor import ExpressionChange
from .points import SourcePoints
from .retarget import Mlp, stitched

_EYES = (11, 13, 15, 16)
_MOUTH = (14, 17, 19, 20)


@dataclass(frozen=True)
class Command:
    """One line of a script.

    Attributes:
        index: which expression; 0 is the neutral face.
        change: frames on the way to it, at least 1.
        keep: frames that it is held.
    """

    index: int
    change: int
    keep: int


def parse_commands(text: str, expressions: int) -> list[Command]:
    """The lines ``index = change : keep`` of a script; empty lines are passed over.

    Args:
        text: the script.
        expressions: how many there are beside the neutral face.

    Raises:
        OptionError: a line has another form, there is no such expression, or it is reached in no
            frame.
    """
    commands: list[Command] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        index_text, equals, rest = line.partition("=")
        change_text, colon, keep_text = rest.partition(":")
        try:
            numbers = [int(part) for part in (index_text, change_text, keep_text)]
        except ValueError:
            numbers = []
        if not equals or not colon or not numbers:
            raise OptionError(
                f"line {number} of the script is {line.strip()!r}; write index = change : keep "
                "in whole numbers, such as 1 = 10 : 25."
            )
        command = Command(*numbers)
        if not 0 <= command.index <= expressions:
            raise OptionError(
                f"line {number} of the script asks for expression {command.index}, there are "
                f"0 (neutral) to {expressions}."
            )
        if command.change < 1 or command.keep < 0:
            raise OptionError(
                f"line {number} of the script changes in {command.change} frames and keeps for "
                f"{command.keep}; at least 1 and 0 are needed."
            )
        commands.append(command)
    return commands


def played(commands: Sequence[Command], sets: Sequence[ExpressionChange]) -> list[ExpressionChange]:
    """The accumulated change in every frame of a script; after its end the last one holds.

    Args:
        commands: a script.
        sets: the expressions 1, 2, ...; at least one if any command asks for one.

    Returns:
        One for each of the script's frames.
    """
    frames: list[ExpressionChange] = []
    if not commands:
        return frames
    neutral = ExpressionChange.none(sets[0].expression) if sets else None
    reached = neutral
    for command in commands:
        wanted = neutral if command.index == 0 else sets[command.index - 1]
        if wanted is None or reached is None:
            raise OptionError("a script needs at least one expression beside the neutral face.")
        start, step = reached, 1 / command.change
        for _ in range(command.change):
            reached = reached.plus(wanted, step).plus(start, -step)
            frames.append(reached)
        frames.extend([reached] * command.keep)
    return frames


def player_points(
    source: SourcePoints,
    changes: Sequence[ExpressionChange],
    stitching: Mlp | None,
    driving: SourcePoints | None = None,
    retargeting_eyes: float = 0.0,
    retargeting_mouth: float = 0.0,
    play_to_end: bool = False,
) -> Tensor:
    """Keypoints of every frame as the command player gives them.

    Args:
        source: 1 or more frames; after its end the last frame stands.
        changes: from ``played``; after its end the last one holds.
        stitching: its network; None leaves it out, which the player never does.
        driving: a driver's frames, whose change since its first frame is added; after its end
            nothing is.
        retargeting_eyes: how much of the driver's first expression is added at the eyes.
        retargeting_mouth: the same at the mouth.
        play_to_end: go on to the end of the script, however short source and driver are
            (``animate_without_vid``).

    Returns:
        (T, K, 3).
    """
    rows = _player_rows(source, changes, driving, retargeting_eyes, retargeting_mouth, play_to_end)
    points: list[Tensor] = []
    for still, moved in rows:
        points.append(moved if stitching is None else stitched(stitching, still, moved))
    return torch.cat(points)


def _player_rows(
    source: SourcePoints,
    changes: Sequence[ExpressionChange],
    driving: SourcePoints | None,
    retargeting_eyes: float,
    retargeting_mouth: float,
    play_to_end: bool,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Keypoints (1, K, 3) of the source and of the result, frame by frame."""
    driven = 0 if driving is None else len(driving)
    total = max(len(source), driven, len(changes) if play_to_end else 0)
    # The original adds this to the base only after frame 0 took its copy, and every further frame
    # of the source makes the base anew: so the first frame lacks it, and a video loses it at once.
    extra = torch.zeros_like(source.exp[:1])
    for frame in range(total):
        row = source[frame : frame + 1] if frame < len(source) else source[-1:]
        if frame < len(source):
            extra = torch.zeros_like(extra)
        face = row.kp + row.exp + extra
        degrees, scale, translation = row.pitch_yaw_roll_deg, row.scale, row.t
        if changes:
            change = changes[min(frame, len(changes) - 1)]
            face = face + change.expression
            degrees = degrees + change.degrees
            scale = scale + change.scale
            translation = translation + change.translation
        if driving is not None and frame < driven:
            if frame == 0:
                extra = _first_expression(driving.exp[:1], retargeting_eyes, retargeting_mouth)
            now, first = driving[frame : frame + 1], driving[:1]
            face = face + now.exp - first.exp
            degrees = degrees + now.pitch_yaw_roll_deg - first.pitch_yaw_roll_deg
            translation = translation + now.t - first.t
        moved = (face @ rotation_liveportrait(degrees)) * scale[:, None] + translation[:, None]
        yield row.x, moved


def _first_expression(expression: Tensor, eyes: float, mouth: float) -> Tensor:
    share = torch.zeros_like(expression)
    share[:, list(_EYES)] = eyes
    share[:, list(_MOUTH)] = mouth
    return expression * share
