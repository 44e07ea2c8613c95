"""The command models: list, download from a hub on loopback, convert, check."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sadtalker_core.cli import models
from sadtalker_core.systems.blocks.dense_motion import DenseMotionConfig
from sadtalker_core.systems.blocks.spade import SpadeConfig
from sadtalker_core.systems.sadtalker.nets.audio_encoder import AudioEncoderConfig
from sadtalker_core.systems.sadtalker.nets.expnet import ExpNet, ExpNetConfig
from sadtalker_core.systems.sadtalker.nets.generator import Generator, GeneratorConfig
from sadtalker_core.systems.sadtalker.nets.keypoint_detector import (
    KeypointDetector,
    KeypointDetectorConfig,
)
from sadtalker_core.systems.sadtalker.nets.mapping import MappingNet, MappingNetConfig
from sadtalker_core.weights.catalog import BUNDLED
from sadtalker_core.weights.lock import LOCK_NAME
from sadtalker_core.weights.published import LEGACY, MAPPING_CROP, PUBLISHED, SADTALKER, SETS
from sadtalker_core.weights.reader import read_weights, write_weights
from tests.cli.running import run
from tests.weights.fake_hub import FakeHub, fake_hub
from tests.weights.malice import as_zip, reduce_call

ROOT = Path(__file__).resolve().parent.parent.parent
CONTENT = b"weights" * 1000


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's user is read or written."""
    for name in ("TALKING_PORTRAITS_MODELS", "SADTALKER_CHECKPOINTS", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HF_HUB_OFFLINE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with one small file under the name of a published one."""
    small = replace(
        MAPPING_CROP, sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT), urls=()
    )
    monkeypatch.setattr(models, "_KNOWN", (small,))
    monkeypatch.setattr(models, "SETS", {"small": (small,)})
    with fake_hub() as opened:
        opened.put(small.repository, small.revision, small.file, CONTENT)
        yield opened


def result(*words: object) -> dict[str, Any]:
    done = run(*words, "--json")
    return json.loads(done.out)


# list


def test_list_names_everything_and_writes_nothing(tmp_path: Path) -> None:
    content = result("models")
    assert result("models", "list") == content
    assert [file["name"] for file in content["weights"]] == [file.name for file in BUNDLED]
    files = {file["name"]: file for file in content["downloads"]}
    assert list(files) == [file.name for file in (*PUBLISHED, *LEGACY)]
    for file in (*PUBLISHED, *LEGACY):
        assert files[file.name]["licence"] == file.licence
        assert files[file.name]["bytes"] == file.size
        assert files[file.name]["present"] is False
    assert content["sets"]["sadtalker"] == [file.name for file in SADTALKER]
    assert content["folders"] == [str(tmp_path / "cache" / "talking-portraits" / "models")]
    text = run("models").out
    for file in (*PUBLISHED, *LEGACY):
        assert file.name in text
        assert file.licence in text
    assert "not here" in text
    # The animals' own sizes are not known.
    assert "sadtalker-mapping-full (1036 MB)" in text
    assert "liveportrait-retargeting (more than 2 MB)" in text
    assert not (tmp_path / "cache").exists()


def test_list_finds_files_where_they_are(tmp_path: Path, hub: FakeHub) -> None:
    (tmp_path / "m" / "checkpoints").mkdir(parents=True)
    path = tmp_path / "m" / "checkpoints" / MAPPING_CROP.file
    path.write_bytes(CONTENT)
    content = result("models", "--models-dir", tmp_path / "m")
    assert content["downloads"][0]["path"] == str(path)
    assert content["downloads"][0]["present"] is True
    assert str(path) in run("models", "--models-dir", tmp_path / "m").out


def test_list_takes_no_names() -> None:
    done = run("models", "list", "sadtalker")
    assert done.code == 2
    assert "did you mean models check sadtalker?" in done.sentence


# download


@pytest.mark.parametrize("name", ["small", MAPPING_CROP.name, MAPPING_CROP.file])
def test_download_by_set_name_and_file(name: str, tmp_path: Path, hub: FakeHub) -> None:
    done = run("models", "download", name, "--mirror", hub.url, "--models-dir", tmp_path / "m")
    assert done.code == 0, done.err
    path = tmp_path / "m" / MAPPING_CROP.file
    assert path.read_bytes() == CONTENT
    assert done.out == f"{path} downloaded\n"
    assert MAPPING_CROP.licence in done.err  # said before anything is fetched
    assert f"Downloading {MAPPING_CROP.file}\n" in done.err
    assert "Megabytes" in done.err
    content = result("models", "download", name, "--offline", "--models-dir", tmp_path / "m")
    assert content["downloads"][0]["fetched"] is False
    assert content["downloads"][0]["path"] == str(path)
    assert len(hub.gets()) == 1


def test_flags_may_stand_before_names(tmp_path: Path, hub: FakeHub) -> None:
    done = run("models", "download", "--mirror", hub.url, "small", "--quiet")
    assert done.code == 0
    assert done.err == ""
    assert (tmp_path / "cache" / "talking-portraits" / "models" / MAPPING_CROP.file).is_file()


def test_download_into_the_folder_of_the_environment(
    tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKING_PORTRAITS_MODELS", str(tmp_path / "e"))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    assert run("models", "download", "small").code == 0
    assert (tmp_path / "e" / MAPPING_CROP.file).read_bytes() == CONTENT
    assert (tmp_path / "e" / LOCK_NAME).is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Say what to download"),
        (["nothing"], "nothing is no set and no file"),
        (["small", "--accept"], "--accept belongs to"),
    ],
)
def test_wrong_downloads(words: list[str], said: str, hub: FakeHub) -> None:
    done = run("models", "download", *words)
    assert done.code == 2
    assert said in done.sentence
    assert hub.requests == []


def test_offline_and_unknown_flags(hub: FakeHub) -> None:
    done = run("models", "download", "small", "--offline", "--json")
    assert done.code == 6
    assert json.loads(done.out)["error"]["type"] == "WeightsError"
    assert MAPPING_CROP.file in done.sentence
    assert "Offline" in done.sentence
    done = run("models", "download", "small", "--mirrow", "x")
    assert done.code == 2
    assert "did you mean --mirror?" in done.sentence
    assert run("models", "downlod", "small").code == 2
    assert hub.requests == []


def test_a_failed_download_is_one_sentence(tmp_path: Path, hub: FakeHub) -> None:
    hub.files.clear()
    done = run("models", "download", "small", "--mirror", hub.url, "--quiet")
    assert done.code == 6
    assert "error 404" in done.sentence
    assert done.err.count("\n") == 1
    assert not list((tmp_path / "cache").rglob("*.tar"))


@pytest.mark.jobs
def test_the_real_program_without_a_terminal(tmp_path: Path) -> None:
    # Its own process, so that nothing of this one helps. Nobody listens on port 9.
    done = subprocess.run(
        [sys.executable, "-m", "sadtalker_core", "models", "download", "retinaface"]
        + ["--models-dir", str(tmp_path), "--offline"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 6
    assert "detection_Resnet50_Final.pth" in done.stderr
    assert "Traceback" not in done.stderr


# convert


def mapping_state(inputs: int = 70) -> dict[str, torch.Tensor]:
    return MappingNet(MappingNetConfig(inputs, width=8, keypoints=5)).state_dict()


def kp_state() -> dict[str, torch.Tensor]:
    sizes = KeypointDetectorConfig(keypoints=4, width=4, max_width=8, blocks=2, depth=4, shrink=4)
    return KeypointDetector(sizes).state_dict()


def generator_state() -> dict[str, torch.Tensor]:
    motion = DenseMotionConfig(
        keypoints=4, feature_channels=4, depth=4, compressed=2, width=4, max_width=16, blocks=2
    )
    spade = SpadeConfig(inputs=16, outputs=8, hidden=6)
    return Generator(GeneratorConfig(4, resblocks=1, motion=motion, spade=spade)).state_dict()


def exp_state() -> dict[str, torch.Tensor]:
    return ExpNet(ExpNetConfig(AudioEncoderConfig(width=2))).state_dict()


def test_convert_one_training_checkpoint(tmp_path: Path) -> None:
    source, out = tmp_path / "any.name", tmp_path / "new" / "mapping.safetensors"
    state = mapping_state()
    torch.save({"mapping": state, "discriminator": {"x": torch.ones(1)}, "epoch": 3}, source)
    content = result("models", "convert", source, out)
    assert content["recognised"][0]["id"] == "sadtalker/mapping"
    assert content["tensors"] == len(state)
    written = read_weights(out)
    assert sorted(written) == sorted(state)
    assert all(torch.equal(written[key], value) for key, value in state.items())
    done = run("models", "convert", source, out)  # an old file is replaced
    assert f"SadTalker's MappingNet, {len(state)} tensors" in done.out
    assert f"{out} written" in done.out


def test_convert_old_files_to_one_of_the_new_kind(tmp_path: Path) -> None:
    renderer, expression = tmp_path / "r.pth.tar", tmp_path / "e.pth"
    torch.save({"generator": generator_state(), "kp_detector": kp_state()}, renderer)
    torch.save({"model": exp_state()}, expression, _use_new_zipfile_serialization=False)
    out = tmp_path / "all.safetensors"
    content = result("models", "convert", renderer, expression, out)
    assert {entry["under"] for entry in content["recognised"]} == {
        "generator",
        "kp_extractor",
        "audio2exp",
    }
    assert sorted(read_weights(out, "audio2exp")) == sorted(exp_state())
    assert sorted(read_weights(out, "kp_extractor")) == sorted(kp_state())
    # and again from the safetensors file, with something foreign in it
    write_weights(read_weights(out) | {"foreign.x": torch.ones(1)}, tmp_path / "more.safetensors")
    again = result("models", "convert", tmp_path / "more.safetensors", tmp_path / "b.safetensors")
    assert again["recognised"][-1]["left_out"] == 1
    assert (tmp_path / "b.safetensors").read_bytes() == out.read_bytes()


def test_what_convert_refuses(tmp_path: Path) -> None:
    source = tmp_path / "a.pth"
    torch.save(mapping_state(), source)
    out = tmp_path / "out.safetensors"
    for words, code, said in (
        ([source], 2, "Say what to convert"),
        ([source, tmp_path / "out.pth"], 2, "must end with .safetensors"),
        ([tmp_path / "none.pth", out], 6, "does not exist"),
        ([source, source, out], 2, "has a file of its own"),
    ):
        done = run("models", "convert", *words)
        assert done.code == code, done.err
        assert said in done.sentence
    torch.save(kp_state(), source)
    assert "and in a file before it" in run("models", "convert", source, source, out).sentence
    state = kp_state()
    whole = len(state)
    del state["kp.bias"]
    torch.save(state, source)
    done = run("models", "convert", source, out)
    assert done.code == 6
    said = f"The nearest is SadTalker's keypoint detector: {whole - 1} of {whole} keys match"
    assert said in done.sentence
    assert "kp.bias" in done.sentence
    # Known by its signature, but not whole.
    state = kp_state()
    del state["predictor.conv.bias"]
    torch.save(state, source)
    done = run("models", "convert", source, out)
    assert done.code == 6
    assert "1 missing: predictor.conv.bias" in done.sentence
    marker = tmp_path / "ran"
    as_zip(source, reduce_call("os", "system", f"touch {marker}"))
    done = run("models", "convert", source, out)
    assert done.code == 6
    assert "'os.system'" in done.sentence
    assert not marker.exists()
    assert not out.exists()
    write_weights(mapping_state(), out)
    assert "is one of the files to convert" in run("models", "convert", out, out).sentence


# check


def test_check_reads_the_bytes_again(tmp_path: Path, hub: FakeHub) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    path = folder / MAPPING_CROP.file
    words = ("models", "check", "--models-dir", folder)
    assert [entry["state"] for entry in result(*words)["files"]][:1] == ["not here"]
    path.write_bytes(CONTENT)
    good = result(*words)
    assert good["ok"] is True
    assert [entry["state"] for entry in good["files"]] == ["good", *["nothing to compare"] * 2]
    # damaged without a trace in size or time
    stamp = path.stat()
    path.write_bytes(b"W" + CONTENT[1:])
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    done = run(*words, "--json")
    assert done.code == 6
    assert json.loads(done.out)["ok"] is False
    assert json.loads(done.out)["files"][0]["state"] == "damaged or another file"
    assert "not the published file" in run(*words).out


def test_check_accepts_what_the_user_trusts(tmp_path: Path, hub: FakeHub) -> None:
    path = tmp_path / MAPPING_CROP.file
    path.write_bytes(b"my own")
    words = ("models", "check", MAPPING_CROP.name, "--models-dir", tmp_path)
    assert run(*words).code == 6
    assert run("models", "check", "--accept").code == 2
    empty = ("--models-dir", tmp_path / "empty")
    elsewhere = run("models", "check", MAPPING_CROP.name, *empty, "--accept")
    assert elsewhere.code == 6
    assert "to accept" in elsewhere.err
    assert run(*words, "--accept").code == 0
    assert run(*words).code == 0
    assert result("models", "--models-dir", tmp_path)["downloads"][0]["present"] is True


def test_names_of_sets_are_in_the_help() -> None:
    text = run("models", "--help").out
    for name in SETS:
        assert name in text
    for flag in ("--models-dir", "--mirror", "--offline", "--accept"):
        assert flag in text
