"""Between ComfyUI and the library: pictures, folders, progress, previews, interrupts.

The host's pictures are (B, H, W, 3) float32 in [0, 1], the library's (N, 3, H, W), uint8 or float.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..sadtalker_core.errors import Cancelled, OptionError, StructureError
from ..sadtalker_core.runtime import Runtime
from ..sadtalker_core.structures import FrameStream

if TYPE_CHECKING:
    from .host_models import HostModel

_PREVIEW_EVERY_S = 0.5
_PREVIEW_PX = 512
_LARGEST_SHARE = 0.9  # of the free memory that frames may take


def picture_of(image: Tensor, index: int = 0) -> Tensor:
    """One picture of an IMAGE as (3, H, W) uint8, on the device where it is.

    Transparent parts become white.

    Raises:
        OptionError: it holds no pictures, or fewer.
    """
    if image.ndim != 4 or image.shape[0] <= index:
        raise OptionError(
            f"picture {index} is wanted, the IMAGE has shape {tuple(image.shape)} "
            "(pictures, height, width, colours); connect a node that gives pictures."
        )
    return pictures_of(image[index : index + 1])[0]


def pictures_of(image: Tensor) -> Tensor:
    """(B, H, W, 1, 3 or 4) in [0, 1] as (B, 3, H, W) uint8, on the device where they are.

    Raises:
        OptionError: there are no pictures in it.
    """
    if image.ndim != 4 or 0 in image.shape or image.shape[-1] not in (1, 3, 4):
        raise OptionError(
            f"an IMAGE of shape {tuple(image.shape)} has no pictures that can be used; "
            "(pictures, height, width, 3) is expected."
        )
    if image.shape[-1] == 1:
        image = image.expand(-1, -1, -1, 3)
    elif image.shape[-1] == 4:
        alpha = image[..., 3:]
        image = image[..., :3] * alpha + (1 - alpha)
    return (image.movedim(-1, 1) * 255).round_().clamp_(0, 255).to(torch.uint8)


def image_of(rgb: Tensor) -> Tensor:
    """(3, H, W) or (N, 3, H, W), uint8 or float in [0, 1], as an IMAGE on the host's device."""
    frames = rgb[None] if rgb.ndim == 3 else rgb
    frames = frames.movedim(1, -1).to(intermediate_device(), torch.float32)
    return (frames / 255 if rgb.dtype == torch.uint8 else frames).contiguous()


def intermediate_device() -> torch.device:
    """Where pictures stay between nodes: the graphics card with --gpu-only, else main memory."""
    import comfy.model_management as management

    return management.intermediate_device()


def collect(stream: FrameStream, runtime: Runtime) -> Tensor:
    """All frames of a stream as one IMAGE, filled while they are rendered.

    Raises:
        OptionError: they would not fit into memory.
        StructureError: there are fewer than the stream says.
        Cancelled: the user stopped.
    """
    height, width = stream.size
    device = intermediate_device()
    check_memory(stream.length, height, width, device)
    frames = torch.empty((stream.length, height, width, 3), dtype=torch.float32, device=device)
    done = 0
    runtime.progress("render", 0, stream.length)
    with contextlib.closing(_closable(stream)) as chunks:
        for chunk in chunks:
            runtime.check_cancelled()
            part = frames[done : done + len(chunk)]
            part.copy_(chunk.movedim(1, -1))
            if chunk.dtype == torch.uint8:
                part.div_(255)
            done += len(chunk)
            runtime.preview(chunk[-1])
            runtime.progress("render", done, stream.length)
    if done != stream.length:  # the rest of the memory was never written to
        raise StructureError(f"{stream.length} frames were announced, {done} were rendered.")
    return frames


def _closable(stream: FrameStream) -> Any:
    """The chunks as a generator: one that is stopped half-way lets go of its memory at once."""
    yield from stream.chunks


def check_memory(count: int, height: int, width: int, device: torch.device) -> None:
    """Refuse frames that cannot fit, before an hour of rendering is lost to them.

    Raises:
        OptionError: with the numbers and what to do.
    """
    import comfy.model_management as management

    needed = count * height * width * 3 * 4
    free = management.get_free_memory(device)
    if needed > free * _LARGEST_SHARE:
        raise OptionError(
            f"{count} frames of {width}x{height} need {needed / 1e9:.1f} GB as an IMAGE, "
            f"{free / 1e9:.1f} GB are free. Use Render Video, which streams into a file with "
            "constant memory, a smaller picture, or less sound."
        )


