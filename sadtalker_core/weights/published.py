"""The published files of each engine, and the sets of them that one command downloads.

Sizes and hashes are those that the pages of the repositories on Hugging Face show for their large
files (Git LFS pointers, commits ``Upload 5 files`` and ``Upload 20 files`` of SadTalker's authors,
and copies of the facexlib files). They were not computed from the files here.
"""

from __future__ import annotations

from . import published_enhance as enhance
from . import published_liveportrait as liveportrait
from . import published_retalking as retalking
from . import published_wav2lip as wav2lip
from .catalog import WeightFile

_NEW = "https://github.com/OpenTalker/SadTalker/releases/download/v0.0.2-rc"
_OLD = "https://github.com/Winfredy/SadTalker/releases/download/v0.0.2"
_FACEXLIB = "https://github.com/xinntao/facexlib/releases/download/v0.1.0"
_AUTHORS = "SadTalker, Xi'an Jiaotong University and Tencent AI Lab"

_SADTALKER_LICENCE = (
    "Code Apache-2.0, weights MIT on Hugging Face. Doubts remain: the face reconstruction was "
    "trained with the Basel Face Model (research only, commercial use needs a licence from the "
    "University of Basel), and training used Wav2Lip's lip expert, whose authors allow no "
    "commercial use because of the LRS2 data. Ask a lawyer before selling results."
)
_RECON_LICENCE = (
    "Weights MIT on Hugging Face. Trained with the Basel Face Model, which is for research; "
    "commercial use of what is made from it needs a licence from the University of Basel."
)
_COEFF_LICENCE = (
    "Weights MIT on Hugging Face. Doubts: works on coefficients of the Basel Face Model, and "
    "training used Wav2Lip's lip expert (no commercial use, LRS2 data)."
)
_RENDER_LICENCE = (
    "Weights MIT on Hugging Face, code Apache-2.0. Trained on videos of people from the internet "
    "(VoxCeleb), whose rights are their own."
)


def _sadtalker(name: str, file: str, description: str, sha256: str, size: int) -> WeightFile:
    return WeightFile(
        name=name,
        file=file,
        description=description,
        licence=_SADTALKER_LICENCE,
        origin=_AUTHORS,
        engines=("sadtalker",),
        urls=(f"{_NEW}/{file}",),
        sha256=sha256,
        size=size,
        repository="vinthony/SadTalker-V002rc",
        revision="a4827306558d062e5884afff655fdfeb75d9c8ab",
        folders=("sadtalker", "SadTalker", "checkpoints", "SadTalker/checkpoints"),
    )


def _legacy(
    name: str, file: str, description: str, licence: str, sha256: str, size: int
) -> WeightFile:
    return WeightFile(
        name=name,
        file=file,
        description=description,
        licence=licence,
        origin=_AUTHORS,
        engines=("sadtalker",),
        urls=(f"{_OLD}/{file}",),
        sha256=sha256,
        size=size,
        repository="vinthony/SadTalker",
        revision="245afad2a9dec1497870992fd90a1c23fec3656a",
        folders=("sadtalker", "SadTalker", "checkpoints", "SadTalker/checkpoints"),
    )


def _facexlib(
    name: str, file: str, description: str, licence: str, origin: str, sha256: str, size: int
) -> WeightFile:
    return WeightFile(
        name=name,
        file=file,
        description=description,
        licence=licence,
        origin=origin,
        engines=("sadtalker",),
        urls=(f"{_FACEXLIB}/{file}",),
        sha256=sha256,
        size=size,
        # Not the authors' own copy; the hash says that it is the same file.
        repository="leonelhs/facexlib",
        # SadTalker keeps them beside its folder of checkpoints, not in it.
        folders=("facexlib", "facedetection", "gfpgan/weights", "../gfpgan/weights", "GFPGAN"),
    )


