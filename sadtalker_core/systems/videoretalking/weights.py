"""VideoReTalking's networks out of the published files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...enhance.architectures import GFPGAN, GPEN, PARSENET
from ...enhance.fast.build import fast_form
from ...enhance.fast.gfpgan import FastGfpgan
from ...enhance.fast.gpen import FastGpen
from ...enhance.fast.parsenet import FastParseNet
from ...enhance.nets.gfpgan import Gfpgan
from ...enhance.nets.gpen import Gpen
from ...enhance.nets.parsenet import ParseNet
from ...errors import WeightsError
from ...faces.architectures import FAN_68, S3FD
from ...faces.nets.fan68 import Fan68
from ...faces.nets.recon3d import Recon3D
from ...faces.nets.retinaface import RetinaFace
from ...faces.nets.s3fd import S3fd
from ...faces.networks import FaceNets, load_face_nets
from ...runtime import Runtime
from ...weights import published_retalking
from ...weights.mat_files import read_mat
from ...weights.network_files import NetworkFiles
from .architectures import ARCHITECTURES, DNET, ENET, GANIMATION, LNET, RECON, RETINAFACE
from .config import VideoReTalkingOptions
from .fast import choose_dtype, quicken
from .nets.dnet import DNet
from .nets.enet import ENet
from .nets.ganimation import GANimation
from .stabilise import EXPRESSION

_KNOWN = (*ARCHITECTURES, GFPGAN, GPEN, PARSENET, S3FD, FAN_68)
# Names of the templates in the MATLAB file.
_TEMPLATES = {"neutral": "expression_center", "smile": "expression_mouth"}


@dataclass(frozen=True)
class OriginalFaceNets:
    """What the original finds faces with: boxes, 68 landmarks, five points."""

    s3fd: S3fd
    fan: Fan68
    retina: RetinaFace


@dataclass(frozen=True)
class RetalkingNets:
    """All networks of one job, on its device, in evaluation mode.

    Attributes:
        recon: a face's coefficients.
        dnet: another expression.
        enet: lips, with LNet inside.
        parsenet: which pixel is which part of a face.
        templates: expressions (64,) by name.
        gpen, gfpgan: enhancers of the reference and of the mouth; None where they are not used.
        emotion: expression of the upper face; None where it stays.
        face_nets: our own face finder; None where only the original's is used.
        original: the original's; None where ours is used.
    """

    recon: Recon3D
    dnet: DNet
    enet: ENet
    parsenet: ParseNet | FastParseNet
    templates: Mapping[str, Tensor]
    gpen: Gpen | FastGpen | None = None
    gfpgan: Gfpgan | FastGfpgan | None = None
    emotion: GANimation | None = None
    face_nets: FaceNets | None = None
    original: OriginalFaceNets | None = None


def load_nets(
    files: Mapping[str, Path], options: VideoReTalkingOptions, runtime: Runtime
) -> RetalkingNets:
    """Every network of a job, read strictly.

    Args:
        files: paths by names of the catalog, of ``needed_files``.
        options: which networks.
        runtime: device.

    Raises:
        WeightsError: a file is damaged, or a network is in none of them.
    """
    templates = files[published_retalking.TEMPLATES.name]
    found = NetworkFiles((path for path in files.values() if path != templates), _KNOWN, runtime)
    dtype = choose_dtype(options.precision, runtime.device)
    enet = found.network(ENET)
    # What ENet's file holds of LNet is older than LNet's own file.
    enet.low_res = found.network(LNET)
    gpen = gfpgan = None
    if options.reference_enhancer == "gpen":
        gpen = fast_form(found.network(GPEN), dtype)
    if options.mouth_enhancer == "gfpgan":
        gfpgan = fast_form(found.network(GFPGAN), dtype)
    original = None
    if options.finder == "original":
        original = OriginalFaceNets(
            found.network(S3FD), found.network(FAN_68), found.network(RETINAFACE)
        )
    return RetalkingNets(
        recon=found.network(RECON),
        dnet=found.network(DNET),
        enet=quicken(enet, dtype),
        parsenet=fast_form(found.network(PARSENET), dtype),
        templates=read_templates(templates),
        gpen=gpen,
        gfpgan=gfpgan,
        emotion=found.network(GANIMATION) if options.up_face != "original" else None,
        face_nets=load_face_nets(runtime.device) if original is None else None,
        original=original,
    )


def read_templates(path: Path) -> dict[str, Tensor]:
    """Expressions (64,) float32 by the names of the option: the first row of each array.

    Raises ``WeightsError`` when the file is damaged or an array is too small.
    """
    arrays = read_mat(path, _TEMPLATES.values())
    found: dict[str, Tensor] = {}
    for name, key in _TEMPLATES.items():
        rows = torch.from_numpy(arrays[key]).float()
        if rows.ndim != 2 or rows.shape[0] < 1 or rows.shape[1] < EXPRESSION:
            raise WeightsError(
                f"{key} in {path} is {tuple(rows.shape)}; it must have rows of at least "
                f"{EXPRESSION} numbers."
            )
        found[name] = rows[0, :EXPRESSION].clone()
    return found
