"""VideoReTalking's published files.

Their page shows no hashes, so they are pinned at the first download. The enhancers that it uses are
in ``published_enhance``, its face finders beside the other face nets.
"""

from __future__ import annotations

from .catalog import WeightFile

_PAGE = "https://github.com/vinthony/video-retalking/releases/download/v0.0.1"
_AUTHORS = "VideoReTalking, Xidian University and Tencent AI Lab"
_FOLDERS = (
    "videoretalking",
    "video-retalking",
    "video_retalking",
    "videoretalking/checkpoints",
    "video-retalking/checkpoints",
    "video_retalking/checkpoints",
    "checkpoints",
)
_CODE = "Code Apache-2.0, and its page says no other terms of the weights. "
_LIPS = (
    f"{_CODE}Doubts: training used Wav2Lip's lip expert and LRS2 and VoxCeleb, sets for research "
    "whose owners allow no commercial use. Ask a lawyer before selling results."
)
_FACE = (
    f"{_CODE}Doubts: it works on coefficients of the Basel Face Model (research only; commercial "
    "use needs a licence from the University of Basel). Ask a lawyer before selling results."
)
_EMOTION = (
    f"{_CODE}A copy of GANimation (ganimation_replicate, MIT), trained on pictures of faces from "
    "the internet whose rights are their own."
)


def _file(name: str, file: str, description: str, licence: str) -> WeightFile:
    return WeightFile(
        name=f"retalking-{name}",
        file=file,
        description=description,
        licence=licence,
        origin=_AUTHORS,
        engines=("videoretalking",),
        urls=(f"{_PAGE}/{file}",),
        folders=_FOLDERS,
    )


DNET = _file("expression", "DNet.pt", "takes the expression out of a face", _FACE)
LNET = _file("lips", "LNet.pth", "draws lips to a sound, at 96 pixels", _LIPS)
ENET = _file("detail", "ENet.pth", "draws them at 384 pixels", _LIPS)
RECON = _file(
    "recon",
    "face3d_pretrain_epoch_20.pth",
    "face coefficients of a picture (the network that SadTalker has too)",
    _FACE,
)
TEMPLATES = _file("templates", "expression.mat", "the expressions neutral and smile", _FACE)
EMOTION = _file(
    "emotion", "30_net_gen.pth", "another expression of eyes and brows (up_face)", _EMOTION
)

NEEDED: tuple[WeightFile, ...] = (DNET, LNET, ENET, RECON, TEMPLATES)
ALL: tuple[WeightFile, ...] = (*NEEDED, EMOTION)
