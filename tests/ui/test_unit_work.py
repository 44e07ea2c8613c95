"""Runs: their turns, their end, and what belongs to whom; without gradio."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sadtalker_core.errors import Cancelled, MediaError, OptionError
from sadtalker_core.ui import keeping, work
from sadtalker_core.ui.host import LocalHost, Turns, UiHost, result_name
from sadtalker_core.ui.work import Run, Runs, with_suffix_of


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalHost:
    monkeypatch.setattr(work, "TICK_S", 0.01)
    return LocalHost(tmp_path / "out", tmp_path / "temp")


def last(runs: Runs, what: Any, owner: str = "a", **known: Any) -> Run:
    return list(runs.follow(owner, "talk", what, **known))[-1]


def test_a_run_gives_its_value(host: LocalHost) -> None:
    runs = Runs(host)
    run = last(runs, lambda run: 7)
    assert (run.value, run.error, run.was_stopped, runs.count()) == (7, "", False, 0)


def test_errors_are_sentences(host: LocalHost) -> None:
    def wrong(run: Run) -> None:
        raise OptionError("seed is -1.")

    def broken(run: Run) -> None:
        raise ZeroDivisionError("by zero")

    def full(run: Run) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 3 GiB")

    runs = Runs(host)
    assert last(runs, wrong).error == "seed is -1."
    assert "ZeroDivisionError" in last(runs, broken).error
    assert "ran out of memory" in last(runs, full).error


def wait_until_stopped(run: Run) -> None:
    if run.stopped.wait(5):
        raise Cancelled("stopped")


def test_stop_reaches_the_runs_of_one_owner_and_part(host: LocalHost) -> None:
    runs = Runs(host)
    follow = runs.follow("a", "talk", wait_until_stopped)
    run = next(follow)
    assert runs.stop("b") == 0
    assert runs.stop("a", "drive") == 0
    assert not run.stopped.is_set()
    assert runs.stop("a", "talk") == 1
    assert list(follow)[-1].was_stopped


@pytest.mark.parametrize("is_shared", [False, True])
def test_a_run_stops_with_its_page_where_nobody_could_find_it_again(
    host: LocalHost, is_shared: bool
) -> None:
    host.keeps_jobs = not is_shared
    runs = Runs(host, hears_of_leaving=is_shared)
    follow = runs.follow("a", "talk", wait_until_stopped)
    run = next(follow)
    follow.close()
    runs.left("a")
    assert run.finished.wait(5)
    assert run.was_stopped
    assert runs.take_over("b", "talk") is None
    assert not runs.may_be_left("talk")


@pytest.mark.parametrize("is_closed_first", [True, False])
def test_a_run_goes_on_when_its_page_is_closed_and_another_takes_it_over(
    host: LocalHost, monkeypatch: pytest.MonkeyPatch, is_closed_first: bool
) -> None:
    monkeypatch.setattr(work, "CANCEL_S", 0.05)
    runs, may_end, held = Runs(host), threading.Event(), []

    @contextlib.contextmanager
    def holding() -> Generator[None, None, None]:
        held.append("uploads")
        yield
        held.clear()

    def what(run: Run) -> int:
        assert may_end.wait(5)
        assert held
        return 7

    follow = runs.follow("a", "talk", what, holding=holding)
    run = next(follow)
    steps = [follow.close, lambda: runs.left("a")]
    for step in steps if is_closed_first else reversed(steps):
        step()
    time.sleep(0.1)
    assert not run.stopped.is_set()
    assert runs.may_be_left("talk")
    assert not runs.may_be_left("drive")
    assert runs.take_over("b", "drive") is None
    other = runs.follow("c", "talk", wait_until_stopped)
    next(other)
    assert runs.take_over("c", "talk") is None, "one at a time"
    again = runs.take_over("b", "talk")
    assert again is not None
    assert next(again) is run
    runs.left("e")
    assert runs.take_over("e", "talk") is None, "a page that is closed takes nothing"
    assert (run.owner, runs.is_busy("b", "talk"), runs.is_busy("a", "talk")) == ("b", True, False)
    assert runs.take_over("d", "talk") is None, "only one page has it"
    may_end.set()
    assert list(again)[-1].value == 7
    assert not held
    assert not runs.take_ended_alone(), "it was watched"
    runs.stop("c")
    list(other)


def test_a_closed_page_takes_no_run_from_the_next(host: LocalHost) -> None:
    runs = Runs(host)
    follow = runs.follow("a", "talk", wait_until_stopped)
    run = next(follow)
    for owner in ("b", "a"):
        runs.left(owner)
    assert runs.take_over("b", "talk") is None
    # The same page comes back after a lost connection: it is nobody's to take any more.
    back = runs.follow("a", "talk", wait_until_stopped, asked=None)
    assert next(back).owner == "a"
    taken = runs.take_over("c", "talk")
    assert taken is not None
    assert next(taken) is run
    for owner in ("a", "c"):
        runs.stop(owner)
    assert list(taken)[-1].was_stopped
    assert list(back)[-1].was_stopped
    follow.close()


def test_who_presses_again_after_a_lost_connection_has_the_run_back(host: LocalHost) -> None:
    runs = Runs(host)
    first = runs.follow("a", "talk", wait_until_stopped, asked=1)
    run = next(first)
    runs.left("a")
    again = runs.follow("a", "talk", wait_until_stopped, asked=1)
    assert next(again) is run
    assert runs.take_over("b", "talk") is None
    assert runs.stop("a") == 1
    assert list(again)[-1].was_stopped
    first.close()


def test_what_ended_unwatched_is_told_once(host: LocalHost) -> None:
    runs, may_end = Runs(host), threading.Event()
    follow = runs.follow("a", "talk", lambda run: may_end.wait(5))
    run = next(follow)
    runs.left("a")
    follow.close()
    may_end.set()
    assert run.finished.wait(5)
    assert runs.take_ended_alone() == [run]
    assert not runs.take_ended_alone()


def test_a_program_that_cancels_stops_its_run(
    host: LocalHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "CANCEL_S", 0.05)
    runs = Runs(host)
    follow = runs.follow("a", "talk", wait_until_stopped)
    run = next(follow)
    follow.close()
    assert run.finished.wait(5)
    assert run.was_stopped


def test_who_asks_twice_for_the_same_follows_one_run(host: LocalHost) -> None:
    runs = Runs(host)
    may_end, made = threading.Event(), []

    def what(run: Run) -> int:
        assert may_end.wait(5)
        made.append(1)
        raise OptionError("There is no face.")

    first = runs.follow("a", "talk", what, asked=("me.png",))
    second = runs.follow("a", "talk", what, asked=("me.png",))
    assert next(first) is next(second)
    assert (runs.count(), runs.is_busy("a", "talk")) == (1, True)
    assert not runs.is_busy("a", "drive")
    assert not runs.is_busy("b", "talk")
    may_end.set()
    said = [list(each)[-1].error for each in (second, first)]
    assert said == ["There is no face."] * 2
    assert (len(made), runs.is_busy("a", "talk")) == (1, False)


def test_one_page_makes_one_thing_in_a_part_at_a_time(
    host: LocalHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The last run waits for those that nobody follows any longer.
    monkeypatch.setattr(work, "CANCEL_S", 0.05)
    runs = Runs(host)
    first = runs.follow("a", "talk", wait_until_stopped, asked=("me.png",))
    run = next(first)
    with pytest.raises(OptionError, match="already"):
        next(runs.follow("a", "talk", wait_until_stopped, asked=("you.png",)))
    others = [("a", "drive", ("me.png",)), ("b", "talk", ("me.png",)), ("a", "talk", None)]
    rest = [
        runs.follow(owner, part, wait_until_stopped, asked=asked) for owner, part, asked in others
    ]
    assert len({id(run), *(id(next(each)) for each in rest)}) == 4
    for each in rest:
        each.close()
    runs.stop("a", "talk")
    again = runs.follow("a", "talk", lambda run: 8, asked=("me.png",))
    assert list(again)[-1].value == 8, "what is being stopped is not followed"
    assert list(first)[-1].was_stopped


def test_a_run_goes_on_while_anybody_follows_it(host: LocalHost) -> None:
    runs = Runs(host, hears_of_leaving=False)
    follows = [runs.follow("a", "talk", wait_until_stopped, asked=1) for _ in range(2)]
    run = [next(each) for each in follows][0]
    follows[0].close()
    assert not run.stopped.is_set()
    follows[1].close()
    assert run.stopped.is_set()


def test_twenty_runs_take_turns_in_order_and_none_is_lost(host: LocalHost) -> None:
    runs = Runs(host)
    busy = threading.Lock()
    done: list[int] = []

    def one(number: int) -> Any:
        def what(run: Run) -> int:
            assert busy.acquire(blocking=False), "two at once"
            time.sleep(0.005)
            done.append(number)
            busy.release()
            return number

        return what

    follows = [runs.follow(f"p{number}", "talk", one(number)) for number in range(20)]
    firsts = [next(follow) for follow in follows]
    ends = [[first, *follow][-1] for first, follow in zip(firsts, follows)]
    assert [run.value for run in ends] == list(range(20))
    assert done == list(range(20))


def test_who_is_stopped_while_waiting_never_runs(host: LocalHost) -> None:
    runs = Runs(host)
    first = runs.follow("a", "talk", wait_until_stopped)
    next(first)
    ran: list[int] = []
    second = runs.follow("b", "talk", lambda run: ran.append(1))
    assert next(second).place == 1
    runs.stop("b")
    assert list(second)[-1].was_stopped
    runs.stop("a")
    list(first)
    third = last(runs, lambda run: 3, owner="c")
    assert third.value == 3
    assert not ran


class StubbornHost(UiHost):
    """Its lock cannot be asked to stop, as that of a web UI."""

    lock = threading.Lock()

    @contextlib.contextmanager
    def turn(self, who: object, stopped: Any) -> Generator[None, None, None]:
        with self.lock:
            yield


def test_a_page_need_not_wait_for_a_lock_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "TICK_S", 0.01)
    host = StubbornHost(tmp_path, tmp_path)
    runs = Runs(host)
    ran: list[int] = []
    with host.lock:
        follow = runs.follow("a", "talk", lambda run: ran.append(1))
        next(follow)
        runs.stop("a")
        assert list(follow)[-1].was_stopped
    deadline = time.monotonic() + 5
    while runs.count() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not runs.count()
    assert not ran


def test_turns_pass_on_after_a_fault() -> None:
    turns = Turns()

    def fail() -> None:
        with turns.turn("a", lambda: False):
            raise ValueError("first")

    with pytest.raises(ValueError, match="^first$"):
        fail()
    with turns.turn("b", lambda: False):
        assert turns.place("b") == 0


@pytest.mark.parametrize("text", ["../../etc/passwd", "<b>me</b>", "a b\0c", "CON:", "é" * 300])
def test_result_names_are_plain(text: str) -> None:
    name = result_name(text, suffix=".mp4")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
    assert name.endswith(".mp4")
    assert len(name) < 100
    assert name != result_name(text, suffix=".mp4"), "it cannot be guessed"


@pytest.mark.parametrize(
    ("chosen", "suffix"),
    [("auto", ".mp4"), ("mp4", ".mp4"), ("webm", ".webm"), ("lossless", ".mkv"), ("png", "")],
)
def test_names_follow_the_form(chosen: str, suffix: str) -> None:
    assert with_suffix_of(Path("/x/a.mp4"), chosen) == Path(f"/x/a{suffix}")


class TestPages:
    @pytest.fixture
    def uploads(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "uploads"
        folder.mkdir()
        monkeypatch.setattr(keeping.versions, "upload_folder", lambda: folder)
        return folder

    def test_files_go_with_the_last_page_that_uses_them(
        self, host: LocalHost, uploads: Path
    ) -> None:
        pages = keeping.Pages(host)
        shared, own = uploads / "shared.png", uploads / "own.png"
        for path in (shared, own):
            path.write_bytes(b"x")
        pages.uploaded("a", [shared, own])
        pages.uploaded("b", [shared])
        pages.left("a")
        assert shared.is_file()
        assert not own.exists()
        pages.left("b")
        assert not shared.exists()

    def test_only_uploads_are_ever_removed(
        self, host: LocalHost, uploads: Path, tmp_path: Path
    ) -> None:
        precious = tmp_path / "precious.png"
        precious.write_bytes(b"x")
        pages = keeping.Pages(host)
        pages.uploaded("a", [precious, uploads / ".." / "precious.png"])
        pages.left("a")
        assert precious.is_file()

    def test_copies_of_results_go_and_results_stay(self, host: LocalHost, uploads: Path) -> None:
        result = host.output_folder() / result_name("me", suffix=".mp4")
        copy = uploads / "hash" / result.name
        copy.parent.mkdir()
        for path in (result, copy):
            path.write_bytes(b"x")
        pages = keeping.Pages(host)
        pages.made("a", result)
        pages.left("a")
        assert result.is_file()
        assert not copy.exists()

    def test_other_files_are_refused(self, host: LocalHost, uploads: Path) -> None:
        pages = keeping.Pages(host)
        (uploads / "ok.png").write_bytes(b"x")
        pages.check([uploads / "ok.png"])
        for path in (Path("/etc/passwd"), uploads / ".." / "x", Path("ok.png")):
            with pytest.raises(MediaError, match="was not uploaded here"):
                pages.check([path])

    def test_a_link_out_of_the_folder_is_refused(self, host: LocalHost, uploads: Path) -> None:
        link = uploads / "link.png"
        link.symlink_to("/etc/hostname")
        with pytest.raises(MediaError):
            keeping.Pages(host).check([link])

    def test_on_a_shared_page_each_sees_only_their_own(self, tmp_path: Path, uploads: Path) -> None:
        host = LocalHost(tmp_path / "out", tmp_path / "temp", is_shared=True)
        mine, other = (host.output_folder() / f"{name}.mp4" for name in "ab")
        for path in (mine, other):
            path.write_bytes(b"x")
        pages = keeping.Pages(host)
        pages.made("a", mine)
        assert pages.results("a") == [mine]
        assert pages.results("b") == []
        assert not host.may_download

    def test_results_are_the_newest_first_and_nothing_else(self, host: LocalHost) -> None:
        import os

        folder = host.output_folder()
        for age, name in enumerate(("new.mp4", "old.png", "notes.txt", ".part.mp4", "a.json")):
            (folder / name).write_bytes(b"x")
            os.utime(folder / name, (1000 - age, 1000 - age))
        found = keeping.Pages(host).results("a")
        assert [path.name for path in found] == ["new.mp4", "old.png"]
