"""The tab in a web UI that is made of stand-ins: what it asks of the host, and when."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from sadtalker_core.errors import Cancelled, WeightsError
from sadtalker_core.jobs.settings import build_job
from sadtalker_core.ui import page, talk, webui_host, work

from .conftest import ROOT, needs_gradio

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class State:
    interrupted = skipped = stopping_generation = False
    job = ""
    job_count = 0
    sampling_step = sampling_steps = 0
    textinfo = ""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.images: list[Any] = []

    def begin(self, job: str = "", /) -> None:
        self.log.append("begin")
        self.job, self.interrupted = job, False

    def end(self) -> None:
        self.log.append("end")
        self.job, self.job_count = "", 0

    def assign_current_image(self, image: Any) -> None:
        self.images.append(image)


class Binding:
    def __init__(self, paste_button: Any, tabname: str, source_image_component: Any) -> None:
        self.tabname, self.source = tabname, source_image_component


class Host:
    """A web UI's ``modules``."""

    def __init__(self, data: Path) -> None:
        self.state, self.lock = State(), threading.Lock()
        self.options: dict[str, Any] = {}
        self.tabs: list[Any] = []
        self.settings: list[Any] = []
        self.after: list[Any] = []
        self.bindings: list[Binding] = []
        self.fields: dict[str, Any] = {}
        opts = types.SimpleNamespace(add_option=self.options.__setitem__)
        callbacks = types.SimpleNamespace(
            on_ui_tabs=self.tabs.append,
            on_ui_settings=self.settings.append,
            on_after_component=self.after.append,
        )
        self.modules: dict[str, Any] = {
            "shared": types.SimpleNamespace(
                state=self.state, opts=opts, OptionInfo=lambda *a, **k: (a, k)
            ),
            "call_queue": types.SimpleNamespace(queue_lock=self.lock),
            "paths": types.SimpleNamespace(
                data_path=str(data), models_path=str(data / "models"), script_path="/elsewhere"
            ),
            "paths_internal": types.SimpleNamespace(default_output_dir=str(data / "outputs")),
            "script_callbacks": callbacks,
            "infotext_utils": types.SimpleNamespace(
                ParamBinding=Binding,
                registered_param_bindings=self.bindings,
                register_paste_params_button=self.bindings.append,
                create_buttons=lambda names: {
                    name: types.SimpleNamespace(name=name) for name in names
                },
                add_paste_fields=lambda tab, image, fields: self.fields.update({tab: image}),
            ),
        }


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host(tmp_path / "data")
    package = types.ModuleType("modules")
    monkeypatch.setitem(sys.modules, "modules", package)
    for name, module in made.modules.items():
        monkeypatch.setitem(sys.modules, f"modules.{name}", module)
        monkeypatch.setattr(package, name, module, raising=False)
    return made


def test_folders_are_the_hosts(host: Host, tmp_path: Path) -> None:
    ours = webui_host.WebuiHost()
    data = tmp_path / "data"
    assert ours.output_folder() == data / "outputs" / "talking-portraits"
    assert Path(ours.models_dir()).parent == data / "models"
    assert ours.temp_folder().is_relative_to(data)
    host.modules["shared"].opts.talking_portraits_out_dir = "mine"
    assert ours.output_folder() == data / "mine"
    assert not ours.may_download


@pytest.mark.parametrize(
    ("flags", "keeps"),
    [
        ({}, True),
        ({"listen": False, "server_name": None}, True),
        ({"listen": True}, False),
        ({"server_name": "0.0.0.0"}, False),
        ({"gradio_auth": "me:secret"}, False),
    ],
)
def test_jobs_outlive_their_page_only_where_the_next_one_is_the_same_persons(
    host: Host, flags: dict[str, Any], keeps: bool
) -> None:
    host.modules["shared"].cmd_opts = types.SimpleNamespace(**flags)
    assert webui_host.WebuiHost().keeps_jobs is keeps


def test_missing_weights_say_the_line_that_gets_them_here(host: Host, tmp_path: Path) -> None:
    ours = webui_host.WebuiHost()
    demo = Path(talk.DEMO)
    job = build_job(
        {
            "portrait": demo / "portrait.png",
            "audio": demo / "voice.flac",
            "out": tmp_path / "me.mp4",
            "engine": "sadtalker",
            "models_dir": ours.models_dir(),
        }
    )
    runs = work.Runs(ours)
    with pytest.raises(WeightsError) as told:
        runs.make(work.Run("me"), job)
    line = f"{ours.program()} models download sadtalker-small --models-dir {ours.models_dir()}"
    assert ours.program() != "talking-portraits"
    assert str(told.value).endswith(line)


def test_a_start_removes_what_was_temporary_long_ago(host: Host) -> None:
    folder = webui_host.WebuiHost().temp_folder() / "posters"
    folder.mkdir()
    old, new = folder / "old.jpg", folder / "new.jpg"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    webui_host.WebuiHost()
    assert not old.exists()
    assert new.exists()


def test_a_job_holds_the_queue_and_tells_its_state(host: Host) -> None:
    ours = webui_host.WebuiHost()
    with ours.turn("me", lambda: False):
        assert host.lock.locked()
        assert host.state.job == "Talking Portraits"
        ours.step("render", 5, 10)
        assert (host.state.sampling_step, host.state.sampling_steps) == (5, 10)
        assert not ours.is_stopped()
        host.state.interrupted = True
        assert ours.is_stopped()
    assert host.state.log == ["begin", "end"]
    assert not host.state.interrupted
    assert not host.lock.locked()


