"""The reference of each face: the frame's own with the wanted expression, sharpened, put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...enhance.fast.parsenet import FastParseNet
from ...enhance.gpen_process import FACE_CLASSES, GpenFace, gpen_crop, gpen_process
from ...enhance.nets.parsenet import ParseNet, is_class
from ...enhance.restore import from_network_cut, to_network
from ...errors import FaceError
from ...faces.ffhq import ffhq_quad
from ...faces.steady_boxes import Box
from ...geometry.quad import cut_quad, paste_window, window_from_picture
from ...geometry.resize import resize_linear
from .finders import Finder
from .moments import CUT, Face, Moment, in_cut
from .stabilise import to_picture, with_expression
from .weights import RetalkingNets


@dataclass(frozen=True)
class _Made:
    """A finished reference and what it was made of."""

    source: int
    window: Tensor
    picture: Tensor


class ReferenceMaker:
    """Makes references, a few at a time.

    Args:
        nets: the networks.
        finder: who finds the face in what DNet draws.
        expression: (64,) that every face gets.
        one_shot: whether all are made from the first face.
        exact: parse every face, as the original does; else a mask that fits any aligned face.
        at_once: pictures in one call of a network.
    """

    def __init__(
        self,
        nets: RetalkingNets,
        finder: Finder,
        expression: Tensor,
        *,
        one_shot: bool,
        exact: bool,
        at_once: int,
    ) -> None:
        self._nets, self._finder, self._expression = nets, finder, expression
        self._one_shot, self._exact, self._at_once = one_shot, exact, at_once
        self._first: Face | None = None
        self._last: _Made | None = None

    def make(self, moments: Sequence[Moment]) -> list[Tensor]:
        """Pictures (3, h, w) uint8 of the face boxes of ``moments``, all with a face.

        Where frame and coefficients are those of the frame before, as in a still picture, its
        reference is used again.
        """
        fresh = [moment for at, moment in enumerate(moments) if not self._is_again(moments, at)]
        drawn = iter(self._drawn(fresh))
        found: list[Tensor] = []
        for moment in moments:
            face, window = _parts(moment)
            if not _is_same(self._last, moment):
                self._last = _Made(moment.look.source, window, next(drawn))
            assert self._last is not None
            found.append(_in_box(moment.look.rgb, face.cut_box, self._last.picture, _box(moment)))
        return found

    def _is_again(self, moments: Sequence[Moment], at: int) -> bool:
        if at == 0:
            return _is_same(self._last, moments[0])
        face, window = _parts(moments[at - 1])
        before = _Made(moments[at - 1].look.source, window, face.cut)
        return _is_same(before, moments[at])

    def _drawn(self, moments: Sequence[Moment]) -> list[Tensor]:
        """References (3, 256, 256) uint8 of what was cut out of the frames."""
        if not moments:
            return []
        faces = [_parts(moment)[0] for moment in moments]
        self._first = self._first or faces[0]
        sources = [self._first if self._one_shot else face for face in faces]
        like = next(self._nets.dnet.parameters())
        images = torch.stack([source.cut for source in sources]).to(like.device)
        windows = torch.stack([_parts(moment)[1] for moment in moments]).to(like)
        windows = with_expression(windows, self._expression)
        shown = [
            to_picture(self._nets.dnet(image, window).image).cpu()
            for image, window in zip(
                _pieces(to_network(images).to(like.dtype), self._at_once),
                _pieces(windows, self._at_once),
            )
        ]
        pictures = list(torch.cat(shown))
        if self._nets.gpen is not None:
            five = [in_cut(moment.five, _parts(moment)[0].cut_box) for moment in moments]
            pictures = self._sharpened(self._nets.gpen, pictures, faces, five)
        return [self._put_back(picture, face) for picture, face in zip(pictures, faces)]

    def _sharpened(
        self,
        gpen: nn.Module,
        pictures: list[Tensor],
        faces: Sequence[Face],
        five: Sequence[Tensor],
    ) -> list[Tensor]:
        """GPEN's faces in the pictures. Where the original finds none, the picture stays."""
        size = int(getattr(gpen, "config").size)  # noqa: B009  (a module's attributes are unknown)
        each = [
            self._finder.points(picture, face.landmarks, points)
            for picture, face, points in zip(pictures, faces, five)
        ]
        crops = [
            gpen_crop(picture, found.points_px, size)[0]
            for picture, several in zip(pictures, each)
            for found in several
        ]
        restored = iter(_restored(gpen, crops, self._at_once))
        result: list[Tensor] = []
        for picture, several in zip(pictures, each):
            ready = [next(restored) for _ in several]
            result.append(self._with_faces(picture, several, ready, size))
        return result

    def _with_faces(
        self, picture: Tensor, faces: Sequence[GpenFace], restored: Sequence[Tensor], size: int
    ) -> Tensor:
        if not faces:
            return picture
        ready = iter(restored)
        return gpen_process(
            picture,
            picture,
            faces,
            self._mask,
            restore=lambda crop: next(ready),
            size=size,
        ).picture

    def _mask(self, face: Tensor) -> Tensor:
        if self._exact:
            return face_mask(self._nets.parsenet, face)
        return oval(face.shape[-1])

    def _put_back(self, picture: Tensor, face: Face) -> Tensor:
        """The face of the reference, turned upright and back again, over what was filmed."""
        found = self._finder.within(picture, face.landmarks)
        try:
            quad, _ = ffhq_quad(face.landmarks if found is None else found)
        except FaceError:
            quad, _ = ffhq_quad(face.landmarks)
        window = cut_quad(picture, quad, CUT)
        return paste_window(face.cut, window, window_from_picture(quad, CUT))


