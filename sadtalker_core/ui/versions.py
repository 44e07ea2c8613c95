"""Every difference between gradio 3.41, 4.40 and newer ones, in one place.

The rest of the page is written once: components come from here, and events are bound by ``on``.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .theme import quiet_theme
from .titles import titled_dropdown
from .visitors import Visitor, with_visitor


def gradio() -> Any:
    """The gradio that is installed."""
    import gradio as module  # pyright: ignore[reportMissingImports]

    return module


def is_present() -> bool:
    """Whether gradio can be imported, without importing it."""
    return importlib.util.find_spec("gradio") is not None


def version() -> tuple[int, ...]:
    """Of gradio: ``(4, 40, 0)``."""
    return tuple(int(part) for part in re.findall(r"\d+", str(gradio().__version__))[:3])


def is_old() -> bool:
    """Gradio 3: other words for the same things."""
    return version()[0] < 4


def blocks(title: str, css: str = "") -> Any:
    """An empty page: no reports to anybody, no fonts from elsewhere."""
    gr = gradio()
    known: dict[str, Any] = {"title": title, "analytics_enabled": False}
    if version()[0] < 6:
        known |= {"theme": theme(), "css": css}
    if version()[0] >= 4:
        # Looked at every ten minutes: what nobody used for six hours goes.
        known["delete_cache"] = (600, 6 * 3600)
    return gr.Blocks(**known)


def theme() -> Any:
    """How a page of our own looks."""
    return quiet_theme(gradio())


def _component(name: str, **known: Any) -> Any:
    made = getattr(gradio(), name)(**known)
    # The web UIs remember defaults by label, and would give an old one to a new version.
    made.do_not_save_to_config = True
    return made


def picture_input(label: str, **known: Any) -> Any:
    """A picture from a file, the clipboard or a camera; the handler gets a path."""
    if is_old():
        known |= {"source": "upload", "tool": None}
    else:
        known |= {"sources": ["upload", "webcam", "clipboard"], "format": "png"}
        if version()[0] >= 6:
            known |= {"buttons": [], "webcam_options": gradio().WebcamOptions(mirror=False)}
        else:
            known |= {"mirror_webcam": False, "show_download_button": False}
            known |= {"show_share_button": False}
    return _as_it_is(_component("Image", label=label, type="filepath", **known))


def sound_input(label: str, **known: Any) -> Any:
    """Sound from a file or the microphone; the handler gets a path."""
    if is_old():
        known |= {"source": "upload"}
    else:
        known |= {"sources": ["upload", "microphone"]}
        if version()[0] >= 6:
            known |= {"buttons": []}
        else:
            known |= {"show_download_button": False, "show_share_button": False}
    return _as_it_is(_component("Audio", label=label, type="filepath", **known))


def microphone_input(label: str, **known: Any) -> Any:
    """A recorder for gradio 3, whose Audio has one source only."""
    made = _component("Audio", label=label, type="filepath", source="microphone", **known)
    return _as_it_is(made)


def _as_it_is(made: Any) -> Any:
    """Give the handler the very file that was uploaded.

    gradio opens pictures, and a damaged one is then a fault instead of a sentence on the page.
    Before 5 it decodes sounds and writes them again, which fails without ffmpeg for all but WAV,
    and then nothing at all appears on the page. Gradio 3 copies any file that a program names to
    the uploads; what is handed on here is looked at by ``Pages.check``.
    """

    def preprocess(payload: Any) -> Any:
        if payload is None:
            return None
        if isinstance(payload, (list, tuple)):  # files; in gradio 3 a video with its subtitles
            return [preprocess(each) for each in payload]
        if isinstance(payload, str):
            return made.base64_to_temp_file_if_needed(payload, "portrait.png")
        if not isinstance(payload, dict):
            return getattr(payload, "path", None)
        if payload.get("is_file"):
            path = str(payload["name"])
        else:
            path = str(made.base64_to_temp_file_if_needed(payload["data"], payload["name"]))
        marked = (payload.get("crop_min") or 0, payload.get("crop_max") or 100)
        is_uploaded = Path(path).resolve().is_relative_to(upload_folder().resolve())
        if marked == (0, 100) or not is_uploaded:  # a program may name any file
            return path
        from .trimming import marked_part

        return str(marked_part(Path(path), *marked))

    made.preprocess = preprocess
    return made


def video_input(label: str, **known: Any) -> Any:
    """A clip from a file or a camera; the handler gets a path."""
    if is_old():
        known |= {"source": "upload", "mirror_webcam": False}
    else:
        known |= {"sources": ["upload", "webcam"]}
        if version()[0] >= 6:
            known |= {"buttons": [], "webcam_options": gradio().WebcamOptions(mirror=False)}
        else:
            known |= {"mirror_webcam": False, "show_share_button": False}
    made = _component("Video", label=label, include_audio=True, **known)
    return _as_it_is(made) if is_old() else made


def file_input(label: str, types: Sequence[str], many: bool = False, **known: Any) -> Any:
    """One file or several; the handler's value goes through ``paths_of``."""
    made = _component(
        "File",
        label=label,
        file_types=list(types),
        file_count="multiple" if many else "single",
        type="file" if is_old() else "filepath",
        **known,
    )
    return _as_it_is(made) if is_old() else made


