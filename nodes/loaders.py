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


NODES = [LoadBuiltIn, LoadSadTalker, LoadLivePortrait]
