"""Where weights are looked for, and how they get there through the real huggingface_hub."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from sadtalker_core.errors import Cancelled, OutputError, WeightsError
from sadtalker_core.weights import lock as locking
from sadtalker_core.weights.catalog import BUNDLED, WeightFile
from sadtalker_core.weights.lock import LOCK_NAME, LockFile
from sadtalker_core.weights.store import WeightStore, cache_folder

from .fake_hub import COMMIT, FakeHub

CONTENT = bytes(range(256)) * 2000


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry(name: str = "net", content: bytes = CONTENT, **changes: object) -> WeightFile:
    file = WeightFile(
        name=name,
        file=f"{name}.pth",
        description="a net",
        licence="MIT, with doubts.",
        origin="somebody",
        engines=("toy",),
        repository="some/repo",
        revision=COMMIT,
        sha256=sha(content),
        size=len(content),
        folders=("checkpoints",),
    )
    return replace(file, **changes)  # type: ignore[arg-type]


def store_at(folder: Path, hub: FakeHub | None = None, **environment: str) -> WeightStore:
    if hub is not None:
        environment = {"HF_ENDPOINT": hub.url, **environment}
    return WeightStore(option=folder, environment=environment, cache=folder / "cache")


def no_pause(seconds: float) -> None:
    pass


# Looking.


def test_the_order_of_the_folders(tmp_path: Path) -> None:
    file = entry()
    folders = {name: tmp_path / name for name in ("option", "named", "old", "host", "cache")}
    for folder in folders.values():
        folder.mkdir()
        (folder / file.file).write_bytes(CONTENT)
    store = WeightStore(
        option=folders["option"],
        host_folders=[folders["host"]],
        environment={
            "TALKING_PORTRAITS_MODELS": str(folders["named"]),
            "SADTALKER_CHECKPOINTS": str(folders["old"]),
        },
        cache=folders["cache"],
    )
    assert store.folders == tuple(folders.values())
    for folder in folders.values():
        assert store.find(file) == folder / file.file
        (folder / file.file).unlink()
    assert store.find(file) is None


def test_where_downloads_go(tmp_path: Path) -> None:
    named = {"TALKING_PORTRAITS_MODELS": str(tmp_path / "named"), "SADTALKER_CHECKPOINTS": "/x"}
    cache, option = tmp_path / "cache", tmp_path / "option"
    assert WeightStore(option, environment=named, cache=cache).download_folder == option
    assert WeightStore(environment=named, cache=cache).download_folder == tmp_path / "named"
    old = {"SADTALKER_CHECKPOINTS": "/x"}
    assert WeightStore(environment=old, cache=cache).download_folder == cache
    assert not any(tmp_path.iterdir())  # asking makes nothing


def test_sub_folders_of_other_programs(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "net.pth").write_bytes(CONTENT)
    assert store_at(tmp_path).find(entry()) == tmp_path / "checkpoints" / "net.pth"


def test_files_of_another_size_are_passed_over(tmp_path: Path) -> None:
    for content in (b"", CONTENT[:-1], b"version https://git-lfs.github.com/spec/v1\n"):
        (tmp_path / "net.pth").write_bytes(content)
        assert store_at(tmp_path).find(entry()) is None
    (tmp_path / "net.pth").write_bytes(b"any")
    assert store_at(tmp_path).find(entry(size=0, sha256="")) == tmp_path / "net.pth"


def test_bundled_files_are_in_the_package(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    assert [store.find(file) for file in BUNDLED] == [file.path for file in BUNDLED]


@pytest.mark.parametrize(
    ("platform", "environment", "ending"),
    [
        ("linux", {}, ".cache/talking-portraits/models"),
        ("linux", {"XDG_CACHE_HOME": "/c"}, "/c/talking-portraits/models"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, ".cache/talking-portraits/models"),
        ("darwin", {}, "Library/Caches/talking-portraits/models"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/talking-portraits/models"),
        ("win32", {}, "AppData/Local/talking-portraits/models"),
    ],
)
def test_the_cache_folder(platform: str, environment: dict[str, str], ending: str) -> None:
    assert cache_folder(environment, platform).as_posix().endswith(ending)


def test_what_is_missing_is_said_in_full(tmp_path: Path) -> None:
    store = WeightStore(tmp_path / "a", [tmp_path / "b"], {}, tmp_path / "c")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "here.pth").write_bytes(CONTENT)
    files = [entry("here"), entry("one"), entry("two", licence="Other terms.", size=0)]
    with pytest.raises(WeightsError) as caught:
        store.require(files, "the engine toy")
    assert str(caught.value) == (
        "one.pth (1 MB), two.pth are needed for the engine toy and not on this "
        f"machine. Looked in: {tmp_path / 'a'}, {tmp_path / 'b'}, {tmp_path / 'c'}. "
        "Licences: one.pth: MIT, with doubts. two.pth: Other terms. "
        f"To get what is missing: talking-portraits models download one two "
        f"--models-dir {tmp_path}/a"
    )
    assert caught.value.exit_code == 6


def test_what_is_there_is_given_by_name(tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(CONTENT)
    paths = store_at(tmp_path).require([entry(), BUNDLED[0]], "x")
    assert paths == {"net": tmp_path / "net.pth", BUNDLED[0].name: BUNDLED[0].path}


def test_another_file_of_the_same_size_is_noticed(tmp_path: Path) -> None:
    changed = b"x" + CONTENT[1:]
    (tmp_path / "net.pth").write_bytes(changed)
    store = store_at(tmp_path)
    with pytest.raises(WeightsError, match=r"not the published file.*--accept net"):
        store.require([entry()], "x")
    assert store.accept(entry(), tmp_path / "net.pth") == sha(changed)
    assert store.require([entry()], "x") == {"net": tmp_path / "net.pth"}
    (tmp_path / "net.pth").write_bytes(CONTENT)  # now this is the foreign one
    with pytest.raises(WeightsError, match="not the published file"):
        store_at(tmp_path).require([entry()], "x")


def test_an_accepted_file_may_have_another_size(tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(b"half precision")
    store = store_at(tmp_path)
    assert store.find(entry()) is None
    store.accept(entry(), tmp_path / "net.pth")
    assert store.require([entry()], "x") == {"net": tmp_path / "net.pth"}
    (tmp_path / "net.pth").write_bytes(b"half")  # not what was accepted
    assert store.find(entry()) is None


def test_a_download_that_was_cut_on_disk_is_fetched_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    store = store_at(tmp_path, hub)
    store.download([entry()], pause=no_pause)
    (tmp_path / "net.pth").write_bytes(CONTENT[:-9])
    with pytest.raises(WeightsError, match="was passed over: it has 511991 bytes instead of 51200"):
        store.require([entry()], "x")
    store.download([entry()], pause=no_pause)
    assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_hashes_are_remembered_while_a_file_does_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(CONTENT)
    store_at(tmp_path).require([entry()], "x")
    hashed: list[Path] = []
    original = locking.file_sha256

    def counting(path: Path) -> str:
        hashed.append(path)
        return original(path)

    monkeypatch.setattr(locking, "file_sha256", counting)
    store_at(tmp_path).require([entry()], "x")
    assert hashed == []
    path.write_bytes(b"x" + CONTENT[1:])
    os.utime(path, ns=(1, 1))
    with pytest.raises(WeightsError):
        store_at(tmp_path).require([entry()], "x")
    assert hashed == [path]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"pins": 3, "seen": []}', b"\xff", b"{"])
def test_a_damaged_lock_file_counts_as_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LOCK_NAME).write_bytes(content)
    (tmp_path / "net.pth").write_bytes(CONTENT)
    assert store_at(tmp_path).require([entry()], "x")
    assert json.loads((tmp_path / LOCK_NAME).read_text())["version"] == 1


def test_a_folder_that_cannot_be_written_is_no_trouble_for_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.pth").write_bytes(CONTENT)
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(OSError("ro")))
    store = store_at(tmp_path)
    assert store.require([entry()], "x")
    with pytest.raises(OutputError, match="cannot be written"):
        store.accept(entry(), tmp_path / "net.pth")


# Downloading, through huggingface_hub where the file is on the hub.


def test_a_download_from_the_hub(hub: FakeHub, tmp_path: Path) -> None:
    path = hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    store = store_at(tmp_path / "new" / "folder", hub)
    steps: list[tuple[str, int, int]] = []
    paths = store.download([entry()], progress=lambda *step: steps.append(step), pause=no_pause)
    assert paths == {"net": tmp_path / "new" / "folder" / "net.pth"}
    assert paths["net"].read_bytes() == CONTENT
    assert hub.requests == [f"HEAD {path}", f"GET {path}"]
    assert steps[0] == ("net.pth (MB)", 0, 1)
    assert steps[-1] == ("net.pth (MB)", 1, 1)
    assert sorted(file.name for file in paths["net"].parent.iterdir()) == ["net.pth", LOCK_NAME]
    pins = json.loads((tmp_path / "new" / "folder" / LOCK_NAME).read_text())["pins"]
    assert pins["net.pth"] == {
        "sha256": sha(CONTENT),
        "bytes": len(CONTENT),
        "source": "Hugging Face (some/repo)",
    }


def test_a_token_of_the_user_is_not_sent(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_" + "a" * 34)
    hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    store_at(tmp_path, hub).download([entry()], pause=no_pause)
    assert len(hub.headers) == 2
    assert all("authorization" not in headers for headers in hub.headers)


def test_what_is_here_is_not_fetched_again(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "net.pth").write_bytes(CONTENT)
    paths = store_at(tmp_path, hub).download([entry()], pause=no_pause)
    assert paths["net"] == tmp_path / "checkpoints" / "net.pth"
    assert hub.requests == []


def test_interrupted_and_resumed(hub: FakeHub, tmp_path: Path) -> None:
    path = hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    hub.cut[path] = [1000, 0, 0, 0, 0]
    with pytest.raises(WeightsError, match="could not be downloaded"):
        store_at(tmp_path, hub).download([entry()], pause=no_pause)
    assert not (tmp_path / "net.pth").exists()
    assert (tmp_path / ".net.pth.part").stat().st_size == 1000
    hub.cut.clear()
    hub.requests.clear()
    store_at(tmp_path, hub).download([entry()], pause=no_pause)
    assert hub.gets() == [f"GET {path} bytes=1000-"]
    assert (tmp_path / "net.pth").read_bytes() == CONTENT
    assert not (tmp_path / ".net.pth.part").exists()


def test_leftovers_of_another_file_are_begun_anew(hub: FakeHub, tmp_path: Path) -> None:
    path = hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    (tmp_path / ".net.pth.part").write_bytes(b"other" * 10)
    store_at(tmp_path, hub).download([entry()], pause=no_pause)
    assert hub.gets() == [f"GET {path} bytes=50-", f"GET {path}"]
    assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_a_wrong_hash_leaves_nothing(hub: FakeHub, tmp_path: Path) -> None:
    # The hub says so before a byte is fetched; a plain address only afterwards.
    wrong = b"x" + CONTENT[1:]
    hub.put("some/repo", COMMIT, "net.pth", wrong)
    hub.files["/plain/net.pth"] = wrong
    file = entry(urls=(f"{hub.url}/plain/net.pth",))
    with pytest.raises(WeightsError) as caught:
        store_at(tmp_path, hub).download([file], pause=no_pause)
    said = f"it is another file: SHA-256 {sha(wrong)[:12]}... instead of {sha(CONTENT)[:12]}..."
    assert str(caught.value).count(said) == 2
    assert hub.gets() == ["GET /plain/net.pth"]
    assert [path.name for path in tmp_path.iterdir()] == []


def test_a_truncated_file_on_the_server(hub: FakeHub, tmp_path: Path) -> None:
    hub.put("some/repo", COMMIT, "net.pth", CONTENT[:-5])
    with pytest.raises(WeightsError, match="511995 bytes instead of 512000"):
        store_at(tmp_path, hub).download([entry()], pause=no_pause)
    assert hub.gets() == []


def test_another_address_after_the_hub(hub: FakeHub, tmp_path: Path) -> None:
    hub.files["/releases/net.pth"] = CONTENT
    file = entry(urls=(f"{hub.url}/gone/net.pth", f"{hub.url}/releases/net.pth"))
    store_at(tmp_path, hub).download([file], pause=no_pause)
    assert hub.gets() == ["GET /gone/net.pth", "GET /releases/net.pth"]
    source = json.loads((tmp_path / LOCK_NAME).read_text())["pins"]["net.pth"]["source"]
    assert source == f"{hub.url}/releases/net.pth"


@pytest.mark.parametrize(
    ("status", "said", "asked"), [([-404], "error 404", 1), ([-500], "error 500", 3)]
)
def test_every_failure_is_named(
    hub: FakeHub, tmp_path: Path, status: list[int], said: str, asked: int
) -> None:
    path = hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    hub.status[path] = status
    file = entry(urls=(f"{hub.url}/gone.pth",))
    with pytest.raises(WeightsError) as caught:
        store_at(tmp_path, hub).download([file], pause=no_pause)
    assert f"Hugging Face (some/repo): {said}" in str(caught.value)
    assert f"{hub.url}/gone.pth: error 404" in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert len([line for line in hub.requests if line == f"HEAD {path}"]) == asked


def test_a_hub_in_trouble_is_asked_again(hub: FakeHub, tmp_path: Path) -> None:
    path = hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    hub.status[path] = [503, 502]
    pauses: list[float] = []
    store_at(tmp_path, hub).download([entry()], pause=pauses.append)
    assert (tmp_path / "net.pth").is_file()
    assert pauses == [1.0, 2.0]


def test_no_hub_at_all(tmp_path: Path, hub: FakeHub) -> None:
    store = store_at(tmp_path)
    with pytest.raises(WeightsError, match=r"Hugging Face \(some/repo\): no connection"):
        store.download([entry()], mirror="http://127.0.0.1:9", pause=no_pause)


def test_bytes_may_lie_on_another_server(hub: FakeHub, tmp_path: Path) -> None:
    path = hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    hub.files["/cdn/blob"] = CONTENT
    hub.redirects[path] = f"{hub.url}/cdn/blob"
    store_at(tmp_path, hub).download([entry()], pause=no_pause)
    assert hub.gets() == [f"GET {path}", "GET /cdn/blob"]


def test_a_broken_download_asks_the_hub_anew_where_the_bytes_are(
    hub: FakeHub, tmp_path: Path
) -> None:
    # Addresses of a content network end after a while; the range goes with the second request.
    path = hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    hub.files["/cdn/blob"] = CONTENT
    hub.redirects[path] = f"{hub.url}/cdn/blob"
    hub.cut["/cdn/blob"] = [70_000]
    store_at(tmp_path, hub).download([entry()], pause=no_pause)
    assert hub.gets() == [
        f"GET {path}",
        "GET /cdn/blob",
        f"GET {path} bytes=70000-",
        "GET /cdn/blob bytes=70000-",
    ]
    assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_the_mirror_wins_over_the_environment(hub: FakeHub, tmp_path: Path) -> None:
    path = hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    store = store_at(tmp_path, None, HF_ENDPOINT="http://127.0.0.1:9")
    store.download([entry()], mirror=f"{hub.url}/", pause=no_pause)
    assert hub.gets() == [f"GET {path}"]
    (tmp_path / "net.pth").unlink()
    with pytest.raises(WeightsError, match="the mirror example is not a web address"):
        store.download([entry()], mirror="example", pause=no_pause)


@pytest.mark.parametrize("by_option", [True, False])
def test_offline(hub: FakeHub, tmp_path: Path, by_option: bool) -> None:
    hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    store = store_at(tmp_path, hub, **({} if by_option else {"HF_HUB_OFFLINE": "1"}))
    with pytest.raises(WeightsError, match=r"Not on this machine: net\.pth\. Offline"):
        store.download([entry()], offline=by_option)
    assert hub.requests == []
    (tmp_path / "net.pth").write_bytes(CONTENT)
    assert store.download([entry()], offline=by_option) == {"net": tmp_path / "net.pth"}


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_online(value: str, tmp_path: Path) -> None:
    assert not store_at(tmp_path, HF_HUB_OFFLINE=value).is_offline()


def test_the_first_download_pins_the_hash(hub: FakeHub, tmp_path: Path) -> None:
    file = entry(sha256="", size=0, repository="", urls=(f"{hub.url}/f",))
    hub.files["/f"] = CONTENT
    store_at(tmp_path).download([file], pause=no_pause)
    assert LockFile(tmp_path).pin("net.pth") == sha(CONTENT)
    (tmp_path / "net.pth").unlink()
    hub.files["/f"] = b"replaced by somebody"
    with pytest.raises(WeightsError, match="it is another file"):
        store_at(tmp_path).download([file], pause=no_pause)
    assert not (tmp_path / "net.pth").exists()
    (tmp_path / "net.pth").write_bytes(b"swapped on disk")
    with pytest.raises(WeightsError, match="not the published file"):
        store_at(tmp_path).require([file], "x")


def test_stopping_between_and_within_files(hub: FakeHub, tmp_path: Path) -> None:
    hub.put("some/repo", COMMIT, "net.pth", CONTENT)
    store = store_at(tmp_path, hub)
    with pytest.raises(Cancelled):
        store.download([entry()], cancelled=lambda: True)
    assert hub.requests == []
    seen: list[int] = []
    with pytest.raises(Cancelled, match="goes on from there"):
        store.download(
            [entry()],
            progress=lambda stage, done, total: seen.append(done),
            cancelled=lambda: bool(seen),
        )
    assert not (tmp_path / "net.pth").exists()
    assert 0 < (tmp_path / ".net.pth.part").stat().st_size < len(CONTENT)


def test_a_full_disk_is_noticed_before_anything_is_asked(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    with pytest.raises(OutputError, match="needed"):
        store_at(tmp_path, hub).download([entry()])
    assert hub.requests == []


def test_a_folder_that_cannot_be_made(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be made"):
        store_at(tmp_path / "file", hub).download([entry()])


def test_importing_the_store_does_not_import_the_hub() -> None:
    import subprocess
    import sys

    code = (
        "import sys, sadtalker_core.weights.store as s; s.WeightStore();"
        "assert 'huggingface_hub' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