@contextlib.contextmanager
def at_work(
    model: HostModel | None = None,
    *,
    seed: int = 0,
    chunk: int | None = None,
    shows_frames: bool = True,
) -> Generator[Runtime, None, None]:
    """Everything a node does with the library happens in here.

    The model's networks are moved in through the host's manager; progress, previews and interrupts
    are the host's. Read frame streams to their end inside.

    Args:
        model: whose networks are used; None works on the CPU.
        seed: of all chance.
        chunk: frames at a time; None leaves it to the device.
        shows_frames: send preview pictures. Nodes that end in a video must not: the frontend shows
            the last preview in place of the result, until the node runs again.
    """
    import comfy.model_management as management

    device = torch.device("cpu")
    if model is not None:
        model.move_in()
        device = model.device
    told = _Told(shows_frames)
    runtime = Runtime(
        device=device,
        seed=seed,
        chunk=chunk or (8 if device.type == "cpu" else 16),
        progress=told.progress,
        preview=told.preview,
        cancelled=management.processing_interrupted,
        free_memory=management.soft_empty_cache,
    )
    try:
        yield runtime
    except Cancelled as stopped:
        management.throw_exception_if_processing_interrupted()
        raise management.InterruptProcessingException from stopped


class _Told:
    """Progress and previews, passed on to the host."""

    def __init__(self, shows_frames: bool) -> None:
        import comfy.utils

        self._shows_frames = shows_frames
        self._bar = comfy.utils.ProgressBar(1)
        self._frame: Tensor | None = None
        self._shown = 0.0
        self._say = _text_sender()
        self._notes: list[str] = []

    def preview(self, frame: Tensor) -> None:
        """A finished frame (3, H, W); it is shown with the next step if it is time."""
        if self._shows_frames:
            self._frame = frame

    def progress(self, stage: str, done: int, total: int) -> None:
        """How far a stage is; a total of 0 is not known. A sentence is a note to the user.

        Notes stay in the node. Stages move its bar alone: a line of text would take the room of
        the picture or video below it.
        """
        now = time.monotonic()
        picture = None
        if self._frame is not None and now - self._shown > _PREVIEW_EVERY_S:
            picture = _thumbnail(self._frame)
            self._frame, self._shown = None, now
        if total > 0:
            self._bar.update_absolute(min(done, total), total, picture)
        if stage.endswith(".") and stage not in self._notes:
            self._notes.append(stage)
            self._say(" ".join(self._notes))


def _thumbnail(frame: Tensor) -> tuple[str, Any, int] | None:
    """A preview in the form that the host sends; None where nothing may leave the device."""
    from comfy.cli_args import args
    from PIL import Image

    if args.gpu_only:
        return None
    step = max(1, max(frame.shape[1:]) // _PREVIEW_PX)
    small = frame[:, ::step, ::step]
    if small.dtype != torch.uint8:
        small = (small * 255).round().clamp(0, 255).to(torch.uint8)
    pixels = small.movedim(0, -1).contiguous().cpu().numpy()
    return "JPEG", Image.fromarray(pixels), _PREVIEW_PX


def _text_sender() -> Callable[[str], None]:
    """Shows a line of text in the running node, where the host can do that."""
    try:
        from comfy_execution.utils import get_executing_context
        from server import PromptServer

        send = PromptServer.instance.send_progress_text
        context = get_executing_context()
    except (ImportError, AttributeError):
        return lambda text: None
    if context is None:
        return lambda text: None
    return lambda text: send(text, context.node_id)


def save_path(prefix: str, suffix: str, size: tuple[int, int]) -> tuple[Path, str, str]:
    """A new file's path in the host's output folder, its sub-folder and its name.

    Args:
        prefix: as in core's save nodes: may hold folders and ``%date:...%``.
        suffix: ``.mp4``.
        size: (H, W) of the pictures.
    """
    import folder_paths

    height, width = size
    whole, name, counter, below, _ = folder_paths.get_save_image_path(
        prefix, folder_paths.get_output_directory(), width, height
    )
    file = f"{name}_{counter:05}_{suffix}"
    return Path(whole) / file, below, file


def preview_ui(image: Tensor) -> Any:
    """An IMAGE as the picture that is shown in the node."""
    from .host import ui

    return ui.PreviewImage(image)