def face_mask(net: ParseNet | FastParseNet, face: Tensor) -> Tensor:
    """(S, S) float on the CPU: 1 on the face's own parts of ``face`` (3, S, S) uint8."""
    like = next(net.parameters())
    scores = net(to_network(face)[None].to(like))
    return is_class(scores, FACE_CLASSES)[0].float().cpu()


def oval(size: int) -> Tensor:
    """(S, S) float: where a face is that was aligned for GPEN, about.

    The reference keeps its own face under the mask's edge, so that no parser is needed for it.
    """
    steps = (torch.arange(size) + 0.5) / size
    across = (steps - 0.5) / 0.26
    down = (steps[:, None] - 0.55) / 0.34
    return (across**2 + down**2 <= 1).float()


def _restored(net: nn.Module, crops: Sequence[Tensor], at_once: int) -> list[Tensor]:
    if not crops:
        return []
    like = next(net.parameters())
    images = to_network(torch.stack(list(crops)).to(like.device)).to(like.dtype)
    return list(torch.cat([from_network_cut(net(some)).cpu() for some in _pieces(images, at_once)]))


def _pieces(batch: Tensor, at_once: int) -> tuple[Tensor, ...]:
    return batch.split(at_once)


def _in_box(rgb: Tensor, cut_box: Box, picture: Tensor, box: Box) -> Tensor:
    """The box of the frame, with ``picture`` (3, 256, 256) where it was cut out."""
    x0, y0, x1, y1 = cut_box
    shown = resize_linear(picture, (y1 - y0, x1 - x0))
    left, top, right, bottom = box
    result = rgb[:, top:bottom, left:right].cpu().clone()
    ax, ay, bx, by = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
    if ax < bx and ay < by:
        result[:, ay - top : by - top, ax - left : bx - left] = shown[
            :, ay - y0 : by - y0, ax - x0 : bx - x0
        ]
    return result


def _is_same(before: _Made | None, moment: Moment) -> bool:
    if before is None or before.source != moment.look.source:
        return False
    return torch.equal(before.window, _parts(moment)[1])


def _parts(moment: Moment) -> tuple[Face, Tensor]:
    assert moment.look.face is not None
    assert moment.window is not None
    return moment.look.face, moment.window


def _box(moment: Moment) -> Box:
    assert moment.box is not None
    return moment.box
