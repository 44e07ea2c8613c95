"""The surroundings of the tab in A1111 and Forge: their queue, state, folders and buttons.

``modules`` is the web UI's own package; it can be imported only there, and only inside functions.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import Cancelled
from ..jobs.stage_names import stage_name
from ..media.thumbnails import small_picture
from . import versions
from .host import UiHost
from .terminal import program

TAB = "talking_portraits"  # the tab's name in the host's lists of places to send pictures to
TITLE = "Talking Portraits"
OUT_SETTING = "talking_portraits_out_dir"
SENDS_SETTING = "talking_portraits_send_buttons"
PREVIEW_PX = 768
KEPT_S = 6 * 3600  # temporary files
_FOLDER = "talking-portraits"
_STOPS = ("interrupted", "skipped", "stopping_generation")  # the host's words for "end it"


class WebuiHost(UiHost):
    """The web UI that loaded this extension."""

    sends_pictures = True

    def __init__(self) -> None:
        paths = _paths()
        super().__init__(Path(), Path(str(paths.data_path)) / "tmp" / _FOLDER)
        self._waits_for_host: object | None = None
        self.keeps_jobs = not _is_open_to_others()
        _remove_old(self._temp)

    def output_folder(self) -> Path:
        """The setting, else a folder of its own among the host's outputs; read at each job."""
        from modules import shared  # pyright: ignore[reportMissingImports]

        data = Path(str(_paths().data_path))
        wanted = str(getattr(shared.opts, OUT_SETTING, "") or "").strip()
        folder = data / Path(wanted).expanduser() if wanted else _outputs(data) / _FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def readable_folders(self) -> list[Path]:
        """Pictures that other tabs made lie below the data folder or the outputs."""
        data = Path(str(_paths().data_path))
        return [*super().readable_folders(), data, _outputs(data)]

    def models_dir(self) -> str:
        """A folder of its own among the host's models."""
        return str(Path(str(_paths().models_path)) / _FOLDER)

    def program(self) -> str:
        """The file of this extension: the command is not installed in the host."""
        return program()

    @contextlib.contextmanager
    def turn(self, who: object, stopped: Callable[[], bool]) -> Generator[None, None, None]:
        """The host's queue: no picture is generated meanwhile, and Interrupt stops the job."""
        from modules import call_queue, shared  # pyright: ignore[reportMissingImports]

        with super().turn(who, stopped), self._hosts_turn(who, call_queue.queue_lock, stopped):
            if stopped():
                raise Cancelled("Stopped while it waited for its turn.")
            shared.state.begin(TITLE)  # SD.Next calls the parameter otherwise
            shared.state.job_count = 1
            try:
                yield
            finally:
                shared.state.end()
                # The host clears these itself only for its own jobs.
                for name in _STOPS:
                    setattr(shared.state, name, False)

    @contextlib.contextmanager
    def _hosts_turn(
        self, who: object, lock: Any, stopped: Callable[[], bool]
    ) -> Generator[None, None, None]:
        self._waits_for_host = who
        try:
            place = _PlaceInLine(lock)
            place.wait(stopped)
        finally:
            self._waits_for_host = None
        try:
            yield
        finally:
            lock.release()

    def place(self, who: object) -> int:
        """How many jobs come first, with the one that the host is at."""
        others = super().place(who)
        waits = self._waits_for_host
        return others + 1 if waits is not None and (others or waits is who) else others

    @contextlib.contextmanager
    def glance(self) -> Generator[None, None, None]:
        """A preview waits for the host's job: both would want the memory of the GPU."""
        from modules import call_queue  # pyright: ignore[reportMissingImports]

        with call_queue.queue_lock:
            yield

    def step(self, stage: str, done: int, total: int) -> None:
        """The host's own progress, which its API reports."""
        from modules import shared  # pyright: ignore[reportMissingImports]

        shared.state.textinfo = stage_name(stage)
        shared.state.sampling_steps, shared.state.sampling_step = total, done

    def wants_frame(self) -> bool:
        """Whether live previews are on, and the page has seen the last one."""
        from modules import shared  # pyright: ignore[reportMissingImports]

        return bool(getattr(shared.opts, "live_previews_enable", True))

    def show(self, frame: Tensor) -> None:
        """The host's live preview."""
        from modules import shared  # pyright: ignore[reportMissingImports]

        shared.state.assign_current_image(small_picture(frame, PREVIEW_PX))

    def is_stopped(self) -> bool:
        """Interrupt and Skip; there is one job, so both end it."""
        from modules import shared  # pyright: ignore[reportMissingImports]

        return any(bool(getattr(shared.state, name, False)) for name in _STOPS)

    def add_senders(self, picture: object) -> None:
        """Buttons to img2img, inpaint and extras."""
        parameters = paste_parameters()
        with versions.gradio().Row():
            buttons = parameters.create_buttons(["img2img", "inpaint", "extras"])
        for name, button in buttons.items():
            button.do_not_save_to_config = True
            binding = parameters.ParamBinding(
                paste_button=button, tabname=name, source_image_component=picture
            )
            parameters.register_paste_params_button(binding)

    def add_receiver(self, picture: object) -> None:
        """Pictures that other tabs send come here."""
        paste_parameters().add_paste_fields(TAB, picture, None)


