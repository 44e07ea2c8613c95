"""Parity cases of the enhancers' networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from sadtalker_core.enhance.fast.build import fast_form
from sadtalker_core.enhance.nets.bisenet import BiSeNet, enlarge_scores
from sadtalker_core.enhance.nets.gfpgan import Gfpgan
from sadtalker_core.enhance.nets.gpen import Gpen
from sadtalker_core.enhance.nets.parsenet import ParseNet

from .sadtalker_faces import filled
from .seeded_weights import fill, load_manifest

State = dict[str, Tensor]
_DATA = Path(__file__).parent / "data"
_Net = TypeVar("_Net", bound=nn.Module)


def gfpgan_mild(state: State) -> State:
    """SFT scales near 1 and shifts near 0 at every level, as a trained network has them."""
    done = dict(state)
    for level in range(7):
        for kind in ("scale", "shift"):
            name = f"condition_{kind}.{level}.2.weight"
            done[name] = state[name] * (0.1 * 0.5**level)
        bias = f"condition_scale.{level}.2.bias"
        done[bias] = state[bias] + 1
    return done


def gpen_scaled(state: State) -> State:
    """Equalised layers with the spread that training starts with, and the true blur kernels."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    blur = torch.outer(row, row) / 64
    done = dict(state)
    for name, value in state.items():
        in_generator = name.startswith("generator.")
        if name.endswith(".kernel"):
            done[name] = blur * 4 if in_generator else blur
        elif name.endswith(".weight") and value.dim() >= 2:
            gain = math.sqrt(math.prod(value.shape[1:]) / 1.5)
            done[name] = value * gain * (100.0 if name.startswith("generator.style.") else 1.0)
        elif name.endswith(".modulation.bias"):
            done[name] = value + 1
    return done


def _loaded(
    build: Callable[[], _Net], manifest: str, seed: int, change: Callable[[State], State]
) -> _Net:
    with torch.device("meta"):
        net = build()
    state = change(fill(load_manifest(_DATA / f"{manifest}.json"), seed))
    net.load_state_dict(state, strict=True, assign=True)
    return net.eval().requires_grad_(False)


def _gfpgan(change: Callable[[State], State]) -> Callable[..., dict[str, Tensor]]:
    def case(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
        net = _loaded(Gfpgan, "enhance/gfpgan", seed, change)
        trace = net.trace(inputs["image"])
        return {
            "image": trace.image,
            "encoded": trace.encoded,
            "latents": trace.latents,
            "down0": trace.down[0],
            "up6": trace.up[6],
            "scale0": trace.scales[0],
            "shift6": trace.shifts[6],
            "style_conv1": trace.convs[0],
            "style_conv_8a": trace.convs[1],
            "style_conv_512b": trace.convs[14],
            "rgb4": trace.colours[0],
            "rgb64": trace.colours[4],
            "unet_rgb8": net.toRGB[0](trace.up[0]),
            "unet_rgb512": net.toRGB[6](trace.up[6]),
        }

    return case


def _gpen(change: Callable[[State], State]) -> Callable[..., dict[str, Tensor]]:
    def case(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
        trace = _loaded(Gpen, "enhance/gpen_bfr_512", seed, change).trace(inputs["image"])
        return {
            "image": trace.image,
            "ecd0": trace.encoded[0],
            "ecd1": trace.encoded[1],
            "ecd7": trace.encoded[7],
            "code": trace.code,
            "latent": trace.latent,
            "conv1": trace.convs[0],
            "convs0": trace.convs[1],
            "convs1": trace.convs[2],
            "convs13": trace.convs[14],
            "rgb4": trace.colours[0],
            "rgb8": trace.colours[1],
        }

    return case


def _fast_gfpgan(change: Callable[[State], State]) -> Callable[..., dict[str, Tensor]]:
    def case(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
        net = fast_form(_loaded(Gfpgan, "enhance/gfpgan", seed, change))
        return {"image": net(inputs["image"])}

    return case


def _fast_gpen(change: Callable[[State], State]) -> Callable[..., dict[str, Tensor]]:
    def case(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
        net = fast_form(_loaded(Gpen, "enhance/gpen_bfr_512", seed, change))
        return {"image": net(inputs["image"])}

    return case


def _fast_parsenet(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = fast_form(filled(ParseNet, "enhance/parsenet", seed))
    return {"mask": net(inputs["image"])}


def bisenet(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(BiSeNet, "enhance/bisenet", seed)
    image = inputs["image"]
    detail, context8, context16 = net.cp(image)
    fused = net.ffm(detail, context8)
    return {
        "out": net(image),
        "out16": enlarge_scores(net.conv_out16(context8), image),
        "out32": enlarge_scores(net.conv_out32(context16), image),
        "feat8": detail,
        "cp8": context8,
        "cp16": context16,
        "fuse": fused,
        "conv_out": net.conv_out(fused),
    }


def parsenet(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(ParseNet, "enhance/parsenet", seed)
    image = inputs["image"]
    first = net.encoder[0](image)
    second = net.encoder[1](first)
    encoded = net.encoder[2:](second)
    body = net.body(encoded)
    decoded = net.decoder(encoded + body)
    scores = net(image)
    return {
        "mask": scores,
        "image": net.out_img_conv(decoded),
        "enc0": first,
        "enc1": second,
        "enc": encoded,
        "body": body,
        "dec": decoded,
        "label_histogram": torch.bincount(scores.argmax(1).flatten(), minlength=19).float(),
    }


def _as_filled(state: State) -> State:
    return state


CASES = {
    "enhance/gfpgan": _gfpgan(_as_filled),
    "enhance/gfpgan_mild": _gfpgan(gfpgan_mild),
    "enhance/gpen_bfr_512": _gpen(_as_filled),
    "enhance/gpen_bfr_512_scaled": _gpen(gpen_scaled),
    "enhance/parsenet": parsenet,
    "enhance/bisenet": bisenet,
}
# Held to the plain networks' tolerances.
FAST = {
    "enhance/gfpgan": _fast_gfpgan(_as_filled),
    "enhance/gfpgan_mild": _fast_gfpgan(gfpgan_mild),
    "enhance/gpen_bfr_512": _fast_gpen(_as_filled),
    "enhance/gpen_bfr_512_scaled": _fast_gpen(gpen_scaled),
    "enhance/parsenet": _fast_parsenet,
}