def paths_of(value: Any) -> list[Path]:
    """The files of a component's value, in any gradio's form."""
    if value is None or value == "":
        return []
    if isinstance(value, (list, tuple)):
        return [path for each in value for path in paths_of(each)]
    if isinstance(value, dict):
        name = value.get("path") or value.get("name")
        return [Path(str(name))] if name else []
    if isinstance(value, (str, Path)):
        return [Path(value)]
    return [Path(str(value.name))]  # gradio 3's temporary file


def files_in(values: Iterable[Any]) -> list[Path]:
    """The files among a handler's values."""
    found: list[Path] = []
    for value in values:
        if isinstance(value, str) and not ("/" in value or "\\" in value):
            continue  # a choice, a number as text
        if isinstance(value, str) and len(value) > 4096:
            continue
        if isinstance(value, (str, list, dict)) or hasattr(value, "name"):
            found += paths_of(value)
    return found


def upload_folder() -> Path:
    """Where gradio keeps what was uploaded."""
    if is_old():
        components = importlib.import_module("gradio.components")
        return Path(str(getattr(components.Image(), "temp_dir", tempfile.gettempdir())))
    return Path(str(importlib.import_module("gradio.utils").get_upload_folder()))


def video_output(label: str, **known: Any) -> Any:
    """A player."""
    if version()[0] >= 6:
        known |= {"buttons": ["download"]}
    elif not is_old():
        known |= {"show_share_button": False, "show_download_button": True}
    else:
        known |= {"show_share_button": False}
    return _component("Video", label=label, interactive=False, **known)


def picture_output(label: str, **known: Any) -> Any:
    """A picture that is shown as it is; the handler gives a path."""
    if version()[0] >= 6:
        known |= {"buttons": ["download", "fullscreen"]}
    else:
        known |= {"show_download_button": True, "show_share_button": False}
    return _component("Image", label=label, type="filepath", interactive=False, **known)


def frame_output(label: str, **known: Any) -> Any:
    """A picture that goes on to other parts of a host, so it is written without loss."""
    if not is_old():
        known |= {"format": "png"}
    return _component("Image", label=label, type="pil", interactive=False, **known)


def gallery(label: str, **known: Any) -> Any:
    """Pictures to choose from."""
    if version()[0] >= 6:
        known |= {"buttons": [], "fit_columns": False}
    else:
        known |= {"show_download_button": False, "show_share_button": False}
    if not is_old():
        known |= {"interactive": False}
    return _component("Gallery", label=label, allow_preview=False, object_fit="contain", **known)


def html(value: str = "", **known: Any) -> Any:
    """Text with markup, without space around it."""
    if version()[0] >= 6:
        known |= {"padding": False}
    return _component("HTML", value=value, **known)


def tabs(**known: Any) -> Any:
    """Parts of a page; on a narrow one they wrap instead of hiding in a menu."""
    if version()[0] >= 6:
        known |= {"overflow_behavior": "wrap"}
    return _component("Tabs", **known)


def line_to_copy(label: str, **known: Any) -> Any:
    """A line that can be copied with one click."""
    if version()[0] >= 6:
        known |= {"buttons": ["copy"]}
    else:
        known |= {"show_copy_button": True}
    return _component("Textbox", label=label, interactive=False, max_lines=6, **known)


