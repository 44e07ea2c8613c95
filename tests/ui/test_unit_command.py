"""The command ui before it serves anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from sadtalker_core.cli import main
from sadtalker_core.errors import OptionError
from sadtalker_core.ui import local
from sadtalker_core.ui.local import LocalOptions

from .conftest import needs_gradio


@pytest.fixture
def six(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local.versions, "is_present", lambda: True)
    monkeypatch.setattr(local.versions, "version", lambda: (6, 31, 0))
    monkeypatch.setattr(local, "_check_address", lambda address: None)


def options(**known: object) -> LocalOptions:
    return LocalOptions(out=Path("out"), temp=Path("temp"), **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "flags",
    [["--port", "x"], ["--port", "70000"], ["--port", "-1"], ["--port", "²"], ["--upload-mb", "0"]],
)
def test_wrong_numbers_are_refused(
    flags: list[str], capsys: pytest.CaptureFixture[str], six: None
) -> None:
    assert main(["ui", *flags]) == 2
    assert "must be a whole number from" in capsys.readouterr().err


def test_without_gradio_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local.versions, "is_present", lambda: False)
    assert main(["ui"]) == 2
    said = capsys.readouterr().err
    assert "pip install 'gradio>=6'" in said
    assert said.startswith("The page is being set up"), "seconds without a word look dead"


def test_old_gradios_are_for_web_uis_alone(monkeypatch: pytest.MonkeyPatch, six: None) -> None:
    monkeypatch.setattr(local.versions, "version", lambda: (4, 40, 0))
    with pytest.raises(OptionError, match=r"gradio 6 or newer, here is 4\.40\.0"):
        local.check(options())


def test_who_lets_others_in_needs_a_password(six: None) -> None:
    for known in ({"share": True}, {"address": "0.0.0.0"}, {"address": "192.168.1.2"}):
        with pytest.raises(OptionError, match="--password"):
            local.check(options(**known))
        local.check(options(**known, password="open sesame"))
    for address in ("127.0.0.1", "localhost"):
        local.check(options(address=address))


def test_the_command_refuses_strangers_without_a_password(
    capsys: pytest.CaptureFixture[str], six: None
) -> None:
    assert main(["ui", "--address", "0.0.0.0"]) == 2
    assert "--password" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["::1", "nonsense.invalid", "203.0.113.7", ""])
def test_an_address_of_another_machine_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    monkeypatch.setattr(local.versions, "is_present", lambda: True)
    monkeypatch.setattr(local.versions, "version", lambda: (6, 31, 0))
    assert main(["ui", "--address", address, "--password", "open sesame"]) == 2
    assert "no IPv4 address of this machine" in capsys.readouterr().err


def test_nothing_temporary_stays_where_it_was_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, six: None
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["ui", "--address", "0.0.0.0"]) == 2
    assert not list(tmp_path.iterdir())


@needs_gradio
def test_a_machine_too_busy_to_answer_itself_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(**known: object) -> None:
        raise ValueError("When localhost is not accessible, a shareable link must be created.")

    (tmp_path / "temp").mkdir()
    if local.versions.version()[0] < local.NEWEST_OF:
        pytest.skip("this gradio is for web UIs")
    server = local.Server(LocalOptions(out=tmp_path / "out", temp=tmp_path / "temp"))
    monkeypatch.setattr(server.page, "launch", busy)
    with pytest.raises(OptionError, match="does not answer on this machine"):
        server.start()
    assert not (tmp_path / "temp").exists(), "nothing temporary is left"
