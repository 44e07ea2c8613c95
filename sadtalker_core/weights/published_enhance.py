"""The published files of the face enhancers and of what enlarges the picture around a face.

The hashes that are here are those that many projects have computed from their own downloads; the
others are pinned at the first download.
"""

from __future__ import annotations

from .catalog import WeightFile

_GFPGAN = "https://github.com/TencentARC/GFPGAN/releases/download"
_FACEXLIB = "https://github.com/xinntao/facexlib/releases/download"
_RETALKING = "https://github.com/vinthony/video-retalking/releases/download/v0.0.1"
_CODEFORMER = "https://github.com/sczhou/CodeFormer/releases/download/v0.1.0"
_REALESRGAN = "https://github.com/xinntao/Real-ESRGAN/releases/download"

# Where web UIs, ComfyUI's packs and the originals keep such files.
_FOLDERS = (
    "enhance",
    "GFPGAN",
    "gfpgan",
    "gfpgan/weights",
    "../gfpgan/weights",
    "GPEN",
    "Codeformer",
    "codeformer",
    "facerestore_models",
    "facedetection",
    "facexlib",
    "RealESRGAN",
    "ESRGAN",
    "upscale_models",
    "videoretalking",
    "checkpoints",
)

_GFPGAN_LICENCE = (
    "Apache-2.0, code and weights of the clean versions (Tencent). Trained on FFHQ, whose pictures "
    "are for research; whether that passes on to the weights, nobody has decided. The "
    "shape comes from StyleGAN2 (NVIDIA, no commercial use), of which nothing is in the clean form."
)
_GPEN_LICENCE = (
    "No commercial use: its authors (Alibaba) allow academic research alone, the network follows "
    "NVIDIA's StyleGAN2, and it was trained on FFHQ."
)
_CODEFORMER_LICENCE = (
    "NTU S-Lab License 1.0: no commercial use without the authors' consent, code and weights. Its "
    "code is not here; spandrel_extra_arches has it."
)
_RESTOREFORMER_LICENCE = (
    "Apache-2.0, code and weights. Trained on FFHQ, whose pictures are for research."
)
_PARSING_LICENCE = (
    "MIT (facexlib). Trained on CelebAMask-HQ, whose pictures are for research without commerce."
)
_REALESRGAN_LICENCE = "BSD-3-Clause, code and weights (Xintao Wang)."


def _file(
    name: str,
    url: str,
    description: str,
    licence: str,
    origin: str,
    sha256: str = "",
    size: int = 0,
    elsewhere: tuple[str, ...] = (),
) -> WeightFile:
    return WeightFile(
        name=name,
        file=url.rpartition("/")[2],
        description=description,
        licence=licence,
        origin=origin,
        engines=("enhance",),
        urls=(url,),
        sha256=sha256,
        size=size,
        folders=_FOLDERS,
        elsewhere=elsewhere,
    )


GFPGAN_12 = _file(
    "gfpgan-1.2",
    f"{_GFPGAN}/v1.3.0/GFPGANv1.2.pth",
    "restores faces; sharp, changes the face more",
    _GFPGAN_LICENCE,
    "GFPGAN, Tencent ARC Lab",
)
GFPGAN_13 = _file(
    "gfpgan-1.3",
    f"{_GFPGAN}/v1.3.0/GFPGANv1.3.pth",
    "restores faces; more natural than 1.2 (VideoReTalking uses it)",
    _GFPGAN_LICENCE,
    "GFPGAN, Tencent ARC Lab",
    "c953a88f2727c85c3d9ae72e2bd4846bbaf59fe6972ad94130e23e7017524a70",
    348_632_874,
)
GFPGAN_14 = _file(
    "gfpgan-1.4",
    f"{_GFPGAN}/v1.3.0/GFPGANv1.4.pth",
    "restores faces; a little more detail, keeps who it is best",
    _GFPGAN_LICENCE,
    "GFPGAN, Tencent ARC Lab",
    "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad",
    348_632_874,
)
GPEN_512 = _file(
    "gpen-512",
    f"{_RETALKING}/GPEN-BFR-512.pth",
    "restores faces; strong on very poor pictures (VideoReTalking uses it)",
    _GPEN_LICENCE,
    "GPEN, Alibaba DAMO Academy",
)
CODEFORMER = _file(
    "codeformer",
    f"{_CODEFORMER}/codeformer.pth",
    "restores faces, with a slider between quality and likeness; needs spandrel_extra_arches",
    _CODEFORMER_LICENCE,
    "CodeFormer, S-Lab, Nanyang Technological University",
    "1009e537e0c2a07d4cabce6355f53cb66767cd4b4297ec7a4a64ca4b8a5684b7",
    376_637_898,
    # as packs of ComfyUI and web UIs name it
    ("facerestore_models/codeformer-v0.1.0.pth", "Codeformer/codeformer-v0.1.0.pth"),
)
RESTOREFORMER = _file(
    "restoreformer",
    f"{_GFPGAN}/v1.3.4/RestoreFormer.pth",
    "restores faces; needs spandrel",
    _RESTOREFORMER_LICENCE,
    "RestoreFormer, published with GFPGAN",
)
PARSENET = _file(
    "parsenet",
    f"{_FACEXLIB}/v0.2.2/parsing_parsenet.pth",
    "says which pixel is which part of a face",
    _PARSING_LICENCE,
    "PSFRGAN, published by facexlib",
    "3d558d8d0e42c20224f13cf5a29c79eba2d59913419f945545d8cf7b72920de2",
    85_331_193,
)
REALESRGAN_X2 = _file(
    "realesrgan-x2",
    f"{_REALESRGAN}/v0.2.1/RealESRGAN_x2plus.pth",
    "enlarges what is around a face twice; needs spandrel",
    _REALESRGAN_LICENCE,
    "Real-ESRGAN, Tencent ARC Lab",
)
REALESRGAN_X4 = _file(
    "realesrgan-x4",
    f"{_REALESRGAN}/v0.1.0/RealESRGAN_x4plus.pth",
    "enlarges what is around a face four times; needs spandrel",
    _REALESRGAN_LICENCE,
    "Real-ESRGAN, Tencent ARC Lab",
)

ENHANCERS: tuple[WeightFile, ...] = (
    GFPGAN_14,
    GFPGAN_13,
    GFPGAN_12,
    GPEN_512,
    CODEFORMER,
    RESTOREFORMER,
)
UPSCALERS: tuple[WeightFile, ...] = (REALESRGAN_X2, REALESRGAN_X4)
ALL: tuple[WeightFile, ...] = (*ENHANCERS, PARSENET, *UPSCALERS)
# What most people want: one enhancer.
SET: tuple[WeightFile, ...] = (GFPGAN_14,)
