"""What the tab says while something is missing."""

from __future__ import annotations

import importlib.metadata

import pytest

from sadtalker_core.ui import page


@pytest.mark.parametrize(
    ("version", "found"),
    [("12.3.0", ["av>=14.2"]), ("14.1.9", ["av>=14.2"]), ("14.2.0", []), ("18.1.0", [])],
)
def test_an_av_too_old_is_named(
    monkeypatch: pytest.MonkeyPatch, version: str, found: list[str]
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
    assert page.missing_packages() == found


def test_an_av_without_a_number_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", unknown)
    assert page.missing_packages() == []


def test_the_line_can_be_pasted() -> None:
    said = page.missing_html(["safetensors", "av>=14.2"])
    assert "without safetensors, av&gt;=14.2." in said
    assert "pip install safetensors &quot;av&gt;=14.2&quot;</code>" in said


def test_the_library_and_the_requirement_agree() -> None:
    from tests.test_install import ROOT, install

    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert dict(install.requirements(text))["av"] == f"av>={'.'.join(map(str, page.AV_LEAST))}"
