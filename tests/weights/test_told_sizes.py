"""What is said of downloads agrees with the catalog of weights."""

from __future__ import annotations

from pathlib import Path

from sadtalker_core.registry import ENGINES, RELIPPERS, find_engine
from sadtalker_core.weights import published_enhance as enhance
from sadtalker_core.weights import published_wav2lip as wav2lip
from sadtalker_core.weights.published import SETS
from sadtalker_core.weights.store import what_to_download

ROOT = Path(__file__).resolve().parent.parent.parent


def test_what_an_error_asks_for_is_what_the_pages_ask_for() -> None:
    assert what_to_download(SETS["wav2lip"]) == "wav2lip"
    assert what_to_download(wav2lip.JUDGES) == "measure"
    assert what_to_download([wav2lip.SYNCNET_V2]) == "syncnet"
    assert what_to_download([enhance.GFPGAN_14]) == "gfpgan-1.4"
    text = (ROOT / "docs" / "wav2lip.md").read_text(encoding="utf-8")
    for name in ("wav2lip", "measure", "syncnet"):
        assert f"models download {name}" in text


def test_an_engine_says_how_much_it_downloads() -> None:
    """As the catalog has it, wherever the size of every file is known."""
    for engine in (*ENGINES, *RELIPPERS):
        if not engine.needs_download:
            continue
        files = engine.weights(engine.render_options())
        if all(file.size for file in files):
            needed = f"{sum(file.size for file in files) / 1e9:.1f} GB"
            assert f"Needs {needed} of weights" in engine.description, engine.id


def test_the_size_of_sadtalker_is_one_story_everywhere() -> None:
    needed, small, whole = (
        f"{sum(file.size for file in files) / 1e9:.1f} GB"
        for files in (
            find_engine("sadtalker").weights(find_engine("sadtalker").render_options()),
            SETS["sadtalker-small"],
            SETS["sadtalker"],
        )
    )
    assert f"({whole} for all)" in find_engine("sadtalker").description
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert (
        f"One size and mode needs {needed} of weights, all of them {whole} "
        f"(`sadtalker-small`: {small}" in readme
    )
    models = " ".join((ROOT / "docs" / "models.md").read_text(encoding="utf-8").split())
    assert f"{whole} in all, for every size and mode; one size and mode needs {needed}" in models
