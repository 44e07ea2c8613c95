"""Choosing a face by clicking on it, where a picture has several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..errors import TalkingPortraitsError
from ..faces.choose import choose_face
from ..faces.face import Face
from ..faces.options import FaceOptions
from ..jobs.values import read_value
from . import versions
from .controls import TITLES, Form, label_of_name
from .desk import Desk
from .face_finder import Seen
from .words import error_html, escape, for_page, note_html, picture_html

_ROOM = 0.12  # around a face, as part of its size
# Scripts in a page's text do not run, what an element does when it is clicked does.
_CLICK = (
    "const box=document.querySelector('#{box} textarea, #{box} input');"
    "box.value=this.dataset.face+' '+Date.now();"
    "box.dispatchEvent(new Event('input',{{bubbles:true}}))"
)


class FaceChoice:
    """The faces of one input, shown where there are several; made below that input.

    Args:
        desk: of the page.
        name: of this choice, for its elements.
        asks: what to do, such as "Click the one that speaks."
    """

    def __init__(self, desk: Desk, name: str, asks: str) -> None:
        gr = versions.gradio()
        self._desk, self._asks = desk, asks
        self._box = f"tp-{name}-face-clicked"
        self.shown: Any = versions.html("", visible=False, elem_id=f"tp-{name}-faces")
        with gr.Column(elem_classes="tp-hidden"):
            self._clicked: Any = versions.component(
                "Textbox", label="Face", max_lines=1, elem_id=self._box
            )

    def connect(
        self,
        source: Any,
        form: Form,
        answer: str = "face_index",
        meant: Callable[[Any, FaceOptions], FaceOptions] = lambda given, options: options,
    ) -> None:
        """Look for faces when ``source`` changes, and put the chosen one into an option.

        Args:
            source: the picture or video.
            form: with the options of finding faces.
            answer: the option that a click sets.
            meant: from its value and the options of finding faces to which face is chosen.
        """
        specs = [spec for spec in form.specs.values() if spec.name in _FACE_NAMES]
        names = [spec.name for spec in specs]
        controls = [form.components[name] for name in names]
        target = form.components[answer]
        more = [form.components["species"]] if "species" in form.components else []

        def look(value: Any, given: Any, *values: Any) -> tuple[Any, Any]:
            same, hidden = versions.update(), versions.update(visible=False)
            paths = versions.paths_of(value)
            if not paths or (more and values[-1] == "animal"):
                return hidden, same
            try:
                self._desk.pages.check(paths)
                known = {spec.name: read_value(spec, each) for spec, each in zip(specs, values)}
                options = FaceOptions(**known)
                seen = self._desk.finder.seen(paths[0], options)
                options = meant(given, options)
            except TalkingPortraitsError as error:
                said = error_html(for_page(str(error), paths, self._desk.host.program()))
                return versions.update(value=said, visible=True), same
            except OSError:
                return hidden, same  # it is gone already
            text = self._html(seen, options)
            wanted = str(given or "").strip()
            is_beyond = (
                wanted.isascii() and wanted.isdigit() and int(wanted) >= max(1, len(seen.faces))
            )
            return (
                versions.update(value=text, visible=bool(text)),
                versions.update(value=_default(form, answer)) if is_beyond else same,
            )

        def take(text: str) -> Any:
            number = str(text or "").split(" ")[0]
            return versions.update(value=number) if number.isdigit() else versions.update()

        inputs = [source, target, *controls, *more]
        for each in dict.fromkeys((source, target, *controls, *more)):
            versions.on(each.change, look, inputs, [self.shown, target], latest_only=True)
        versions.on(self._clicked.change, take, [self._clicked], [target], queue=False)

    def _html(self, seen: Seen, options: FaceOptions) -> str:
        if not seen.faces:
            return note_html(
                "No face was found here. Choose another picture, or lower "
                f'"{label_of_name("detection_threshold")}" under "{TITLES["face"]}".'
            )
        if len(seen.faces) == 1:
            return ""
        try:
            chosen = choose_face(seen.faces, options, seen.size)
        except TalkingPortraitsError:
            chosen = None
        count = len(seen.faces)
        frames = "".join(
            self._button(index, _box_of(face, seen.size), face is chosen)
            for index, face in enumerate(seen.faces)
        )
        return (
            f'<div class="tp-status"><b>{count} faces were found.</b> {escape(self._asks)}'
            f'<div class="tp-faces">{picture_html(seen.jpeg, "The picture with its faces", "")}'
            f"{frames}</div></div>"
        )

    def _button(self, index: int, box: Sequence[float], is_chosen: bool) -> str:
        left, top, width, height = (f"{100 * value:.2f}%" for value in box)
        kind = "tp-face tp-face-chosen" if is_chosen else "tp-face"
        return (
            f'<button type="button" class="{kind}" data-face="{index}" '
            f'aria-label="Face {index}" aria-pressed="{str(is_chosen).lower()}" '
            f'style="left:{left};top:{top};width:{width};height:{height}" '
            f'onclick="{_CLICK.format(box=self._box)}"><span>{index}</span></button>'
        )


_FACE_NAMES = frozenset(FaceOptions.__dataclass_fields__)


def _default(form: Form, name: str) -> Any:
    default = form.specs[name].default
    return "" if default is None else default


def _box_of(face: Face, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, width and height as parts of the picture, with some room around."""
    height, width = size
    x0, y0, x1, y1 = face.box_px.tolist()
    room_x, room_y = _ROOM * (x1 - x0), _ROOM * (y1 - y0)
    left, top = max(0.0, (x0 - room_x) / width), max(0.0, (y0 - room_y) / height)
    right, bottom = min(1.0, (x1 + room_x) / width), min(1.0, (y1 + room_y) / height)
    return left, top, right - left, bottom - top