SADTALKER_256 = _sadtalker(
    "sadtalker-256",
    "SadTalker_V0.0.2_256.safetensors",
    "face coefficients, expression, head pose and renderer at 256 pixels",
    "c211f5d6de003516bf1bbda9f47049a4c9c99133b1ab565c6961e5af16477bff",
    725_066_984,
)
SADTALKER_512 = _sadtalker(
    "sadtalker-512",
    "SadTalker_V0.0.2_512.safetensors",
    "the same with the renderer at 512 pixels",
    "0e063f7ff5258240bdb0f7690783a7b1374e6a4a81ce8fa33456f4cd49694340",
    725_066_984,
)
MAPPING_FULL = _sadtalker(
    "sadtalker-mapping-full",
    "mapping_00109-model.pth.tar",
    "coefficients to keypoints for the modes full and extfull",
    "84a8642468a3fcfdd9ab6be955267043116c2bec2284686a5262f1eaf017f64c",
    155_779_231,
)
MAPPING_CROP = _sadtalker(
    "sadtalker-mapping-crop",
    "mapping_00229-model.pth.tar",
    "coefficients to keypoints for the modes crop, extcrop and resize",
    "62a1e06006cc963220f6477438518ed86e9788226c62ae382ddc42fbcefb83f1",
    155_521_183,
)
LANDMARKS_98 = _facexlib(
    "landmarks-98",
    "alignment_WFLW_4HG.pth",
    "98 landmarks of a face, as the original uses them",
    "Apache-2.0 (AdaptiveWingLoss). Trained on WFLW, whose pictures are for research.",
    "AdaptiveWingLoss, published by facexlib",
    "bbfd137307a4c7debd5c283b9b0ce539466cee417ac0a155e184d857f9f2899c",
    193_670_248,
)
RETINAFACE = _facexlib(
    "retinaface",
    "detection_Resnet50_Final.pth",
    "finds faces, as the original and the enhancers do",
    "MIT (Pytorch_Retinaface). Trained on WIDER FACE, whose pictures are for research.",
    "Pytorch_Retinaface, published by facexlib",
    "6d1de9c2944f2ccddca5f5e010ea5ae64a39845a86311af6fdf30841b0a5a16d",
    109_497_761,
)

# What SadTalker used before its safetensors files: the same networks in four files, 256 only.
LEGACY_RECON = _legacy(
    "sadtalker-old-recon",
    "epoch_20.pth",
    "face coefficients (in sadtalker-256 too)",
    _RECON_LICENCE,
    "6d17a6b23457b521801baae583cb6a58f7238fe6721fc3d65d76407460e9149b",
    288_860_037,
)
LEGACY_EXPRESSION = _legacy(
    "sadtalker-old-expression",
    "auido2exp_00300-model.pth",
    "expression from sound (in sadtalker-256 too)",
    _COEFF_LICENCE,
    "b7608f0e6b477e50e03ca569ac5b04a841b9217f89d502862fc78fda4e46dec4",
    34_278_319,
)
LEGACY_POSE = _legacy(
    "sadtalker-old-pose",
    "auido2pose_00140-model.pth",
    "head pose from sound (in sadtalker-256 too)",
    _COEFF_LICENCE,
    "4fba6701852dc57efbed25b1e4276e4ff752941860d69fc4429f08a02326ebce",
    95_916_155,
)
LEGACY_RENDERER = _legacy(
    "sadtalker-old-renderer",
    "facevid2vid_00189-model.pth.tar",
    "renderer at 256 pixels, with its training state (in sadtalker-256 too)",
    _RENDER_LICENCE,
    "fbad01d46f0510276dc4521322dde6824a873a4222cd0740c85762e7067ea71d",
    2_112_619_148,
)

SADTALKER: tuple[WeightFile, ...] = (
    SADTALKER_256,
    SADTALKER_512,
    MAPPING_CROP,
    MAPPING_FULL,
    LANDMARKS_98,
    RETINAFACE,
)
_SADTALKER_OLD: tuple[WeightFile, ...] = (
    LEGACY_RECON,
    LEGACY_EXPRESSION,
    LEGACY_POSE,
    LEGACY_RENDERER,
)

PUBLISHED: tuple[WeightFile, ...] = (
    *SADTALKER,
    *liveportrait.HUMAN,
    *liveportrait.ANIMAL,
    liveportrait.LANDMARKS_203,
    *enhance.ALL,
    *wav2lip.ALL,
    *retalking.ALL,
)
# The same networks in other files, for those who have them already.
LEGACY: tuple[WeightFile, ...] = (
    *_SADTALKER_OLD,
    *liveportrait.HUMAN_COPY,
    *liveportrait.ANIMAL_COPY,
    *wav2lip.COPIES,
)

# What "talking-portraits models download NAME" gets, besides single files by their names.
SETS: dict[str, tuple[WeightFile, ...]] = {
    "sadtalker": SADTALKER,
    "sadtalker-small": (SADTALKER_256, MAPPING_CROP, MAPPING_FULL),
    "sadtalker-old": (*_SADTALKER_OLD, MAPPING_CROP, MAPPING_FULL),
    "liveportrait": liveportrait.HUMAN,
    "liveportrait-animal": (*liveportrait.ANIMAL, liveportrait.RETARGETING),
    "enhance": enhance.SET,
    "wav2lip": wav2lip.SET,
    "measure": wav2lip.JUDGES,
    "videoretalking": (*retalking.NEEDED, enhance.GPEN_512, enhance.GFPGAN_13, enhance.PARSENET),
}