def test_the_queue_is_given_back_after_a_fault(host: Host) -> None:
    ours = webui_host.WebuiHost()
    with pytest.raises(ZeroDivisionError), ours.turn("me", lambda: False):
        raise ZeroDivisionError
    assert host.state.log == ["begin", "end"]
    assert not host.lock.locked()


def test_who_was_stopped_while_waiting_does_not_begin(host: Host) -> None:
    with pytest.raises(Cancelled), webui_host.WebuiHost().turn("me", lambda: True):
        raise AssertionError("it began")
    assert host.state.log == []
    assert not host.lock.locked()


def test_a_job_says_that_the_host_is_busy(host: Host) -> None:
    ours = webui_host.WebuiHost()
    places: list[int] = []

    def job() -> None:
        with ours.turn("me", lambda: False):
            places.append(ours.place("me"))

    thread = threading.Thread(target=job)
    with host.lock:
        thread.start()
        deadline = time.monotonic() + 10
        while not ours.place("me") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert ours.place("me") == 1
        assert ours.place("somebody who does not wait") == 0
    thread.join()
    assert places == [0]
    assert ours.place("me") == 0


def test_a_place_in_the_hosts_line_can_be_given_up(host: Host) -> None:
    ours, gone = webui_host.WebuiHost(), threading.Event()
    ended: list[str] = []

    def wait() -> None:
        try:
            with ours.turn("me", gone.is_set):
                ended.append("began")
        except Cancelled:
            ended.append("stopped")

    with host.lock:
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        waiting.join(0.4)
        assert waiting.is_alive(), "the host has its turn"
        gone.set()
        waiting.join(3)
        assert ended == ["stopped"], "while the host is still at it"
    assert host.lock.acquire(timeout=3), "whoever stood there gives it back"
    host.lock.release()
    assert host.state.log == []


def test_frames_are_live_previews(host: Host) -> None:
    ours = webui_host.WebuiHost()
    ours.show(torch.full((3, 900, 1800), 0.5))
    assert host.state.images[0].size == (768, 384)
    host.modules["shared"].opts.live_previews_enable = False
    assert not ours.wants_frame()


def test_the_old_name_of_the_paste_module_does(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    module = host.modules["infotext_utils"]
    package = sys.modules["modules"]
    monkeypatch.delattr(package, "infotext_utils")
    monkeypatch.delitem(sys.modules, "modules.infotext_utils")
    monkeypatch.setattr(package, "generation_parameters_copypaste", module, raising=False)
    assert webui_host.paste_parameters() is module


def test_an_empty_new_paste_module_is_passed_over(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = host.modules["infotext_utils"]
    package = sys.modules["modules"]
    empty = types.ModuleType("modules.infotext_utils")
    monkeypatch.setattr(package, "infotext_utils", empty, raising=False)
    monkeypatch.setitem(sys.modules, "modules.infotext_utils", empty)
    monkeypatch.setattr(package, "generation_parameters_copypaste", module, raising=False)
    assert webui_host.paste_parameters() is module


@needs_gradio
class TestTab:
    @pytest.fixture
    def tab(self, host: Host) -> Any:
        """The tab file, run as the web UIs run it."""
        path = ROOT / "scripts" / "sadtalker_tab.py"
        spec = importlib.util.spec_from_file_location("sadtalker_tab", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def test_tab_settings_and_buttons(self, host: Host, tab: Any) -> None:
        import gradio as gr  # pyright: ignore[reportMissingImports]

        host.settings[0]()
        assert set(host.options) == {"talking_portraits_out_dir", "talking_portraits_send_buttons"}
        with gr.Blocks():
            gallery = gr.Gallery(elem_id="txt2img_gallery")
            host.after[0](gallery, elem_id="txt2img_gallery")
            host.after[0](gr.Button("x"), elem_id="txt2img_send_to_extras")
        ((blocks, title, name),) = host.tabs[0]()
        assert (title, name) == ("Talking Portraits", "talking_portraits")
        assert [b.tabname for b in host.bindings if b.source is gallery] == ["talking_portraits"]
        assert {b.tabname for b in host.bindings} > {"img2img", "extras"}
        assert host.fields["talking_portraits"].elem_id == "tp-talk-portrait"
        labels = [getattr(block, "value", "") for block in blocks.blocks.values()]
        assert "Download here" not in labels, "nothing is downloaded in a web UI"

    def test_a_fault_leaves_the_host_whole(
        self, host: Host, tab: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import gradio as gr  # pyright: ignore[reportMissingImports]

        with gr.Blocks():
            host.after[0](gr.Gallery(), elem_id="img2img_gallery")
            host.after[0](gr.Button("x"), elem_id="img2img_send_to_extras")
        assert len(host.bindings) == 1

        def fail(*args: Any) -> None:
            raise RuntimeError("<b>broken</b>")

        monkeypatch.setattr(page, "_lay_out", fail)
        ((blocks, _, _),) = host.tabs[0]()
        assert host.bindings == [], "the host would fail over a button to nowhere"
        texts = [str(getattr(block, "value", "")) for block in blocks.blocks.values()]
        assert any("&lt;b&gt;broken" in text for text in texts)

    def test_missing_packages_leave_a_tab_that_says_so(
        self, host: Host, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(page.NEEDED, "no_such_package", "no-such-package")
        path = ROOT / "scripts" / "sadtalker_tab.py"
        spec = importlib.util.spec_from_file_location("sadtalker_tab", path)
        assert spec is not None
        assert spec.loader is not None
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        assert host.after == []
        ((blocks, _, _),) = host.tabs[0]()
        texts = [str(getattr(block, "value", "")) for block in blocks.blocks.values()]
        assert any("no-such-package" in text for text in texts)