def component(name: str, **known: Any) -> Any:
    """A component that is the same in all versions."""
    if name == "Dropdown" and is_old():
        return titled_dropdown(_component, **known)
    return _component(name, **known)


def on(
    event: Any,
    fn: Callable[..., Any] | None,
    inputs: Sequence[Any] = (),
    outputs: Sequence[Any] = (),
    *,
    api_name: str | None = None,
    together: int | None = 1,
    queue: bool = True,
    js: str | None = None,
    latest_only: bool = False,
    progress: str = "hidden",
) -> Any:
    """Bind a handler.

    Args:
        event: such as ``button.click``.
        fn: the handler.
        inputs: components.
        outputs: components.
        api_name: its name for programs; None hides it from them.
        together: how many calls may run at once, None for any number.
        queue: False for what must never wait, such as a stop button.
        js: a function of the page that runs before.
        latest_only: while one call runs, keep only the last of those that come (gradio 4 on).
        progress: ``hidden``, ``minimal`` or ``full``, gradio's own bar over the outputs.
    """
    known: dict[str, Any] = {
        "fn": fn,
        "inputs": list(inputs),
        "outputs": list(outputs),
        "queue": queue,
        "api_name": api_name or False,
        "show_progress": progress,
    }
    if is_old():
        known |= {"_js": js}
        if fn is not None:
            known["inputs"] = with_visitor(fn, inputs, _visitor_state)
    else:
        known |= {"js": js, "concurrency_limit": together}
        if latest_only:
            known["trigger_mode"] = "always_last"
    if version()[0] >= 6:
        known.pop("api_name")
        if api_name is None:
            known["api_visibility"] = "private"
        else:
            known |= {"api_name": api_name, "api_visibility": "public"}
    return event(**known)


def _visitor_state(visitor: Visitor) -> Any:
    return _component("State", value=visitor)


def asks_who(fn: Callable[..., Any], parameter: str = "request") -> Callable[..., Any]:
    """Let gradio give ``fn`` the request: it looks at annotations, which are text in our files."""
    fn.__annotations__[parameter] = Visitor if is_old() else gradio().Request
    return fn


def gives_selection(fn: Callable[..., Any], parameter: str = "chosen") -> Callable[..., Any]:
    """The same for what was clicked in a gallery."""
    fn.__annotations__[parameter] = gradio().SelectData
    return fn


def name_parameters(fn: Callable[..., Any], names: Iterable[str]) -> Callable[..., Any]:
    """Names of a handler's inputs as programs see them, where it takes ``*values``."""
    kinds = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for name in dict.fromkeys(names)
    ]
    own = [p for p in inspect.signature(fn).parameters.values() if p.name == "request"]
    shown = [p.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for p in own]
    fn.__signature__ = inspect.Signature([*shown, *kinds])  # type: ignore[attr-defined]
    return fn


def update(**known: Any) -> Any:
    """Change a component; the form that all versions know."""
    return gradio().update(**known)


def session_of(request: Any) -> str:
    """Who asks: the same text for one open page; empty for a program that does not say."""
    return str(getattr(request, "session_hash", None) or "")


def tells_who_left() -> bool:
    """Whether a page that is closed is heard of; where there is no gradio there is no page."""
    return is_present() and not is_old()


def on_leave(page: Any, fn: Callable[..., Any]) -> None:
    """Call ``fn(request)`` when a page is closed; gradio 3 cannot tell."""
    if hasattr(page, "unload") and not is_old():
        page.unload(asks_who(fn))


def middleware(cls: type, **known: Any) -> Any:
    """A program around the page's server, as its framework takes it."""
    return importlib.import_module("starlette.middleware").Middleware(cls, **known)


def no_history(launch: Callable[..., Any]) -> dict[str, Any]:
    """Newer gradios remember what went in and out of a page beyond its end, if not told."""
    has_it = "run_history" in inspect.signature(launch).parameters
    return {"run_history": False} if has_it else {}


def start_queue(page: Any, together: int, most_waiting: int) -> None:
    """Turn the queue on."""
    known: dict[str, Any] = {"max_size": most_waiting, "api_open": True}
    if is_old():
        known["concurrency_count"] = together
    else:
        known["default_concurrency_limit"] = together
    page.queue(**known)
