"""The table of published files says all that a download and a lawyer need."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sadtalker_core.weights import published_enhance as enhance
from sadtalker_core.weights import published_liveportrait as liveportrait
from sadtalker_core.weights import published_retalking as retalking
from sadtalker_core.weights import published_wav2lip as wav2lip
from sadtalker_core.weights.catalog import BUNDLED, WeightFile
from sadtalker_core.weights.published import LEGACY, PUBLISHED, RETINAFACE, SADTALKER, SETS
from sadtalker_core.weights.store import WeightStore, is_downloaded

ALL = (*PUBLISHED, *LEGACY)
# Their pages' hashes are not known here; a commit or the first download says what they are.
UNHASHED = (
    *liveportrait.ANIMAL,
    *liveportrait.HUMAN_COPY,
    *liveportrait.ANIMAL_COPY,
    enhance.GFPGAN_12,
    enhance.GPEN_512,
    enhance.RESTOREFORMER,
    *enhance.UPSCALERS,
    *wav2lip.COPIES,
    *retalking.ALL,
)
# Engines, and what is none: enhancers and measures.
USERS = {"sadtalker", "liveportrait", "enhance", "wav2lip", "videoretalking", "measure"}
# Authors' own pages, besides the releases on GitHub.
PAGES = (
    "https://github.com/",
    "https://www.adrianbulat.com/downloads/python-fan/",
    "https://www.robots.ox.ac.uk/~vgg/software/",
)


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
def test_entries_are_complete(file: WeightFile) -> None:
    assert is_downloaded(file)
    if file not in UNHASHED:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.size > 1_000_000
    assert file.engines
    assert USERS >= set(file.engines)
    assert "/" not in file.file
    assert file.description
    assert file.origin
    assert file.licence.count(" ") > 2  # words, not a label
    assert all(url.startswith(PAGES) for url in file.urls)
    assert all(url.endswith(f"/{file.file}") for url in file.urls)
    assert re.fullmatch(r"[\w-]+/[\w.-]+", file.repository) or (file.urls and not file.repository)


def test_names_files_and_hashes_are_distinct() -> None:
    for field in ("name", "file"):
        assert len({getattr(file, field) for file in ALL}) == len(ALL)
    hashes = [file.sha256 for file in ALL if file not in UNHASHED]
    assert len(set(hashes)) == len(hashes)
    places = [(file.repository, *file.urls, file.hub_path or file.file) for file in ALL]
    assert len(set(places)) == len(places)


def test_sets() -> None:
    assert SETS["sadtalker"] == SADTALKER
    assert set(SETS["liveportrait"]) == set(liveportrait.HUMAN)
    assert liveportrait.RETARGETING in SETS["liveportrait-animal"]
    names = {file.name for file in (*ALL, *BUNDLED)}
    assert not names & set(SETS)
    for files in SETS.values():
        assert set(files) <= set(ALL)


def test_doubts_are_written_down() -> None:
    for file in ALL:
        if file.name.startswith("sadtalker") and "renderer" not in file.name:
            assert "Basel Face Model" in file.licence
    assert "Wav2Lip" in PUBLISHED[0].licence
    assert not any(is_downloaded(file) for file in BUNDLED)


def test_what_is_for_research_only_says_so() -> None:
    for file in (*wav2lip.SET, wav2lip.WAV2LIP, wav2lip.LIP_EXPERT):
        assert file.licence.startswith("Research and personal use only")
        assert "LRS2" in file.licence


def test_the_layout_of_sadtalker_itself(tmp_path: Path) -> None:
    # SADTALKER_CHECKPOINTS names checkpoints/; the face files lie in gfpgan/weights/ beside it.
    face = tmp_path / "gfpgan" / "weights" / RETINAFACE.file
    face.parent.mkdir(parents=True)
    (tmp_path / "checkpoints").mkdir()
    face.write_bytes(b"x")
    environment = {"SADTALKER_CHECKPOINTS": str(tmp_path / "checkpoints")}
    store = WeightStore(environment=environment, cache=tmp_path / "cache")
    found = store.find(RETINAFACE, any_size=True)
    assert found is not None
    assert found.samefile(face)


@pytest.mark.parametrize(
    ("place", "file"),
    [
        ("liveportrait/base_models/warping_module.pth", liveportrait.WARPING),
        (
            "liveportrait/retargeting_models/stitching_retargeting_module.pth",
            liveportrait.RETARGETING,
        ),
        ("liveportrait_animals/base_models_v1.1/warping_module.pth", liveportrait.ANIMAL[2]),
        ("liveportrait/warping_module.safetensors", liveportrait.HUMAN_COPY[2]),
        ("liveportrait/animal/warping_module.safetensors", liveportrait.ANIMAL_COPY[2]),
    ],
)
def test_where_others_keep_liveportrait(tmp_path: Path, place: str, file: WeightFile) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    store = WeightStore(option=tmp_path, environment={}, cache=tmp_path / "cache")
    assert store.find(file, any_size=True) == path
    others = [other for other in ALL if other != file]
    assert not any(store.find(other, any_size=True) for other in others)
