"""How near to the reference each output of a golden must come: the one table.

The default is a worst error of 1e-4 of the golden's standard deviation. Where the table says more,
the reference itself moves that far between one and two threads (fact sheet of the system, section
on numerical notes), because a later layer enlarges rounding.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

import torch
from torch import Tensor

_WORST = 1e-4


@dataclass(frozen=True)
class Tolerance:
    """Limits of one output.

    Attributes:
        worst: largest error over the golden's standard deviation, of the elements that count.
        share: share of the elements that must keep to it; 1 is all of them.
        levels: for uint8: difference that counts as equal.
        most: for uint8: largest difference of the others, so that no part may be quite wrong.
    """

    worst: float = _WORST
    share: float = 1.0
    levels: int = 1
    most: int = 2


# First match wins. Names are golden/output.
_TABLE: tuple[tuple[str, Tolerance], ...] = (
    # The decoder's seeded weights are a thousand times too large: part of the picture saturates
    # and flips, so most of it is judged, and all of the logits.
    ("sadtalker/generator_[25]*/prediction", Tolerance(5e-2, 0.99)),
    ("sadtalker/pipeline_[cf]*/frames", Tolerance(5e-2, 0.99)),
    ("sadtalker/pipeline_*/frames_uint8", Tolerance(share=0.99, levels=2, most=255)),
    ("sadtalker/pipeline_settled_256/frames", Tolerance(5e-2)),
    ("sadtalker/generator_*/prediction", Tolerance(5e-2)),
    ("sadtalker/*/logits", Tolerance(5e-2)),
    ("sadtalker/generator_*/dec_middle5", Tolerance(5e-2)),
    ("sadtalker/generator_*/dec_up*", Tolerance(5e-2)),
    ("sadtalker/generator_*/dec_*", Tolerance(5e-3)),
    ("sadtalker/generator_*/fourth", Tolerance(5e-3)),
    # Reading white noise between voxels enlarges a last bit of W's inputs to 2.5e-4.
    ("liveportrait/warping_module/*", Tolerance(1e-3)),
    # As SadTalker's: weights as filled saturate the picture; its logits are held to the rule.
    ("liveportrait/spade_generator/image", Tolerance(2e-3)),
    # A one-ulp change of the keypoints moves the bent volume by 2.5e-4 and the picture by 5e-4
    # (fact sheet, section 1).
    ("liveportrait/end_to_end/warped", Tolerance(1e-3)),
    ("liveportrait/end_to_end/image", Tolerance(1e-3)),
    # 12 of 48506 values are 2 to 7 levels off.
    ("liveportrait/end_to_end/pasted", Tolerance(share=0.999, most=8)),
    # VideoReTalking's noise floors: how far the reference's own float32 is from its float64. With
    # the torch that made the goldens these networks are equal to the bit.
    ("retalking/dnet/*_image", Tolerance(1.3e-4)),
    ("retalking/lnet/image", Tolerance(1e-2)),
    ("retalking/lnet/*", Tolerance(3e-4)),
    ("retalking/lnet_sn/*", Tolerance(3e-4)),
    ("retalking/enet/*", Tolerance(2e-3)),
    ("retalking/enet_sn/*", Tolerance(2e-4)),
    # The sigmoid of seeded weights: the reference is 1e-4 off itself in double precision.
    ("wav2lip/wav2lip/image", Tolerance(2e-4)),
    # Worst: some twenty values of GFPGAN's paste, 2 levels.
    ("*", Tolerance(share=0.9999)),
)


# Decibels of networks whose products are bfloat16, over a range of four standard deviations of the
# golden. Weights are seeded and inputs are noise, which LNet answers with little contrast.
QUICK_DB = {
    "retalking/lnet_sn/image": 27.0,
    "retalking/enet_sn/low_res": 35.0,
    "retalking/enet_sn/image": 45.0,
}
# The same networks with products in float32, where only what is folded rounds otherwise.
QUICK_FLOAT32_DB = 90.0


def decibels(got: Tensor, want: Tensor) -> float:
    """How near ``got`` is to a golden, over a range of four of its standard deviations."""
    error = (got.double() - want.double()).square().mean().clamp(min=1e-30)
    return float(20 * torch.log10(4 * want.double().std()) - 10 * torch.log10(error))


def tolerance_of(golden: str, output: str, is_levels: bool) -> Tolerance:
    """The limits of one output; ``is_levels`` says that it is uint8."""
    name = f"{golden}/{output}"
    for pattern, tolerance in _TABLE:
        if fnmatch.fnmatch(name, pattern):
            return tolerance if pattern != "*" or is_levels else Tolerance()
    raise AssertionError("the table ends with a pattern for everything")


def problem(golden: str, output: str, got: Tensor, want: Tensor) -> str:
    """Why ``got`` is not near enough to ``want``, or nothing.

    Args:
        golden: such as ``sadtalker/audio2exp``.
        output: name of the output.
        got: ours, already thinned as the golden is.
        want: the golden's.
    """
    is_levels = want.dtype == torch.uint8
    limit = tolerance_of(golden, output, is_levels)
    if is_levels:
        if got.dtype != torch.uint8:
            return f"{golden}/{output} is {got.dtype}, the golden uint8"
        off = (got.int() - want.int()).abs()
        share = (off <= limit.levels).double().mean().item()
        if share < limit.share:
            return f"{golden}/{output}: only {share:.4f} within {limit.levels} levels"
        worst = int(off.max()) if off.numel() else 0
        return "" if worst <= limit.most else f"{golden}/{output}: a value is {worst} levels off"
    spread = float(want.float().std()) if want.numel() > 1 else float(want.float().abs().max())
    errors = (got.float() - want.float()).abs().flatten() / max(spread, 1e-6)
    if not bool(torch.isfinite(errors).all()):
        return f"{golden}/{output} holds numbers that are not finite"
    near = (errors <= limit.worst).double().mean().item()
    if near >= limit.share:
        return ""
    return (
        f"{golden}/{output}: worst error {errors.max().item():.2e} of a standard deviation, "
        f"{near:.4f} within {limit.worst:g} (wanted: {limit.share:g} of all)"
    )
