"""Nodes that load an engine. What is missing is said with its file, folder and licence."""

from __future__ import annotations

from typing import Any

from . import sockets
from .host import io
from .schema import node_schema, option_inputs, options_from


def _model_output() -> Any:
    return sockets.Model.Output(
        "model", display_name="model", tooltip="The engine, for every node that has this socket."
    )


class LoadBuiltIn(io.ComfyNode):
    """The engine that needs no download."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "LoadBuiltIn",
            "Load Built-in Engine",
            "models",
            "The engine that needs nothing to be downloaded and runs on any machine. Connect it, "
            "or leave the model of the starter nodes empty: they take it by themselves.",
            [],
            [_model_output()],
            aliases=("lite", "talking head", "lip sync", "no download"),
        )

    @classmethod
    def execute(cls) -> Any:
        from .host_models import load_model

        return io.NodeOutput(load_model("lite"))


class LoadSadTalker(io.ComfyNode):
    """SadTalker's networks."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.sadtalker.config import SadTalkerRenderOptions

        return node_schema(
            "LoadSadTalker",
            "Load SadTalker",
            "models",
            "SadTalker's networks: expression and head motion learnt from speech. Files are found "
            "in models/talking_portraits, models/checkpoints and the folders of older packs; "
            "nothing is downloaded here.",
            option_inputs(
                SadTalkerRenderOptions,
                only=("size", "preprocess", "landmarks", "precision", "compile"),
            ),
            [_model_output()],
            aliases=("sadtalker", "talking head", "audio driven"),
        )

    @classmethod
    def execute(cls, **values: Any) -> Any:
        from ..sadtalker_core.systems.sadtalker.config import SadTalkerRenderOptions
        from .host_models import load_model

        return io.NodeOutput(load_model("sadtalker", options_from(SadTalkerRenderOptions, values)))


class LoadLivePortrait(io.ComfyNode):
    """LivePortrait's networks."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.liveportrait.config import LivePortraitRenderOptions

        return node_schema(
            "LoadLivePortrait",
            "Load LivePortrait",
            "models",
            "LivePortrait's networks, for people or animals: portraits moved by a video, by "
            "sliders or by speech. Files are found in models/talking_portraits and "
            "models/liveportrait; nothing is downloaded here.",
            option_inputs(
                LivePortraitRenderOptions,
                only=("species", "landmarks", "precision", "compile"),
            ),
            [_model_output()],
            aliases=("liveportrait", "live portrait", "animals", "expression"),
        )

    @classmethod
    def execute(cls, **values: Any) -> Any:
        from ..sadtalker_core.systems.liveportrait.config import LivePortraitRenderOptions
        from .host_models import load_model

        options = options_from(LivePortraitRenderOptions, values)
        return io.NodeOutput(load_model("liveportrait", options))


class LoadVideoReTalking(io.ComfyNode):
    """VideoReTalking's networks."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions

        return node_schema(
            "LoadVideoReTalking",
            "Load VideoReTalking",
            "models",
            "VideoReTalking's networks: new lips for a video, drawn at 384 pixels, with teeth "
            "restored. The network of emotions is loaded where its file is here. Nothing is "
            "downloaded.",
            option_inputs(
                VideoReTalkingOptions,
                only=("finder", "reference_enhancer", "mouth_enhancer", "precision"),
            ),
            [_lips_output()],
            aliases=("video retalking", "lip sync", "dubbing", "relip"),
        )

    @classmethod
    def execute(cls, **values: Any) -> Any:
        from .lip_models import load_videoretalking

        return io.NodeOutput(load_videoretalking(values))

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> str:
        from .lip_models import has_emotions

        return "with emotions" if has_emotions() else "without"


class LoadWav2Lip(io.ComfyNode):
    """Wav2Lip's network."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.wav2lip.config import Wav2LipOptions

        return node_schema(
            "LoadWav2Lip",
            "Load Wav2Lip",
            "models",
            "Wav2Lip's network: the lower half of a face painted anew at 96 pixels, close to the "
            "sound. For research and personal use only. Nothing is downloaded here.",
            option_inputs(Wav2LipOptions, only=("model", "finder")),
            [_lips_output()],
            aliases=("lip sync", "dubbing", "relip"),
        )

    @classmethod
    def execute(cls, **values: Any) -> Any:
        from ..sadtalker_core.systems.wav2lip.config import Wav2LipOptions
        from .lip_models import load_lips

        return io.NodeOutput(load_lips("wav2lip", options_from(Wav2LipOptions, values)))


class LoadEnhancer(io.ComfyNode):
    """A network that restores faces."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "LoadEnhancer",
            "Load Face Enhancer (GFPGAN, GPEN, CodeFormer)",
            "models",
            "A network that restores faces: GFPGAN, GPEN, CodeFormer or RestoreFormer. Files are "
            "found in models/talking_portraits, models/facerestore_models and the like; nothing is "
            "downloaded here.",
            _enhancer_inputs(),
            [
                sockets.Enhancer.Output(
                    "restorer",
                    display_name="enhancer",
                    tooltip="For the nodes that enhance faces.",
                )
            ],
            aliases=("gfpgan", "codeformer", "gpen", "restoreformer", "face restore", "restore"),
        )

    @classmethod
    def execute(cls, **values: Any) -> Any:
        from ..sadtalker_core.enhance.options import EnhanceOptions
        from .enhancers import load_enhancer

        return io.NodeOutput(load_enhancer(options_from(EnhanceOptions, values)))


def _enhancer_inputs() -> list[Any]:
    from ..sadtalker_core.enhance.options import EnhanceOptions

    made = option_inputs(EnhanceOptions, only=("enhancer", "enhance_way", "fidelity"))
    made[-1].tooltip = "CodeFormer: 1 is more likeness, 0 more beauty."
    return made


def _lips_output() -> Any:
    return sockets.Lips.Output(
        "lips", display_name="lips", tooltip="Who makes the lips, for Dub Video and Dub Frames."
    )


NODES = [
    *(LoadBuiltIn, LoadSadTalker, LoadLivePortrait),
    *(LoadVideoReTalking, LoadWav2Lip, LoadEnhancer),
]
