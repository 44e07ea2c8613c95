"""LivePortrait's published files.

Sizes and hashes of the human files are those that the pages of the repository on Hugging Face show
(Git LFS); those of the others are not known here and are pinned at the first download. The commit
says which files are meant in any case.
"""

from __future__ import annotations

from .catalog import WeightFile

_REPOSITORY = "KlingTeam/LivePortrait"  # KwaiVGI/LivePortrait until it was renamed
_REVISION = "82a4fa6735ca58432b6ce39301b4b9ee066dea47"
_COPY = "Kijai/LivePortrait_safetensors"
_AUTHORS = "LivePortrait, Kuaishou Technology"
_LICENCE = (
    "Code and weights MIT. Trained on videos of people (VoxCeleb, MEAD, RAVDESS, AAHQ and own "
    "recordings), whose rights are their own; some of these sets are for research only. The "
    "original's face finder (InsightFace, no commercial use) is not used here."
)
_ANIMAL_LICENCE = (
    "Code and weights MIT; trained on videos of animals as well. The original's animal landmarks "
    "(X-Pose, no commercial use) are not used here."
)

# Where the original, its Comfy nodes and the web UI's extension keep a file of the human networks.
_FOLDERS = (
    "liveportrait",
    "liveportrait/base_models",
    "liveportrait/retargeting_models",
    "pretrained_weights/liveportrait",
    "pretrained_weights/liveportrait/base_models",
    "pretrained_weights/liveportrait/retargeting_models",
    "base_models",
    "retargeting_models",
)
_ANIMAL_FOLDERS = (
    "liveportrait_animals/base_models_v1.1",
    "pretrained_weights/liveportrait_animals/base_models_v1.1",
)
_ANIMAL_COPY_FOLDERS = ("liveportrait/animal", "liveportrait_animals")


def _original(name: str, path: str, description: str, sha256: str, size: int) -> WeightFile:
    return WeightFile(
        name=f"liveportrait-{name}",
        file=path.rpartition("/")[2],
        description=description,
        licence=_LICENCE,
        origin=_AUTHORS,
        engines=("liveportrait",),
        sha256=sha256,
        size=size,
        repository=_REPOSITORY,
        revision=_REVISION,
        hub_path=f"liveportrait/{path}",
        folders=_FOLDERS,
    )


def _animal(name: str, network: str, description: str) -> WeightFile:
    """The animals' files have the names of the humans', so here they get another."""
    return WeightFile(
        name=f"liveportrait-animal-{name}",
        file=f"animal_{network}.pth",
        description=f"{description}, for animals",
        licence=_ANIMAL_LICENCE,
        origin=_AUTHORS,
        engines=("liveportrait",),
        repository=_REPOSITORY,
        revision=_REVISION,
        hub_path=f"liveportrait_animals/base_models_v1.1/{network}.pth",
        elsewhere=tuple(f"{folder}/{network}.pth" for folder in _ANIMAL_FOLDERS),
    )


def _copied(name: str, network: str, description: str) -> WeightFile:
    return WeightFile(
        name=f"liveportrait-st-{name}",
        file=f"{network}.safetensors",
        description=f"{description} (in liveportrait-{name} too)",
        licence=_LICENCE,
        origin=f"{_AUTHORS}; written as safetensors by Kijai",
        engines=("liveportrait",),
        repository=_COPY,
        folders=_FOLDERS,
    )


def _animal_copied(name: str, network: str, description: str) -> WeightFile:
    return WeightFile(
        name=f"liveportrait-st-animal-{name}",
        file=f"animal_{network}.safetensors",
        description=f"{description}, for animals (in liveportrait-animal-{name} too)",
        licence=_ANIMAL_LICENCE,
        origin=f"{_AUTHORS}; written as safetensors by Kijai",
        engines=("liveportrait",),
        repository=_COPY,
        hub_path=f"animal/{network}.safetensors",
        elsewhere=tuple(f"{folder}/{network}.safetensors" for folder in _ANIMAL_COPY_FOLDERS),
    )


_APPEARANCE = ("appearance", "appearance_feature_extractor", "portrait to feature volume")
_MOTION = ("motion", "motion_extractor", "face to keypoints, head pose and expression")
_WARPING = ("warping", "warping_module", "bends the feature volume from keypoints to keypoints")
_GENERATOR = ("generator", "spade_generator", "draws the bent features at 512 pixels")
_RETARGETING = (
    "retargeting",
    "stitching_retargeting_module",
    "fits keypoints to the shoulders, and eyes and lips to an opening",
)

APPEARANCE = _original(
    _APPEARANCE[0],
    f"base_models/{_APPEARANCE[1]}.pth",
    _APPEARANCE[2],
    "5279bb8654293dbdf327030b397f107237dd9212fb11dd75b83dfb635211ceb5",
    3_387_959,
)
MOTION = _original(
    _MOTION[0],
    f"base_models/{_MOTION[1]}.pth",
    _MOTION[2],
    "251e6a94ad667a1d0c69526d292677165110ef7f0cf0f6d199f0e414e8aa0ca5",
    112_545_506,
)
WARPING = _original(
    _WARPING[0],
    f"base_models/{_WARPING[1]}.pth",
    _WARPING[2],
    "2f61a6f265fe344f14132364859a78bdbbc2068577170693da57fb96d636e282",
    182_180_086,
)
GENERATOR = _original(
    _GENERATOR[0],
    f"base_models/{_GENERATOR[1]}.pth",
    _GENERATOR[2],
    "4780afc7909a9f84e24c01d73b31a555ef651521a1fe3b2429bd04534d992aee",
    221_813_590,
)
RETARGETING = _original(
    _RETARGETING[0],
    f"retargeting_models/{_RETARGETING[1]}.pth",
    _RETARGETING[2],
    "3652d5a3f95099141a56986aaddec92fadf0a73c87a20fac9a2c07c32b28b611",
    2_393_098,
)
LANDMARKS_203 = _original(
    "landmarks",
    "landmark.onnx",
    "203 landmarks of a face, as the original uses them (needs onnxruntime)",
    "31d22a5041326c31f19b78886939a634a5aedcaa5ab8b9b951a1167595d147db",
    114_666_491,
)

HUMAN: tuple[WeightFile, ...] = (APPEARANCE, MOTION, WARPING, GENERATOR, RETARGETING)
# Stitching for animals is the human one.
ANIMAL: tuple[WeightFile, ...] = (
    _animal(*_APPEARANCE),
    _animal(*_MOTION),
    _animal(*_WARPING),
    _animal(*_GENERATOR),
)
# The same networks as a popular node pack keeps them.
RETARGETING_COPY = _copied(*_RETARGETING)
HUMAN_COPY: tuple[WeightFile, ...] = (
    _copied(*_APPEARANCE),
    _copied(*_MOTION),
    _copied(*_WARPING),
    _copied(*_GENERATOR),
    RETARGETING_COPY,
)
ANIMAL_COPY: tuple[WeightFile, ...] = (
    _animal_copied(*_APPEARANCE),
    _animal_copied(*_MOTION),
    _animal_copied(*_WARPING),
    _animal_copied(*_GENERATOR),
)
