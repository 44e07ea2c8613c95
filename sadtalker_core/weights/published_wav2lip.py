"""Published files of Wav2Lip, its detector and its judges, and face-alignment's landmark network.

Sizes and hashes are those that the pages of the repositories on Hugging Face show (Git LFS). All
are copies but that of SadTalker's authors; the hashes say that they are the files the papers'
authors published.
"""

from __future__ import annotations

from .catalog import WeightFile

_COPIES = "Nekochu/Wav2Lip"
_REVISION = "fb925b05f0d353850ee0c56810e4545e274e2b5a"
_SADTALKER = "vinthony/SadTalker"
_SADTALKER_REVISION = "4aedd064359e623398a2d73eb8c253ebb2bd516c"
_FACE_ALIGNMENT = "https://www.adrianbulat.com/downloads/python-fan"
_AUTHORS = "Wav2Lip, IIIT Hyderabad and the University of Bath"

_LICENCE = (
    "Research and personal use only: the authors forbid any commercial use of code, weights and "
    "results, because training used the LRS2 set of BBC broadcasts."
)
_SYNCNET_LICENCE = (
    "Code MIT; no terms are given for the weights. Trained on BBC broadcasts, which are for "
    "research. Used to measure only."
)

# Where the original keeps its files, and the folders that other programs have for them.
_FOLDERS = ("wav2lip", "Wav2Lip", "checkpoints", "Wav2Lip/checkpoints", "wav2lip/checkpoints")
_HUB_FOLDERS = ("hub/checkpoints", "auxiliary", "face-alignment", "facedetection")


def _wav2lip(
    name: str, file: str, description: str, engines: tuple[str, ...], sha256: str, size: int
) -> WeightFile:
    return WeightFile(
        name=name,
        file=file,
        description=description,
        licence=_LICENCE,
        origin=_AUTHORS,
        engines=engines,
        sha256=sha256,
        size=size,
        repository=_COPIES,
        revision=_REVISION,
        folders=_FOLDERS,
    )


WAV2LIP = _wav2lip(
    "wav2lip-exact",
    "wav2lip.pth",
    "lips for a sound, a little nearer to it than wav2lip-gan, less clear",
    ("wav2lip",),
    "b78b681b68ad9fe6c6fb1debc6ff43ad05834a8af8a62ffc4167b7b34ef63c37",
    435_807_851,
)
WAV2LIP_GAN = _wav2lip(
    "wav2lip-gan",
    "wav2lip_gan.pth",
    "lips for a sound",
    ("wav2lip",),
    "ca9ab7b7b812c0e80a6e70a5977c545a1e8a365a6c49d5e533023c034d7ac3d8",
    435_801_865,
)
LIP_EXPERT = _wav2lip(
    "wav2lip-expert",
    "lipsync_expert.pth",
    "judges whether lips and sound belong together",
    ("measure",),
    "9b9936c721696446eeed353032cab242a8cf0eed8c46cde540366f6ae5493be5",
    197_357_631,
)
SYNCNET_V2 = WeightFile(
    name="syncnet",
    file="syncnet_v2.model",
    description="measures LSE-D, LSE-C and the offset of sound and lips",
    licence=_SYNCNET_LICENCE,
    origin="SyncNet, University of Oxford",
    engines=("measure",),
    urls=("https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",),
    sha256="961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
    size=54_573_114,
    repository="ByteDance/LatentSync-1.5",
    revision="32a20d29aead0498e3e885e90dbbe8027da1b61b",
    hub_path="auxiliary/syncnet_v2.model",
    folders=("syncnet", "auxiliary", "syncnet_python/data"),
)
S3FD = WeightFile(
    name="s3fd",
    file="s3fd-619a316812.pth",
    description="finds faces, as Wav2Lip and VideoReTalking do",
    licence=(
        "Code BSD-3-Clause (face-alignment); no terms are given for the weights. Trained on WIDER "
        "FACE, whose pictures are for research."
    ),
    origin="S3FD (Zhang et al.), published by face-alignment",
    engines=("wav2lip", "videoretalking"),
    urls=(f"{_FACE_ALIGNMENT}/s3fd-619a316812.pth",),
    sha256="619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
    size=89_843_225,
    repository=_SADTALKER,
    revision=_SADTALKER_REVISION,
    hub_path="hub/checkpoints/s3fd-619a316812.pth",
    folders=(*_HUB_FOLDERS, *_FOLDERS),
    elsewhere=("face_detection/detection/sfd/s3fd.pth", "Wav2Lip/s3fd.pth", "wav2lip/s3fd.pth"),
)
LANDMARKS_68 = WeightFile(
    name="landmarks-68",
    file="2DFAN4-cd938726ad.zip",
    description="68 landmarks of a face, as VideoReTalking uses them",
    licence=(
        "BSD-3-Clause (face-alignment). Trained on 300-W and 300W-LP, whose pictures are for "
        "research."
    ),
    origin="FAN (Bulat and Tzimiropoulos), published by face-alignment",
    engines=("videoretalking",),
    urls=(f"{_FACE_ALIGNMENT}/2DFAN4-cd938726ad.zip",),
    sha256="cd938726adb1f15f361263cce2db9cb820c42585fa8796ec72ce19107f369a46",
    size=96_316_515,
    repository=_SADTALKER,
    revision=_SADTALKER_REVISION,
    hub_path="hub/checkpoints/2DFAN4-cd938726ad.zip",
    folders=_HUB_FOLDERS,
)
# The same network as newer versions of face-alignment keep it: a plain state dict.
LANDMARKS_68_PLAIN = WeightFile(
    name="landmarks-68-plain",
    file="2DFAN4-11f355bf06.pth.tar",
    description="68 landmarks of a face (in landmarks-68 too)",
    licence=LANDMARKS_68.licence,
    origin=LANDMARKS_68.origin,
    engines=("videoretalking",),
    urls=(f"{_FACE_ALIGNMENT}/2DFAN4-11f355bf06.pth.tar",),
    sha256="11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
    folders=_HUB_FOLDERS,
)

ALL: tuple[WeightFile, ...] = (
    WAV2LIP_GAN,
    WAV2LIP,
    S3FD,
    LANDMARKS_68,
    LIP_EXPERT,
    SYNCNET_V2,
)
COPIES: tuple[WeightFile, ...] = (LANDMARKS_68_PLAIN,)
SET: tuple[WeightFile, ...] = (WAV2LIP_GAN,)
JUDGES: tuple[WeightFile, ...] = (SYNCNET_V2, LIP_EXPERT)
