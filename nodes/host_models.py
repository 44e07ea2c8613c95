"""Networks of an engine, kept by ComfyUI's own model manager.

The host decides when they are on the graphics card: it makes room for them and takes them out
again when others need it, as it does with every model.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from ..sadtalker_core.engines.engine import Chosen
from ..sadtalker_core.errors import WeightsError
from ..sadtalker_core.registry import find_engine
from ..sadtalker_core.runtime import Runtime
from ..sadtalker_core.weights.catalog import BUNDLED, WeightFile
from ..sadtalker_core.weights.store import WeightStore
from .bridge import at_work

OWN_FOLDER = "talking_portraits"
# Where other packs keep the same files.
_OTHERS = ("liveportrait", "sadtalker", "facerestore_models", "checkpoints")


class Loadable(Chosen, Protocol):
    """What of an engine of any kind is needed to load it."""

    @property
    def licence(self) -> str: ...
    @property
    def load(self) -> Callable[[Mapping[str, Path], Any, Runtime], Any]: ...


class HostModel:
    """An engine with its networks, as it travels from a loader to the nodes that use it.

    Attributes:
        engine: what it can do; an ``Engine``, a ``RelipEngine`` or a face enhancer.
        options: render options it was loaded with: which networks, which arithmetic.
        networks: the engine's own; None for the built-in engine.
        files: the weights it uses.
        device: where it works.
    """

    def __init__(
        self,
        engine: Any,
        options: Any,
        networks: Any,
        files: tuple[WeightFile, ...],
        device: torch.device,
    ) -> None:
        self.engine = engine
        self.options = options
        self.networks = networks
        self.files = files
        self.device = device
        self._patcher = _patcher_of(networks, device)

    def move_in(self) -> None:
        """See that the networks are where they work."""
        if self._patcher is None:
            return
        import comfy.model_management as management

        load: Any = management.load_models_gpu
        known = inspect.signature(load).parameters
        # Our layers are torch's own: they cannot be cast from main memory while they run.
        load([self._patcher], **({"force_full_load": True} if "force_full_load" in known else {}))

    def __repr__(self) -> str:
        return f"HostModel({self.engine.title}, {len(self.files)} files, {self.device})"


def _patcher_of(networks: Any, device: torch.device) -> Any:
    modules = _modules_in(networks)
    if not modules:
        return None
    import comfy.model_management as management
    from comfy.model_patcher import ModelPatcher

    held = nn.ModuleList(modules)
    offload = management.unet_offload_device()
    held.to(offload)  # the host counts what it moves in itself
    return ModelPatcher(held, load_device=device, offload_device=offload)


def _modules_in(value: Any) -> list[nn.Module]:
    """The outermost modules in a record of networks, each once."""
    if isinstance(value, nn.Module):
        return [value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = [
            module
            for field in dataclasses.fields(value)
            for module in _modules_in(getattr(value, field.name))
        ]
        return list(dict.fromkeys(found))
    return []


def load_model(engine_id: str, options: Any = None) -> HostModel:
    """An engine that moves portraits, see ``loaded``.

    Args:
        engine_id: id of the engine.
        options: its render options.
    """
    return loaded(find_engine(engine_id), options)


def loaded(engine: Loadable, options: Any = None) -> HostModel:
    """An engine with its networks read, ready to be moved in.

    Args:
        engine: which one.
        options: those that say which networks.

    Raises:
        WeightsError: a file is missing; says in short lines which, the folder to put it into,
            the command that gets it, and the gist of its terms. Or one is not the published file.
    """
    from ..sadtalker_core.jobs.engines import find_weights, used_files
    from .missing_weights import missing_text, program

    options = options or engine.render_options()
    bundled = tuple(file for file in BUNDLED if "lite" in file.engines)
    if not engine.needs_download:
        return HostModel(engine, options, None, bundled, torch.device("cpu"))
    store = host_store()
    used = used_files(engine, options, store)
    try:
        files = find_weights(engine, options, store)
    except WeightsError as error:
        missing = [file for file in used if store.find(file) is None]
        if missing:
            raise WeightsError(missing_text(engine.title, missing, store)) from error
        raise WeightsError(
            f"{error}\nHere the command talking-portraits is:\n  {program()}"
        ) from error
    device = _room_for(sum(path.stat().st_size for path in files.values()) * 2)
    with at_work() as runtime:  # an interrupt while files are read is the host's own
        networks = engine.load(files, options, dataclasses.replace(runtime, device=device))
    return HostModel(engine, options, networks, (*bundled, *used), device)


def _room_for(size: int) -> torch.device:
    """Where networks work, with so many bytes free where that can be had."""
    import comfy.model_management as management

    device = torch.device(management.get_torch_device())
    if device.type != "cpu":
        management.free_memory(size, device)
    return device


@functools.lru_cache(maxsize=1)
def builtin() -> HostModel:
    """The built-in engine: what nodes use where no model is connected."""
    return load_model("lite")


def host_store() -> WeightStore:
    """Weights in ComfyUI's model folders: our own, those of other packs, and their parents."""
    own, *others = _folders()
    return WeightStore(option=own, host_folders=others)


def _folders() -> list[Path]:
    import folder_paths

    roots = [Path(folder_paths.models_dir)]
    registered = folder_paths.folder_names_and_paths
    named = [
        Path(path)
        for name in (OWN_FOLDER, *_OTHERS)
        if name in registered
        for path in folder_paths.get_folder_paths(name)
    ]
    # Such a folder of another models directory says where that directory is.
    roots += [path.parent for path in named if path.name in _OTHERS]
    roots = list(dict.fromkeys(roots))
    # Read from the roots in any case; on the list for people, who look for them there.
    named += [root / name for root in roots for name in _OTHERS if name != "checkpoints"]
    packs = [Path(path) for path in folder_paths.get_folder_paths("custom_nodes")]
    others = [
        folder
        for pack in packs
        for folder in (pack / "Comfyui-SadTalker" / "SadTalker", pack / "ComfyUI_wav2lip")
    ]
    own = [root / OWN_FOLDER for root in roots]
    return list(dict.fromkeys([*own, *named, *roots, *others]))
