"""The fast form of an enhancer's network."""

from __future__ import annotations

from typing import overload

import torch
from torch import nn

from ..nets.gfpgan import Gfpgan
from ..nets.gpen import Gpen
from ..nets.parsenet import ParseNet
from .gfpgan import FastGfpgan
from .gpen import FastGpen
from .parsenet import FastParseNet


@overload
def fast_form(plain: Gfpgan, dtype: torch.dtype = ...) -> FastGfpgan:
    """GFPGAN."""
    ...


@overload
def fast_form(plain: Gpen, dtype: torch.dtype = ...) -> FastGpen:
    """GPEN."""
    ...


@overload
def fast_form(plain: ParseNet, dtype: torch.dtype = ...) -> FastParseNet:
    """ParseNet."""
    ...


def fast_form(
    plain: Gfpgan | Gpen | ParseNet, dtype: torch.dtype = torch.float32
) -> FastGfpgan | FastGpen | FastParseNet:
    """A network for inference with the same weights, on the same device.

    In float32 it gives what the plain one gives but for rounding (1e-5 of the standard deviation);
    ``dtype`` is that of the products, maps and sums stay in float32. The first parameter is
    float32 whatever ``dtype``, so that it tells what the network takes.
    """
    made: nn.Module
    if isinstance(plain, Gfpgan):
        made = FastGfpgan(plain, dtype)
    elif isinstance(plain, Gpen):
        made = FastGpen(plain, dtype)
    else:
        made = FastParseNet(plain, dtype)
    return made.eval().requires_grad_(False)
