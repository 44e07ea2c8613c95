"""The SPADE decoder for inference.

The same numbers as ``blocks.spade`` with less work:

- spectral norms are divided out at loading;
- a norm's scale and shift are one convolution, and the first convolutions of the twelve norms that
  look at the same feature map are one;
- an instance norm of an enlarged map is the instance norm of the map;
- where the feature map is enlarged its convolution is done by phases (see ``enlarged``);
- the 1x1 convolution of a learned shortcut is multiplied into the shift before it;
- scale and shift are applied strip by strip while they are in the cache, and never written out.

Maps are (B, H, W, C). Statistics and the sum of residuals are float32 whatever the arithmetic. What
reads the feature map directly has an arithmetic of its own (``steering``): rounding the feature map
to bfloat16 costs more than all other roundings of the decoder together.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..spade import SLOPE, Spade, SpadeDecoder, SpadeResBlock, SpectralConv2d
from .convolution import Arithmetic, PlainConv
from .enlarged import EnlargedConv
from .folding import Weights, conv_weights, joined

EARLY_BLOCKS = 2
NORM_EPS = 1e-5  # torch's default, which the plain decoder uses


class FastDecoder(nn.Module):
    """(B, h, w, inputs) features to float32 logits (B, 3, 4h, 4w), 8h and 8w if enlarged."""

    def __init__(
        self,
        plain: SpadeDecoder,
        arithmetic: Arithmetic,
        steering: Arithmetic,
        early: Arithmetic | None = None,
    ) -> None:
        super().__init__()
        blocks = plain.middle_blocks()
        self.dtype = arithmetic.dtype
        self.fc = steering.conv(*conv_weights(plain.fc))
        norms = [norm for block in blocks for norm in (block.norm_0, block.norm_1)]
        self.steer = steering.conv(*joined([conv_weights(n.mlp_shared[0]) for n in norms]))
        first = early or arithmetic
        self.middle = nn.ModuleList(
            _MiddleBlock(block, first if i < EARLY_BLOCKS else arithmetic)
            for i, block in enumerate(blocks)
        )
        self.up_0 = _UpBlock(plain.up_0, 2, arithmetic, steering.dtype)
        self.up_1 = _UpBlock(plain.up_1, 4, arithmetic, steering.dtype)
        self.enlarges = plain.config.enlarges
        last = plain.conv_img
        last = last[0] if isinstance(last, nn.Sequential) else last
        self.conv_img = PlainConv(*conv_weights(last), arithmetic.dtype)

    def forward(self, features: Tensor) -> Tensor:
        x = self.fc(features).float()
        steers = self.steer(features).relu_().chunk(2 * len(self.middle), -1)
        for i, block in enumerate(self.middle):
            x = block(x, steers[2 * i], steers[2 * i + 1])
        x = self.up_1(self.up_0(x, features), features)
        x = F.leaky_relu(x, SLOPE, inplace=True).to(self.dtype)
        logits = self.conv_img(x).movedim(-1, 1).float()
        return F.pixel_shuffle(logits, 2) if self.enlarges else logits


class _Modulation(nn.Module):
    """Scale and shift of a norm's output, then leaky ReLU."""

    def __init__(self, plain: Spade, arithmetic: Arithmetic) -> None:
        super().__init__()
        self.conv = arithmetic.conv(*joined([_scale(plain), conv_weights(plain.mlp_beta)]))
        self.dtype = arithmetic.dtype

    def forward(self, x: Tensor, steer: Tensor) -> Tensor:
        """(B, H, W, C) of ``x``, which is normalised on the way, at the resolution of ``steer``.

        ``x`` (B, h, w, C) is enlarged (nearest) where it is smaller.
        """
        factor = steer.shape[1] // x.shape[1]
        multiplier, offset = instance_norm_terms(x)
        out = x.new_empty((*steer.shape[:3], x.shape[-1]), dtype=self.dtype)
        for rows, terms in self.conv.strips(steer):
            scale, shift = terms.float().chunk(2, -1)
            part = x[:, rows.start // factor : rows.stop // factor].float()
            part = torch.addcmul(offset, part, multiplier)
            torch.addcmul(
                _phases(shift, factor),
                _repeated(part, factor),
                _phases(scale, factor),
                out=_phases(scale, factor),
            )
            out[:, rows] = F.leaky_relu(scale, SLOPE, inplace=True)
        return out


class _MiddleBlock(nn.Module):
    def __init__(self, plain: SpadeResBlock, arithmetic: Arithmetic) -> None:
        super().__init__()
        self.norm_0 = _Modulation(plain.norm_0, arithmetic)
        self.norm_1 = _Modulation(plain.norm_1, arithmetic)
        self.conv_0 = arithmetic.conv(*_spectral(plain.conv_0))
        self.conv_1 = arithmetic.conv(*_spectral(plain.conv_1))

    def forward(self, x: Tensor, steer_0: Tensor, steer_1: Tensor) -> Tensor:
        out = self.norm_1(self.conv_0(self.norm_0(x, steer_0)), steer_1)
        total = torch.empty_like(x)
        for rows, part in self.conv_1.strips(out):
            torch.add(x[:, rows], part, out=total[:, rows])
        return total


class _UpBlock(nn.Module):
    """A block after an enlargement by 2 of what comes in; the feature map is enlarged ``factor``
    times."""

    shortcut_weight: Tensor

    def __init__(
        self,
        plain: SpadeResBlock,
        factor: int,
        arithmetic: Arithmetic,
        steering: torch.dtype,
    ) -> None:
        super().__init__()
        norms = (plain.norm_0, plain.norm_1, plain.norm_s)
        shared = [conv_weights(norm.mlp_shared[0]) for norm in norms]
        self.steers = nn.ModuleList(
            EnlargedConv(weights, factor, steering, arithmetic.dtype) for weights in shared
        )
        self.norm_0 = _Modulation(plain.norm_0, arithmetic)
        self.norm_1 = _Modulation(plain.norm_1, arithmetic)
        self.conv_0 = arithmetic.conv(*_spectral(plain.conv_0))
        self.conv_1 = arithmetic.conv(*_spectral(plain.conv_1))
        # The shortcut is W (norm * scale + shift) = W (norm * scale) + W shift, and W shift is
        # itself a convolution of what steers, with fewer channels than shift.
        mix = plain.conv_s.weight().double().flatten(1)
        weight, bias = conv_weights(plain.norm_s.mlp_beta)
        mixed = torch.einsum("om,mikl->oikl", mix, weight.double()).float()
        beta = (mixed, (mix @ bias.double()).float())
        self.terms_s = arithmetic.conv(*joined([_scale(plain.norm_s), beta]))
        self.register_buffer("shortcut_weight", mix.T.to(arithmetic.dtype).contiguous())
        self.dtype = arithmetic.dtype

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        steer_0, steer_1, steer_s = self.steers
        total = self._shortcut(x, steer_s(features))
        out = self.conv_0(self.norm_0(x, steer_0(features)))
        out = self.norm_1(out, steer_1(features))
        for rows, part in self.conv_1.strips(out):
            total[:, rows] += part
        return total

    def _shortcut(self, x: Tensor, steer: Tensor) -> Tensor:
        channels_in, channels_out = self.shortcut_weight.shape
        multiplier, offset = instance_norm_terms(x)
        total = x.new_empty((*steer.shape[:3], channels_out))
        for rows, terms in self.terms_s.strips(steer):
            scale, shift = terms.split((channels_in, channels_out), -1)
            part = x[:, rows.start // 2 : rows.stop // 2].float()
            part = torch.addcmul(offset, part, multiplier).to(self.dtype)
            scaled = _phases(scale, 2) * _repeated(part, 2)
            mixed = scaled.flatten(0, -2) @ self.shortcut_weight
            torch.add(mixed.view(shift.shape), shift, out=total[:, rows])
        return total


def instance_norm_terms(x: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 1, 1, C) multiplier and offset, float32, that normalise each channel of each picture."""
    # Twice over the map, which torch does ten times faster than var_mean where channels are last.
    x = x.float()
    mean = x.mean((1, 2), keepdim=True)
    var = (x - mean).square_().mean((1, 2), keepdim=True)
    multiplier = torch.rsqrt(var + NORM_EPS)
    return multiplier, -mean * multiplier


def _phases(x: Tensor, factor: int) -> Tensor:
    """(B, h, factor, w, factor, C), a view of (B, H, W, C)."""
    return x.unflatten(2, (-1, factor)).unflatten(1, (-1, factor))


def _repeated(x: Tensor, factor: int) -> Tensor:
    """(B, h, factor, w, factor, C), a view of (B, h, w, C) that repeats each pixel."""
    batch, height, width, channels = x.shape
    return x[:, :, None, :, None].expand(batch, height, factor, width, factor, channels)


def _scale(norm: Spade) -> Weights:
    """Weights that give 1 + gamma."""
    weight, bias = conv_weights(norm.mlp_gamma)
    return weight, bias + 1


def _spectral(conv: SpectralConv2d) -> tuple[Tensor, Tensor | None]:
    bias = None if conv.bias is None else conv.bias.detach()
    return conv.weight().detach(), bias
