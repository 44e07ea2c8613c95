"""The half of a page where a job is watched and its result shown."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import OptionError, TalkingPortraitsError
from ..media.thumbnails import frame_at
from ..weights.catalog import WeightFile
from . import versions
from .any_job import Job, Result, files_of
from .desk import Desk
from .keeping import PLAYABLE, frames_of, keep_settings
from .words import (
    Progress,
    done_html,
    error_html,
    for_page,
    note_html,
    progress_html,
    result_sentence,
)
from .work import TICK_S, Run

LOST = "The answer did not reach this page; look into Gallery, or try again."
# The button is dead at once, and what came to no answer does not move for ever.
_ASKED = "() => [{status}, {{__type__: 'update', interactive: false}}]"
_LOST = (
    "() => [document.querySelector('#tp-{part}-status .tp-working') && "
    "!document.querySelector('#tp-{part}-go').disabled ? {status} : {{__type__: 'update'}}]"
)
SEARCH_S = 60.0  # how long the loss of an old page may take to be heard of after its reload


class Panel:
    """Status, result and the two buttons of one part of a page.

    Args:
        desk: of the page.
        part: its name, for stopping and for programs.
        label: of the button.
        empty: what is said before anything was made.
        picture_px: height of a picture that was made.
        stopped: what is said when it was stopped.
    """

    def __init__(
        self,
        desk: Desk,
        part: str,
        label: str,
        empty: str,
        picture_px: int | None = None,
        stopped: str = "Stopped. Nothing was written.",
    ) -> None:
        self.desk, self.part, self._stopped, self._empty = desk, part, stopped, empty
        self._last: dict[str, Path] = {}
        self._inputs: list[Any] = []
        self._asked: dict[str, Sequence[Any]] = {}
        desk.on_leave(self._forget)
        self._sender: Any = None
        self._add_buttons(label)
        self.status = versions.html(note_html(empty), elem_id=f"tp-{part}-status")
        self.video = versions.video_output(
            "Result", visible=False, autoplay=True, elem_id=f"tp-{part}-video"
        )
        self.picture = versions.picture_output(
            "Result", visible=False, height=picture_px, elem_id=f"tp-{part}-picture"
        )
        self.files = versions.component(
            "File",
            label="Files",
            visible=False,
            interactive=False,
            file_count="multiple",
            elem_id=f"tp-{part}-files",
        )
        if desk.host.sends_pictures:
            self._add_sender()

    def _add_buttons(self, label: str) -> None:
        gr = versions.gradio()
        with gr.Row(elem_classes="tp-buttons"):
            self.go: Any = versions.component(
                "Button", value=label, variant="primary", size="lg", elem_id=f"tp-{self.part}-go"
            )
            self.stop: Any = versions.component(
                "Button",
                value="Stop",
                variant="stop",
                size="lg",
                visible=False,
                elem_id=f"tp-{self.part}-stop",
            )

    def _add_sender(self) -> None:
        """Any frame of the result for other parts of the host."""
        # Nothing can be sent before something was made.
        self._sender = versions.component(
            "Accordion", label="Send a frame to other tabs", open=False, visible=False
        )
        with self._sender:
            where = versions.component(
                "Slider",
                minimum=0,
                maximum=1,
                step=0.01,
                value=0,
                label="Where in the video",
                info="0 is the first frame, 1 the last.",
            )
            take = versions.component("Button", value="Take this frame")
            frame = versions.frame_output("Frame", height=240, elem_id=f"tp-{self.part}-frame")
            self.desk.host.add_senders(frame)

        def taken(share: float, request: Any) -> Any:
            path = self._last.get(versions.session_of(request))
            if path is None or not path.is_file():
                return None
            return frame_at(path, float(share or 0)).permute(1, 2, 0).numpy()

        versions.on(take.click, versions.asks_who(taken), [where], [frame])

    @property
    def outputs(self) -> list[Any]:
        """What a run changes."""
        return [self.status, self.video, self.picture, self.files, self.go, self.stop]

    def bind(self, inputs: Sequence[Any], names: Sequence[str], job_of: Callable[..., Job]) -> None:
        """Run ``job_of(*values)`` when the button is pressed."""

        def work(values: Sequence[Any]) -> Callable[[Run], Result]:
            job = job_of(*values)
            return lambda run: self.keep(run, job, self.desk.runs.make(run, job))

        self.bind_work(inputs, names, work, self._shown_result)

    def bind_work(
        self,
        inputs: Sequence[Any],
        names: Sequence[str],
        work_of: Callable[[Sequence[Any]], Callable[[Run], Any]],
        shown: Callable[[Run], tuple[Any, ...]],
        waits: bool = True,
    ) -> Any:
        """The same for any work, and the event, to go on from.

        Args:
            inputs: components.
            names: of them, for programs.
            work_of: from their values to what is done.
            shown: status, video, picture and files at its end.
            waits: for its turn, see ``Runs.follow``.
        """

        def handle(request: Any, *values: Any) -> Iterator[tuple[Any, ...]]:
            owner = versions.session_of(request) or secrets.token_hex(8)
            self._asked[owner] = values
            paths = versions.files_in(values)
            try:
                work = work_of(values)
            except TalkingPortraitsError as error:
                program = self.desk.host.program()
                yield self._refused(owner, for_page(str(error), paths, program, self.part))
                return
            # A double click asks twice for the same.
            runs = self.desk.runs.follow(
                owner, self.part, work, waits, values, lambda: self.desk.pages.reading(paths)
            )
            with contextlib.closing(runs):
                try:
                    yield from self._watched(owner, runs, shown)
                except OptionError as error:  # what runs is shown on
                    same = versions.update()
                    yield (error_html(str(error)), same, same, same, *self._buttons(owner))

        self._inputs = list(inputs)
        versions.asks_who(handle)
        versions.name_parameters(handle, names)
        js = _ASKED.format(status=json.dumps(progress_html(Progress())))
        versions.on(self.go.click, None, [], [self.status, self.go], js=js, queue=False)
        # All may come at once: they wait in a queue of ours, which says their place.
        event = versions.on(
            self.go.click, handle, inputs, self.outputs, api_name=self.part, together=None
        )

        def went_on(request: Any) -> Iterator[tuple[Any, ...]]:
            owner = versions.session_of(request)
            runs = self._found_again(owner)
            if runs is None:
                yield (*(versions.update() for _ in self.outputs), versions.update())
                return
            with contextlib.closing(runs):
                shows_part = versions.update(selected=self.part)
                for outputs in self._watched(owner, runs, shown):
                    yield (*outputs, shows_part)
                    shows_part = versions.update()  # then they may look elsewhere

        if not versions.is_old():
            opened = self.desk.page.load
            outputs = [*self.outputs, self.desk.tabs]
            versions.on(opened, versions.asks_who(went_on), [], outputs, together=None)

        def stop(request: Any) -> Any:
            found = self.desk.runs.stop(versions.session_of(request), self.part)
            return versions.update(value="Stopping" if found else "Stop", interactive=not found)

        versions.on(self.stop.click, versions.asks_who(stop), [], [self.stop], queue=False)
        # Whatever became of the run: a fault of gradio's own must not leave the page dead.
        more = [] if self._sender is None else [self._sender]

        def rest(request: Any) -> Any:
            owner = versions.session_of(request)
            shown = versions.update(visible=owner in self._last)
            return *self._buttons(owner), *(shown for _ in more)

        buttons = [self.go, self.stop, *more]
        rested = versions.on(event.then, versions.asks_who(rest), [], buttons, queue=False)
        js = _LOST.format(part=self.part, status=json.dumps(error_html(LOST)))
        versions.on(rested.then, None, [], [self.status], js=js, queue=False)
        return event

    def _found_again(self, owner: str) -> Generator[Run, None, None] | None:
        """A job of this part whose page was closed: mostly this page before it was loaded anew."""
        end = time.monotonic() + SEARCH_S
        while self.desk.runs.may_be_left(self.part) and time.monotonic() < end:
            runs = self.desk.runs.take_over(owner, self.part)
            if runs is not None:
                return runs
            time.sleep(TICK_S)
        return None

    def goes_with(self, *inputs: Any) -> None:
        """Take the result away when one of ``inputs`` changes: it was not made from that.

        The news of a change may come after the result that was made from it; then it stays.
        """
        outputs = self.outputs[:4] + ([] if self._sender is None else [self._sender])
        places = [self._inputs.index(each) for each in inputs]

        def changed(request: Any, said: str, *now: Any) -> Any:
            owner = versions.session_of(request)
            asked = self._asked.get(owner)
            is_same = asked is not None and all(
                versions.paths_of(asked[place]) == versions.paths_of(value)
                for place, value in zip(places, now)
            )
            if is_same or self.desk.runs.is_busy(owner, self.part):
                return [versions.update() for _ in outputs]
            self._last.pop(owner, None)
            # Other sentences are not about a result, nor is the one about settings put back.
            is_old = any(kind in str(said) for kind in ("tp-done", "tp-error"))
            is_old = is_old and not self.desk.was_filled(owner)
            status = versions.update(value=note_html(self._empty)) if is_old else versions.update()
            return [status, *(versions.update(visible=False) for _ in outputs[1:])]

        versions.asks_who(changed)
        for each in inputs:
            versions.on(each.change, changed, [self.status, *inputs], outputs, queue=False)

    def _forget(self, owner: str) -> None:
        """A page was closed."""
        self._asked.pop(owner, None)
        self._last.pop(owner, None)

    def _watched(
        self, owner: str, runs: Iterator[Run], shown: Callable[[Run], tuple[Any, ...]]
    ) -> Iterator[tuple[Any, ...]]:
        same = versions.update()
        hidden = versions.update(visible=False)
        is_first, last = True, ""
        run = Run(owner)
        for run in runs:
            if run.finished.is_set() or run.was_stopped:
                break
            status = progress_html(run.progress, run.place)
            if is_first:
                is_first = False
                self._last.pop(owner, None)
                go = versions.update(interactive=False)
                stop = versions.update(visible=True, interactive=True, value="Stop")
                yield (status, hidden, hidden, hidden, go, stop)
            elif status != last:
                yield (status, same, same, same, same, same)
            last = status
        yield (*self._ended(run, shown), *self._buttons(owner))

    def _ended(self, run: Run, shown: Callable[[Run], tuple[Any, ...]]) -> tuple[Any, ...]:
        hidden = versions.update(visible=False)
        self._last.pop(run.owner, None)
        if run.was_stopped:
            return (note_html(self._stopped), hidden, hidden, hidden)
        if run.error:
            return (error_html(run.error), hidden, hidden, hidden)
        try:
            return shown(run)
        except (TalkingPortraitsError, OSError) as error:
            text = f"It was made, but cannot be shown here: {for_page(str(error))}"
            return (error_html(text), hidden, hidden, hidden)

    def _refused(self, owner: str, sentence: str) -> tuple[Any, ...]:
        hidden = versions.update(visible=False)
        self._last.pop(owner, None)
        return (error_html(sentence), hidden, hidden, hidden, *self._buttons(owner))

    def _buttons(self, owner: str) -> tuple[Any, Any]:
        """They rest when nothing of this part of this page is left to stop."""
        if self.desk.runs.is_busy(owner, self.part):
            return versions.update(interactive=False), versions.update(visible=True)
        return versions.update(interactive=True), versions.update(visible=False, value="Stop")

    def _shown_result(self, run: Run) -> tuple[Any, ...]:
        result: Result = run.value
        self.remember(run.owner, result.path)
        notes = [for_page(one, command=self.part) for one in result.warnings]
        notes += licence_notes(result.weights)
        if result.path.is_dir():
            notes.insert(0, folder_note(self.desk, result.path))
        return (
            done_html(result_sentence(result, folder_told(self.desk)), notes),
            *shown_files(self.desk, result.path),
        )

    def remember(self, owner: str, path: Path) -> None:
        """The result that frames are taken from."""
        self._last[owner] = path

    def keep(self, run: Run, job: Job, result: Result) -> Result:
        """Write the settings beside a result, and note whose it is."""
        keep_settings(result.path, job, result)
        self.desk.pages.made(run.owner, result.path, files_of(job))
        return result


def shown_files(desk: Desk, path: Path) -> tuple[Any, Any, Any]:
    """Updates of player, picture and files for a result."""
    hidden = versions.update(visible=False)
    suffix = path.suffix.lower()
    if path.is_dir():
        first = frames_of(path)[0]
        files = hidden
        if desk.host.is_shared:
            files = versions.update(value=[str(desk.pages.archive_of(path))], visible=True)
        return hidden, versions.update(value=str(first), visible=True), files
    files = versions.update(value=[str(path)], visible=True)
    if suffix in PLAYABLE:
        return versions.update(value=str(path), visible=True), hidden, hidden
    if suffix == ".png":
        return hidden, versions.update(value=str(path), visible=True), hidden
    return hidden, hidden, files


def folder_told(desk: Desk) -> str:
    """Where results are, for who sits at the machine."""
    return "" if desk.host.is_shared else str(desk.host.output_folder())


def folder_note(desk: Desk, path: Path) -> str:
    """Where the pictures of a result are, of which the page shows the first."""
    count = len(frames_of(path))
    if desk.host.is_shared:
        return f"{count} pictures, the first is shown; all are in the file below."
    return f"{count} pictures, the first is shown; all are in the folder {path}"


def licence_notes(weights: Sequence[WeightFile]) -> list[str]:
    """Terms of downloaded weights that a result was made with."""
    terms = dict.fromkeys(file.licence for file in weights if file.urls or file.repository)
    return [f"Licence of the weights: {one}" for one in terms]
