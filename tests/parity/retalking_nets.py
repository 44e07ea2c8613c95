"""Parity cases of VideoReTalking's networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sadtalker_core.faces.nets.recon3d import Recon3D
from sadtalker_core.systems.videoretalking.fast import quicken
from sadtalker_core.systems.videoretalking.nets.dnet import DNet
from sadtalker_core.systems.videoretalking.nets.enet import ENet
from sadtalker_core.systems.videoretalking.nets.ganimation import GANimation
from sadtalker_core.systems.videoretalking.nets.lnet import LNet

from .conditioning import converge_spectral
from .sadtalker_faces import filled
from .seeded_weights import fill, load_manifest

_DATA = Path(__file__).parent / "data" / "retalking"
_Net = TypeVar("_Net", bound=nn.Module)


def caught(net: nn.Module, names: Mapping[str, str]) -> dict[str, Tensor]:
    """A dictionary that fills with the outputs of sub-modules, under their names in the golden.

    A module that runs more than once leaves what it gave last.
    """
    found: dict[str, Tensor] = {}

    def hook_for(label: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(module: nn.Module, given: object, result: Tensor) -> None:
            found[label] = result

        return hook

    modules = dict(net.named_modules())
    for label, name in names.items():
        modules[name].register_forward_hook(hook_for(label))
    return found


def dnet(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(DNet, "retalking/dnet", seed)
    inside = caught(
        net,
        {
            "descriptor": "mapping_net",
            "mapping_first": "mapping_net.first",
            "hourglass": "warpping_net.hourglass",
            "enc5": "warpping_net.hourglass.encoder.encoder4",
            "edit_enc3": "editing_net.encoder.down2",
            "edit_res2": "editing_net.decoder.res2",
            "logits": "editing_net",
        },
    )
    edited = net(inputs["image"], inputs["coeff"])
    return {
        "fake_image": edited.image,
        "warp_image": edited.warped,
        "flow_field": edited.flow,
        **inside,
    }


def net_recon(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(Recon3D, "sadtalker/face_3drecon", seed)  # the same names and shapes
    image = inputs["image"]
    stages = net.backbone(image)
    return {
        "coeff": net(image),
        "layer1": stages[0],
        "layer4": stages[3],
        "pooled": net.pooled(image),
    }


def settled(build: Callable[[], _Net], manifest: str, seed: int) -> _Net:
    """As ``filled``, with spectral vectors as training leaves them."""
    with torch.device("meta"):
        net = build()
    weights = converge_spectral(fill(load_manifest(_DATA / f"{manifest}.json"), seed))
    net.load_state_dict(weights, strict=True, assign=True)
    return net.eval().requires_grad_(False)


_LNET_PARTS = {
    "audio_feat": "audio_encoder",
    "first_inp": "encoder.first_inp",
    "ref_down2": "encoder.ref_down2",
    "transformer": "encoder.ca2",
    "res2_block0": "decoder.res2.res0",
    "res2": "decoder.res2",
    "up2": "decoder.up2",
    "res0": "decoder.res0",
    "jump0": "decoder.jump0",
    "logits": "decoder",
    "fourier": "decoder.res2.res0.conv1.ffc.convg2g.fu",
    "ffc": "decoder.res2.res0.conv1.ffc",
}


def _lnet(net: LNet, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    inside = caught(net, _LNET_PARTS)
    image = net(inputs["mel"], inputs["faces"])
    near, wide = inside.pop("ffc")
    return {"image": image, "ffc_local": near, "ffc_global": wide, **inside}


def lnet(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    return _lnet(filled(LNet, "retalking/lnet", seed), inputs)


def lnet_sn(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    return _lnet(settled(LNet, "lnet", seed), inputs)


_ENET_PARTS = {
    "body_last": "conv_body_down.5",
    "style": "final_linear",
    "style0": "style_convs.0",
    "style1": "style_convs.1",
    "style2": "style_convs.2",
    "rgb0": "to_rgbs.0",
    "low_logits": "low_res.decoder",
}


def _enet(net: ENet, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    given = inputs["mel"], inputs["faces"], inputs["reference"]
    noisy, _ = net(*given, [inputs[f"noise{number}"] for number in range(4)])
    inside = caught(net, {**_ENET_PARTS, "first": "conv_body_first"})
    image, small = net(*given)
    first = F.leaky_relu(inside.pop("first"), 0.2)
    return {"image": image, "image_noise": noisy, "low_res": small, "body_first": first, **inside}


def enet(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    return _enet(filled(ENet, "retalking/enet", seed), inputs)


def enet_sn(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    return _enet(settled(ENet, "enet", seed), inputs)


def quick_lnet_sn(
    inputs: dict[str, Tensor], seed: int, meta: dict[str, str], dtype: torch.dtype = torch.bfloat16
) -> dict[str, Tensor]:
    """As jobs run it: bfloat16 where the processor has it, else float32."""
    net = quicken(settled(LNet, "lnet", seed), dtype)
    return {"image": net(inputs["mel"], inputs["faces"])}


def quick_enet_sn(
    inputs: dict[str, Tensor], seed: int, meta: dict[str, str], dtype: torch.dtype = torch.bfloat16
) -> dict[str, Tensor]:
    net = quicken(settled(ENet, "enet", seed), dtype)
    image, small = net(inputs["mel"], inputs["faces"], inputs["reference"])
    return {"image": image, "low_res": small}


def ganimation(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(GANimation, "retalking/ganimation", seed)
    found = net(inputs["image"], inputs["aus"])
    fake = found.over(inputs["image"])
    return {"color": found.color, "mask": found.mask, "embed": found.features, "fake": fake}


CASES = {
    "retalking/dnet": dnet,
    "retalking/lnet": lnet,
    "retalking/lnet_sn": lnet_sn,
    "retalking/enet": enet,
    "retalking/enet_sn": enet_sn,
    "retalking/ganimation": ganimation,
    "retalking/net_recon": net_recon,
}
# Judged in decibels; in float32 they are held to the plain networks' tolerances.
FAST = {"retalking/lnet_sn": quick_lnet_sn, "retalking/enet_sn": quick_enet_sn}
