"""Deterministic touch-ups of a seeded state dict, where the plain fill makes the whole degenerate.

``seeded_weights.fill`` knows nothing of what a tensor is for.  Two goldens of this folder therefore
use a state dict that went through one of these functions; every other golden uses the plain fill.

* :func:`converge_spectral` (generator): the fill gives ``weight_u`` and ``weight_v`` as random unit
  vectors, so sigma = u . (W v) is nearly zero, the normalised weight some hundred times too large
  and the image 95 % saturated.  A published checkpoint holds converged vectors.
* :func:`calm_motion` (motion extractor) and :func:`calm_stitching`: the fill gives keypoints of
  standard deviation 1 to 3, most of them outside the [-1, 1] volume, so the warp samples nothing.
"""

from __future__ import annotations

import torch


def converge_spectral(
    state_dict: dict[str, torch.Tensor], rounds: int = 5
) -> dict[str, torch.Tensor]:
    """For every ``<name>.weight_u``, with W = ``<name>.weight_orig`` flattened to (out, rest), in
    float64: ``rounds`` times v = W^T u / |W^T u| and then u = W v / |W v|; stored as float32."""
    done = dict(state_dict)
    for name in state_dict:
        if not name.endswith(".weight_u"):
            continue
        stem = name.removesuffix("_u")
        weight = state_dict[stem + "_orig"].double().flatten(1)
        u = state_dict[name].double()
        v = state_dict[stem + "_v"].double()
        for _ in range(rounds):
            v = weight.t() @ u
            v = v / v.norm()
            u = weight @ v
            u = u / u.norm()
        done[name] = u.float()
        done[stem + "_v"] = v.float()
    return done


def calm_motion(state_dict: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weight and bias of ``detector.fc_kp`` times 0.25, of ``fc_exp`` times 0.03, of ``fc_t`` times
    0.1, of ``fc_scale`` times 0.1, and then 1.3 added to the bias of ``fc_scale``."""
    done = dict(state_dict)
    for head, factor in (("fc_kp", 0.25), ("fc_exp", 0.03), ("fc_t", 0.1), ("fc_scale", 0.1)):
        for leaf in ("weight", "bias"):
            done[f"detector.{head}.{leaf}"] = done[f"detector.{head}.{leaf}"] * factor
    done["detector.fc_scale.bias"] = done["detector.fc_scale.bias"] + 1.3
    return done


def calm_stitching(state_dict: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weight and bias of the last layer, ``mlp.6``, times 0.05."""
    done = dict(state_dict)
    for leaf in ("weight", "bias"):
        done[f"mlp.6.{leaf}"] = done[f"mlp.6.{leaf}"] * 0.05
    return done
