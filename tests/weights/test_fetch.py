"""One file over HTTP: whole, resumed, cut short, refused, disk full, stopped."""

from __future__ import annotations

import errno
import http.client
import shutil
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sadtalker_core.errors import Cancelled, OutputError
from sadtalker_core.weights.fetch import FetchFailed, check_space, fetch

from .fake_hub import FakeHub

CONTENT = bytes(range(256)) * 4000  # a megabyte: several blocks


class Pauses(list[float]):
    """Collects pauses in place of waiting."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "file.part"


def test_a_whole_file_with_progress(hub: FakeHub, part: Path) -> None:
    hub.files["/f"] = CONTENT
    reports: list[tuple[int, int]] = []
    fetch(f"{hub.url}/f", part, report=lambda done, total: reports.append((done, total)))
    assert part.read_bytes() == CONTENT
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    assert len(reports) >= 4
    assert hub.headers[0]["accept-encoding"] == "identity"
    assert "authorization" not in hub.headers[0]


def test_it_goes_on_where_it_broke_off(hub: FakeHub, part: Path) -> None:
    hub.files["/f"] = CONTENT
    hub.cut["/f"] = [300_000, 1]
    pauses = Pauses()
    fetch(f"{hub.url}/f", part, size=len(CONTENT), pause=pauses)
    assert part.read_bytes() == CONTENT
    assert hub.requests == ["GET /f", "GET /f bytes=300000-", "GET /f bytes=300001-"]
    assert pauses == [1.0, 1.0]  # something came each time: patience starts anew


def test_it_goes_on_in_another_run(hub: FakeHub, part: Path) -> None:
    hub.files["/f"] = CONTENT
    part.write_bytes(CONTENT[:5])
    reports: list[int] = []
    fetch(f"{hub.url}/f", part, report=lambda done, _: reports.append(done))
    assert part.read_bytes() == CONTENT
    assert hub.requests == ["GET /f bytes=5-"]
    assert reports[0] > 5


def test_a_server_that_cannot_resume_sends_all(hub: FakeHub, part: Path) -> None:
    hub.files["/f"] = CONTENT
    hub.ignores_range = True
    part.write_bytes(b"x" * 10)
    fetch(f"{hub.url}/f", part, size=len(CONTENT))
    assert part.read_bytes() == CONTENT


def test_another_range_than_asked_for_is_not_joined(hub: FakeHub, part: Path) -> None:
    hub.files["/f"] = CONTENT
    hub.lies_range = True
    part.write_bytes(CONTENT[:10])
    fetch(f"{hub.url}/f", part, size=len(CONTENT), pause=Pauses())
    assert part.read_bytes() == CONTENT
    assert hub.requests == ["GET /f bytes=10-", "GET /f"]


def test_leftovers_longer_than_the_file_are_thrown_away(hub: FakeHub, part: Path) -> None:
    hub.files["/f"] = CONTENT
    for size in (len(CONTENT), 0):
        part.write_bytes(CONTENT + b"more")
        fetch(f"{hub.url}/f", part, size=size, pause=Pauses())
        assert part.read_bytes() == CONTENT


def test_a_complete_part_asks_for_nothing(hub: FakeHub, part: Path) -> None:
    part.write_bytes(CONTENT)
    fetch(f"{hub.url}/f", part, size=len(CONTENT))
    assert hub.requests == []


def test_cut_short_every_time(hub: FakeHub, part: Path) -> None:
    hub.files["/f"] = CONTENT
    hub.cut["/f"] = [100, 0, 0, 0, 0, 0]
    pauses = Pauses()
    with pytest.raises(FetchFailed, match=r"cut short after 100 of 1024000|broke"):
        fetch(f"{hub.url}/f", part, size=len(CONTENT), pause=pauses)
    assert part.read_bytes() == CONTENT[:100]  # kept, to go on later
    assert pauses == [1.0, 2.0, 4.0]


def test_not_found_is_final(hub: FakeHub, part: Path) -> None:
    with pytest.raises(FetchFailed, match="error 404"):
        fetch(f"{hub.url}/f", part)
    assert hub.requests == ["GET /f"]
    assert not part.exists()


def test_a_server_in_trouble_is_asked_again(hub: FakeHub, part: Path) -> None:
    hub.files["/f"] = CONTENT
    hub.status["/f"] = [503, 500, 429]
    pauses = Pauses()
    fetch(f"{hub.url}/f", part, pause=pauses)
    assert part.read_bytes() == CONTENT
    assert pauses == [1.0, 2.0, 4.0]


def test_a_server_that_stays_in_trouble(hub: FakeHub, part: Path) -> None:
    hub.status["/f"] = [-500]
    with pytest.raises(FetchFailed, match="error 500"):
        fetch(f"{hub.url}/f", part, pause=Pauses())
    assert len(hub.requests) == 4


def test_a_fault_of_the_line_is_tried_again(
    hub: FakeHub, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files["/f"] = CONTENT
    read, faults = http.client.HTTPResponse.read, [ssl.SSLError("bad record mac")]

    def faulty(self: http.client.HTTPResponse, count: int) -> bytes:
        if part.is_file() and part.stat().st_size and faults:
            raise faults.pop()
        return read(self, count)

    monkeypatch.setattr(http.client.HTTPResponse, "read", faulty)
    pauses = Pauses()
    fetch(f"{hub.url}/f", part, pause=pauses)
    assert part.read_bytes() == CONTENT
    assert len(pauses) == 1


def test_nobody_answers(hub: FakeHub, part: Path) -> None:
    with pytest.raises(FetchFailed, match="no connection"):
        fetch("http://127.0.0.1:9/f", part, pause=Pauses())


def test_a_file_of_another_size(hub: FakeHub, part: Path) -> None:
    hub.files["/f"] = CONTENT
    with pytest.raises(FetchFailed, match="1024000 bytes instead of 1024001"):
        fetch(f"{hub.url}/f", part, size=len(CONTENT) + 1, pause=Pauses())
    assert not part.exists()


def test_a_length_that_is_not_said(hub: FakeHub, part: Path) -> None:
    hub.files["/f"] = CONTENT
    hub.without_length.add("/f")
    fetch(f"{hub.url}/f", part)
    assert part.read_bytes() == CONTENT
    part.unlink()
    with pytest.raises(FetchFailed, match="more than 600000 bytes"):
        fetch(f"{hub.url}/f", part, size=600_000, pause=Pauses())
    assert not part.exists()
    with pytest.raises(FetchFailed, match="cut short|ends at byte 1024000 or before"):
        fetch(f"{hub.url}/f", part, size=len(CONTENT) + 1, pause=Pauses())


def test_only_the_web(part: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    for url in (f"file://{tmp_path}/secret", "ftp://127.0.0.1/x", "secret"):
        with pytest.raises(FetchFailed, match="not a web address"):
            fetch(url, part)


def test_stopping_keeps_what_has_come(hub: FakeHub, part: Path) -> None:
    hub.files["/f"] = CONTENT
    done: list[int] = []
    with pytest.raises(Cancelled, match="goes on from there"):
        fetch(
            f"{hub.url}/f",
            part,
            report=lambda count, _: done.append(count),
            cancelled=lambda: bool(done),
        )
    assert 0 < part.stat().st_size < len(CONTENT)
    fetch(f"{hub.url}/f", part)
    assert part.read_bytes() == CONTENT


def test_stopping_while_it_waits(hub: FakeHub, part: Path) -> None:
    hub.status["/f"] = [-500]
    with pytest.raises(Cancelled):
        fetch(f"{hub.url}/f", part, pause=Pauses(), cancelled=lambda: True)
    assert len(hub.requests) == 1


class _FullDisk:
    """A file on a disk with room for 300 kB."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = 300_000

    def __enter__(self) -> _FullDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, block: bytes) -> int:
        self._left -= len(block)
        if self._left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(block)

    def flush(self) -> None:
        self._file.flush()


def test_a_disk_that_fills_up(hub: FakeHub, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.files["/f"] = CONTENT
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda self, mode: _FullDisk(opened(self, mode)))
    with pytest.raises(OutputError, match="is full; what had come was removed"):
        fetch(f"{hub.url}/f", part)
    assert not part.exists()


def test_a_disk_without_room_is_not_begun(
    hub: FakeHub, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files["/f"] = CONTENT
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=65 << 20))
    with pytest.raises(OutputError, match="68 MB left; 1 MB are needed|68 MB left; 2 MB"):
        check_space(part.parent, 2 << 20)
    check_space(part.parent, 1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    with pytest.raises(OutputError, match="Free some room"):
        fetch(f"{hub.url}/f", part)
    assert not part.exists()


def test_a_folder_that_is_not_there(hub: FakeHub, tmp_path: Path) -> None:
    hub.files["/f"] = CONTENT
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.part").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        fetch(f"{hub.url}/f", tmp_path / "a" / "b.part")
