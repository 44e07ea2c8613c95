"""The enhancers' networks beside the published code, with the same seeded weights, in turn.

    python -m benchmarks.enhancer_speed --gfpgan DIR --gpen DIR --threads 1 --repeat 3

DIRs are checkouts of TencentARC/GFPGAN and yangxy/GPEN (ParseNet is in the latter). Weights are
those of the parity tests that behave as trained ones. Of the package basicsr, which GFPGAN imports,
only a registry and a function that sets the first weights are used; stand-ins do for them. Decibels
are over a range of four standard deviations of the plain network's picture.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.animate import describe_machine
from benchmarks.paired import Run, commit, compare
from sadtalker_core.enhance.fast.build import fast_form
from sadtalker_core.enhance.nets.gfpgan import Gfpgan
from sadtalker_core.enhance.nets.gpen import Gpen
from sadtalker_core.enhance.nets.parsenet import ParseNet
from tests.parity.enhance_nets import gfpgan_mild, gpen_scaled
from tests.parity.seeded_weights import fill, load_manifest

_MANIFESTS = Path(__file__).resolve().parent.parent / "tests" / "parity" / "data" / "enhance"
State = dict[str, Tensor]


def state_of(manifest: str, change: Callable[[State], State] = dict) -> State:
    """Seeded weights of a network."""
    return change(fill(load_manifest(_MANIFESTS / f"{manifest}.json"), 0))


def _module(name: str, **members: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module
    return module


def published_gfpgan(folder: Path) -> nn.Module:
    """GFPGAN in its clean form; ``folder`` holds the package ``gfpgan``."""

    class Registry:
        def register(self) -> Callable[[type], type]:
            return lambda found: found

    _module("basicsr", __path__=[])
    _module("basicsr.utils", __path__=[])
    _module("basicsr.utils.registry", ARCH_REGISTRY=Registry())
    _module("basicsr.archs", __path__=[])
    _module("basicsr.archs.arch_util", default_init_weights=lambda *_, **__: None)
    # as a package of its own: the real one's first file imports what is not here
    _module("published_gfpgan", __path__=[str(folder / "gfpgan" / "archs")])
    arch: Any = importlib.import_module("published_gfpgan.gfpganv1_clean_arch")
    return arch.GFPGANv1Clean(
        out_size=512,
        num_style_feat=512,
        channel_multiplier=2,
        decoder_load_path=None,
        fix_decoder=False,
        num_mlp=8,
        input_is_latent=True,
        different_w=True,
        narrow=1,
        sft_half=True,
    )


def published_gpen(folder: Path) -> nn.Module:
    """GPEN-BFR-512; ``folder`` holds ``face_model``."""
    sys.path.insert(0, str(folder / "face_model"))
    arch: Any = importlib.import_module("gpen_model")
    return arch.FullGenerator(512, 512, 8, channel_multiplier=2, narrow=1, device="cpu")


def published_parsenet(folder: Path) -> nn.Module:
    """ParseNet as GPEN has it; ``folder`` holds ``face_parse``."""
    sys.path.insert(0, str(folder / "face_parse"))
    arch: Any = importlib.import_module("parse_model")
    return arch.ParseNet(
        512, 512, 32, 64, 19, norm_type="bn", relu_type="LeakyReLU", ch_range=[32, 256]
    )


def _picture(found: Any, scale: list[float]) -> Tensor:
    """A network's picture, about in [0, 1]; the first one's spread counts for all."""
    picture: Tensor = found[0] if isinstance(found, (tuple, list)) else found
    scale = scale or [4 * float(picture.std())]
    return picture / scale[0]


def _runs(plain: Any, published: nn.Module | None, **call: Any) -> Mapping[str, Run]:
    torch.manual_seed(0)
    face = torch.rand(1, 3, 512, 512) * 2 - 1
    scale = [4 * float(plain(face).std())]
    exact, rounded = fast_form(plain), fast_form(plain, torch.bfloat16)
    runs: dict[str, Run] = {}
    if published is not None:
        theirs: Any = published.eval()
        runs["published code"] = lambda: _picture(theirs(face, **call), scale)
    runs["ours, plain"] = lambda: _picture(plain(face), scale)
    runs["ours, fast"] = lambda: _picture(exact(face), scale)
    runs["ours, bfloat16"] = lambda: _picture(rounded(face), scale)
    return runs


def _loaded(net: nn.Module, state: State) -> Any:
    net.load_state_dict(state, strict=True)
    return net.eval().requires_grad_(False)


def main() -> None:
    """Print a table for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gfpgan", type=Path)
    parser.add_argument("--gpen", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"commit {commit()}, {options.threads} threads, {describe_machine()}")
    with torch.inference_mode():
        for name, plain, state, theirs, call in (
            ("GFPGAN", Gfpgan, state_of("gfpgan", gfpgan_mild), options.gfpgan, True),
            ("GPEN", Gpen, state_of("gpen_bfr_512", gpen_scaled), options.gpen, False),
            ("ParseNet", ParseNet, state_of("parsenet"), options.gpen, False),
        ):
            build = {
                "GFPGAN": published_gfpgan,
                "GPEN": published_gpen,
                "ParseNet": published_parsenet,
            }[name]
            published = None if theirs is None else _loaded(build(theirs), state)
            # the same noise in every turn, so that pictures can be compared
            given = {"return_rgb": False, "randomize_noise": False} if call else {}
            runs = _runs(_loaded(plain(), state), published, **given)
            print(name)
            compare(
                runs,
                "ours, plain",
                frames=1,
                repeat=options.repeat,
                threads=options.threads,
            )


if __name__ == "__main__":
    main()
