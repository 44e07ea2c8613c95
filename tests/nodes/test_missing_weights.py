"""What a user reads who has no weights yet, and the folders that are looked in."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.systems.liveportrait.toy_files import write_toy_files

from .conftest import Host
from .pack import pack_module

host_models = pack_module("nodes.host_models")
missing_weights = pack_module("nodes.missing_weights")
errors = pack_module("sadtalker_core.errors")
published = pack_module("sadtalker_core.weights.published_liveportrait")

ROOT = Path(__file__).resolve().parents[2]


def said_of(engine: str) -> list[str]:
    with pytest.raises(errors.WeightsError) as caught:
        host_models.load_model(engine)
    return str(caught.value).splitlines()


def test_missing_weights_are_said_in_short_lines(host: Host) -> None:
    folder = host.models / "talking_portraits"
    command = (
        f"  {sys.executable} {ROOT / 'talking_portraits.py'} models download liveportrait "
        f"--models-dir {shlex.quote(str(folder))}"
    )
    assert said_of("liveportrait") == [
        "LivePortrait needs weights that are not here (5 files, 522 MB):",
        "  appearance_feature_extractor.pth (3 MB)",
        "  motion_extractor.pth (113 MB)",
        "  warping_module.pth (182 MB)",
        "  spade_generator.pth (222 MB)",
        "  stitching_retargeting_module.pth (2 MB)",
        "Put them into this folder:",
        f"  {folder}",
        "or let this command, in a terminal, do it:",
        command,
        "Licence: Code and weights MIT. Commercial use: in doubt.",
        "The Model Report node lists all addresses, terms and folders that are read.",
    ]


def test_the_command_that_is_named_runs(host: Host, tmp_path: Path) -> None:
    line = next(line for line in said_of("sadtalker") if "--models-dir" in line)
    words = [*shlex.split(line), "--offline"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == errors.WeightsError.exit_code, done.stderr
    assert str(host.models / "talking_portraits") in done.stderr


def test_a_file_that_was_cut_short_is_named(host: Host) -> None:
    folder = host.models / "liveportrait"
    folder.mkdir()
    (folder / published.MOTION.file).write_bytes(b"version https://git-lfs")
    lines = said_of("liveportrait")
    at = lines.index("Passed over, cut short or another version:")
    wanted = f"  {folder / published.MOTION.file} (23 bytes instead of {published.MOTION.size})"
    assert lines[at + 1] == wanted
    assert sum("Passed over" in line for line in lines) == 1


def test_another_file_under_a_known_name_is_said_with_a_command(host: Host) -> None:
    folder = host.models / "talking_portraits"
    folder.mkdir()
    for file in published.HUMAN:
        with (folder / file.file).open("wb") as stream:
            stream.truncate(file.size)
    lines = said_of("liveportrait")
    assert "is not the published file" in lines[0]
    assert lines[-1] == f"  {missing_weights.program()}"


def test_paths_with_spaces_are_quoted_for_the_system() -> None:
    made = missing_weights.program("C:\\My ComfyUI\\python.exe", "nt")
    assert made.startswith('"C:\\My ComfyUI\\python.exe" ')
    assert missing_weights.program("/my py/python", "posix").startswith("'/my py/python' ")


@pytest.mark.parametrize("place", ["", "base_models", "retargeting_models"])
def test_folders_of_another_pack_are_read(host: Host, place: str) -> None:
    store = host_models.host_store()
    assert host.models / "liveportrait" in store.folders
    assert host.models / "sadtalker" in store.folders
    folder = host.models / "liveportrait" / place
    folder.mkdir(parents=True)
    write_toy_files(folder)
    for path in folder.iterdir():
        found = [
            store.find(file, any_size=True)
            for file in (*published.HUMAN, *published.HUMAN_COPY)
            if file.file == path.name
        ]
        assert found in ([], [path])
    assert any(store.find(file, any_size=True) for file in published.HUMAN)


def test_animals_are_found_in_a_registered_folder(host: Host, tmp_path: Path) -> None:
    import folder_paths

    extra: Any = tmp_path / "more" / "liveportrait"
    (extra / "animal").mkdir(parents=True)
    path = extra / "animal" / "warping_module.safetensors"
    path.write_bytes(b"1")
    folder_paths.folder_names_and_paths["liveportrait"] = ([str(extra)], {".safetensors"})
    file = next(file for file in published.ANIMAL_COPY if "warping" in file.file)
    assert host_models.host_store().find(file) == path


PACKS_FILES = (
    ("models/facerestore_models", "published_enhance", "GFPGAN_14"),
    ("models/upscale_models", "published_enhance", "REALESRGAN_X2"),
    ("models/videoretalking", "published_retalking", "DNET"),
    ("custom_nodes/ComfyUI_wav2lip/Wav2Lip/checkpoints", "published_wav2lip", "WAV2LIP_GAN"),
)


@pytest.mark.parametrize(("place", "module", "name"), PACKS_FILES)
def test_lips_and_enhancers_of_other_packs_are_found(
    host: Host, monkeypatch: pytest.MonkeyPatch, place: str, module: str, name: str
) -> None:
    import folder_paths

    packs = ([str(host.base / "custom_nodes")], set[str]())
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "custom_nodes", packs)
    file = getattr(pack_module(f"sadtalker_core.weights.{module}"), name)
    folder = host.base / place
    folder.mkdir(parents=True)
    (folder / file.file).write_bytes(b"1")
    assert host_models.host_store().find(file, any_size=True) == folder / file.file


def test_codeformer_is_found_under_the_name_that_others_give_it(host: Host) -> None:
    path = host.models / "facerestore_models" / "codeformer-v0.1.0.pth"
    path.parent.mkdir()
    path.write_bytes(b"1")
    file = pack_module("sadtalker_core.weights.published_enhance").CODEFORMER
    assert host_models.host_store().find(file, any_size=True) == path


def test_face_restorers_of_another_models_directory(host: Host, tmp_path: Path) -> None:
    import folder_paths

    extra: Any = tmp_path / "more" / "facerestore_models"
    extra.mkdir(parents=True)
    file = pack_module("sadtalker_core.weights.published_enhance").GFPGAN_13
    (extra / file.file).write_bytes(b"1")
    folder_paths.folder_names_and_paths["facerestore_models"] = ([str(extra)], {".pth"})
    assert host_models.host_store().find(file, any_size=True) == extra / file.file
