"""Nodes that keep motions in files and read them again. Nothing in a file is ever run."""

from __future__ import annotations

from typing import Any

from .host import io, ui
from .motion_values import frames_output, motion_input, motion_output, result
from .packing import motion_of
from .schema import node_schema

_WHERE = "motion"
_FOLDER = "motions"
_BY_PATH = "(path below)"
_SUFFIXES = {"safetensors": ".safetensors", "LivePortrait .pkl": ".pkl"}


class SaveMotion(io.ComfyNode):
    """A motion as a file."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "SaveMotion",
            "Save Motion",
            _WHERE,
            "Writes a motion into the output folder: as safetensors, numbers alone, or as a "
            "template that the original LivePortrait reads.",
            [
                motion_input(),
                io.String.Input(
                    "filename_prefix",
                    default=f"{_FOLDER}/motion",
                    multiline=False,
                    tooltip="Folder below the output folder and beginning of the name; "
                    "%date:yyyy-MM-dd% and the like may be in it.",
                ),
                io.Combo.Input(
                    "format",
                    options=list(_SUFFIXES),
                    default="safetensors",
                    tooltip="safetensors keeps any motion exactly. The original's .pkl holds "
                    "LivePortrait's motion; others are converted.",
                ),
            ],
            [
                motion_output("The motion, as it came in."),
                io.String.Output(
                    "file", display_name="file", tooltip="Its name, as Load Motion's path takes it."
                ),
            ],
            aliases=("export motion", "template", "expression data", "pkl", "safetensors"),
            is_output_node=True,
        )

    @classmethod
    def execute(cls, motion: Any, filename_prefix: str, format: str) -> Any:
        from ..sadtalker_core.jobs.drive_outputs import save_any_motion
        from .bridge import save_path

        moved = motion_of(motion)
        path, folder, name = save_path(filename_prefix, _SUFFIXES[format], (0, 0))
        path.parent.mkdir(parents=True, exist_ok=True)
        save_any_motion(moved, path)
        file = f"{folder}/{name} [output]" if folder else f"{name} [output]"
        return io.NodeOutput(moved.to_dict(), file, ui=ui.PreviewText(file))


class LoadMotion(io.ComfyNode):
    """A motion out of a file."""

    @classmethod
    def define_schema(cls) -> Any:
        from .host_files import files_in

        return node_schema(
            "LoadMotion",
            "Load Motion",
            _WHERE,
            "A motion that was saved, or a LivePortrait template (.pkl), which is read as numbers "
            "and never run.",
            [
                io.Combo.Input(
                    "file",
                    options=[_BY_PATH, *files_in(tuple(_SUFFIXES.values()), (_FOLDER,))],
                    default=_BY_PATH,
                    tooltip="A file of the input folder, or one that Save Motion wrote.",
                ),
                io.String.Input(
                    "path",
                    default="",
                    multiline=False,
                    tooltip="Instead of the list: a path below the input folder, or below the "
                    "output folder with [output] behind it.",
                ),
            ],
            [
                motion_output("The motion, as it was saved."),
                frames_output(),
                io.Float.Output("fps_out", display_name="fps", tooltip="Its frames per second."),
                io.String.Output("engine", display_name="engine", tooltip="Whose motion it is."),
            ],
            aliases=("import motion", "template", "expression data", "pkl", "safetensors"),
        )

    @classmethod
    def execute(cls, file: str, path: str) -> Any:
        from ..sadtalker_core.jobs.motions import load_any_motion
        from ..sadtalker_core.transfer.motion_combine import kind_name

        motion = load_any_motion(_file_of(file, path))
        return result(motion, len(motion), float(motion.fps), kind_name(motion))

    @classmethod
    def validate_inputs(cls, file: str | None, path: str | None) -> bool | str:
        from .host_files import refusal

        # linked names are not known yet
        if file is None or path is None:
            return True
        return refusal(lambda: _file_of(file, path))

    @classmethod
    def fingerprint_inputs(cls, file: str | None, path: str | None) -> str:
        from .host_files import fingerprint

        return "" if file is None or path is None else fingerprint(_file_of(file, path))


def _file_of(file: str, path: str) -> Any:
    from ..sadtalker_core.errors import MediaError
    from .host_files import path_of

    found = path_of(path if file == _BY_PATH else file)
    if found.suffix.lower() not in _SUFFIXES.values():
        raise MediaError(f"{found.name} is no motion file: .safetensors or .pkl is expected.")
    return found


NODES = [SaveMotion, LoadMotion]