class _PlaceInLine:
    """A place in the line for the host's lock that can be given up.

    The lock keeps its order only among those who wait until they have it, and that cannot be broken
    off: a thread waits, and gives the lock back at once where nobody wants it any more.
    """

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self._guard = threading.Lock()
        self._has_it, self._is_given_up = threading.Event(), False
        threading.Thread(target=self._stand, name="talking-portraits-line", daemon=True).start()

    def _stand(self) -> None:
        self._lock.acquire()
        with self._guard:
            self._has_it.set()
            if self._is_given_up:
                self._lock.release()

    def wait(self, stopped: Callable[[], bool]) -> None:
        """Until the lock is held. Raises ``Cancelled`` when stopped, and then it is not."""
        while not self._has_it.wait(0.2):
            if not stopped():
                continue
            with self._guard:
                if not self._has_it.is_set():
                    self._is_given_up = True
                    raise Cancelled("Stopped while it waited for its turn.")


class SendButtons:
    """Buttons below the results of txt2img and img2img that send a picture to the tab."""

    def __init__(self) -> None:
        self._galleries: dict[str, Any] = {}
        self._bindings: list[Any] = []

    def after_component(self, component: Any, **known: Any) -> None:
        """Called by the host after each component that it makes."""
        name = str(known.get("elem_id") or "")
        for tab in ("txt2img", "img2img"):
            if name == f"{tab}_gallery":
                self._galleries[tab] = component
            elif name == f"{tab}_send_to_extras" and tab in self._galleries:
                self._add(tab, self._galleries[tab])

    def _add(self, tab: str, gallery: Any) -> None:
        from modules import shared  # pyright: ignore[reportMissingImports]

        if not getattr(shared.opts, SENDS_SETTING, True):
            return
        parameters = paste_parameters()
        button = _tool_button("🗣", f"{tab}_send_to_{TAB}")
        button.webui_tooltip = "Send the picture to Talking Portraits"
        button.do_not_save_to_config = True
        binding = parameters.ParamBinding(
            paste_button=button, tabname=TAB, source_image_component=gallery
        )
        parameters.register_paste_params_button(binding)
        self._bindings.append(binding)

    def withdraw(self) -> None:
        """The tab is not there: the host must not connect buttons to it."""
        registered = paste_parameters().registered_param_bindings
        for binding in self._bindings:
            if binding in registered:
                registered.remove(binding)
        self._bindings.clear()


def _tool_button(text: str, elem_id: str) -> Any:
    """A button that stands among the host's own; any other is put in a row of its own."""
    try:
        from modules import ui_components  # pyright: ignore[reportMissingImports]

        return ui_components.ToolButton(text, elem_id=elem_id)
    except (ImportError, AttributeError):
        return versions.gradio().Button(text, elem_id=elem_id, elem_classes=["tool"])


def add_settings() -> None:
    """The section of this extension in the host's settings."""
    from modules import shared  # pyright: ignore[reportMissingImports]

    gr = versions.gradio()
    section = (TAB, TITLE)
    out = shared.OptionInfo(
        "",
        "Folder for results, below the data folder (empty: a folder of its own in the outputs)",
        gr.Textbox,
        {},
        section=section,
    )
    sends = shared.OptionInfo(
        True,
        "Show a button that sends pictures to Talking Portraits (after a restart of the page)",
        gr.Checkbox,
        {},
        section=section,
    )
    shared.opts.add_option(OUT_SETTING, out)
    shared.opts.add_option(SENDS_SETTING, sends)


def paste_parameters() -> Any:
    """What sends pictures between tabs, under its new or its old name."""
    try:
        from modules import infotext_utils as found  # pyright: ignore[reportMissingImports]

        if hasattr(found, "create_buttons"):  # SD.Next has an empty one
            return found
    except ImportError:
        pass
    from modules import (  # pyright: ignore[reportMissingImports]
        generation_parameters_copypaste as found,
    )

    return found


def _remove_old(folder: Path) -> None:
    """Take away what earlier starts left: nobody tells an extension that the web UI ends."""
    limit = time.time() - KEPT_S
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_mtime < limit:
                path.unlink()


def _paths() -> Any:
    from modules import paths  # pyright: ignore[reportMissingImports]

    return paths


def _outputs(data: Path) -> Path:
    try:
        from modules import paths_internal  # pyright: ignore[reportMissingImports]

        return Path(str(paths_internal.default_output_dir))
    except (ImportError, AttributeError):
        return data / "outputs"


def _is_open_to_others() -> bool:
    """Whether the host was started for more people than the one who sits at the machine."""
    from modules import shared  # pyright: ignore[reportMissingImports]

    flags = getattr(shared, "cmd_opts", None)
    names = ("listen", "share", "ngrok", "server_name", "gradio_auth", "gradio_auth_path")
    return any(getattr(flags, name, None) for name in names)
