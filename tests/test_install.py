"""The installer of web UIs installs what is missing, respects what is there, and never fails."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_SPEC = importlib.util.spec_from_file_location("talking_portraits_install", ROOT / "install.py")
assert _SPEC is not None
assert _SPEC.loader is not None
install = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(install)


class Launch(types.ModuleType):
    """Stands in for the host's module of that name."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__("launch")
        self.__spec__ = importlib.util.spec_from_loader("launch", None)
        self.commands: list[str] = []
        self.fails = fails

    def run_pip(self, command: str, desc: str = "") -> None:
        self.commands.append(command)
        if self.fails:
            raise RuntimeError("no network")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Launch:
    launch = Launch()
    monkeypatch.setitem(sys.modules, "launch", launch)
    return launch


def lacking(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    present = install.is_present
    monkeypatch.setattr(install, "is_present", lambda name: name not in names and present(name))


def test_nothing_to_do_twice(host: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert (install.main(), install.main()) == (0, 0)
    assert host.commands == []
    assert capsys.readouterr().out == ""


def test_only_what_is_missing_and_nothing_of_the_host_changes(
    host: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking(monkeypatch, "huggingface_hub", "av")
    assert install.main() == 0
    specs = [command.split('"')[1] for command in host.commands]
    assert [spec.partition(">=")[0] for spec in specs] == ["av", "huggingface_hub"]
    for command in host.commands:
        assert '"numpy==' in command
        assert '"torch==' in command
        assert "upgrade" not in command


def test_torch_and_numpy_are_the_hosts(
    host: Launch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking(monkeypatch, "torch", "numpy")
    assert install.main() == 0
    assert host.commands == []
    assert "the host should bring torch, numpy" in capsys.readouterr().out


def test_opencv_is_never_installed_into_a_host(
    host: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its four wheels a host may have any; a second one overwrites the first."""
    monkeypatch.setattr(install, "is_present", lambda name: False)
    assert install.main() == 0
    assert host.commands
    assert not [command for command in host.commands if "opencv" in command]


def test_presence_is_asked_of_the_import_name() -> None:
    assert install.is_present("Pillow")
    assert not install.is_present("no-such-distribution")


def test_failure_of_one_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = Launch(fails=True)
    monkeypatch.setitem(sys.modules, "launch", launch)
    lacking(monkeypatch, "safetensors", "av")
    assert install.main() == 0
    assert len(launch.commands) == 2
    assert "safetensors could not be installed: no network" in capsys.readouterr().out


def test_outside_a_host_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking(monkeypatch, "av")
    assert install.main() == 0
    assert 'pip install "av>=14.2"' in capsys.readouterr().out


def test_markers(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'tomli>=2; python_version < "3.11"  # why\n\n# only words\nav>=12\n'
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    assert install.requirements(text) == [("tomli", "tomli>=2"), ("av", "av>=12")]
    monkeypatch.setattr(sys, "version_info", (3, 11, 0))
    assert install.requirements(text) == [("av", "av>=12")]
    with pytest.raises(ValueError, match="marker"):
        install.requirements('x; sys_platform == "win32"')


class Distribution:
    """What ``importlib.metadata`` says of one that is installed."""

    def __init__(self, *requires: str) -> None:
        self.requires = list(requires)
        self.metadata = {"Name": "another"}


def installed(monkeypatch: pytest.MonkeyPatch, version: str, *requires: str) -> None:
    """Another extension brought this av, and this is what another package asks for."""
    real = install.importlib.metadata.version
    known = types.SimpleNamespace(
        version=lambda name: version if name == "av" else real(name),
        distributions=lambda: [Distribution(*requires), types.SimpleNamespace(requires=None)],
        PackageNotFoundError=install.importlib.metadata.PackageNotFoundError,
    )
    monkeypatch.setattr(install.importlib, "metadata", known)


@pytest.mark.parametrize(
    ("version", "asks"), [("12.3.0", 1), ("14.1", 1), ("9", 1), ("14.2.0", 0), ("17.1.0rc1", 0)]
)
def test_an_av_too_old_is_replaced(
    host: Launch, monkeypatch: pytest.MonkeyPatch, version: str, asks: int
) -> None:
    installed(monkeypatch, version, "numpy<2", "imageio")
    assert install.main() == 0
    assert [command.split('"')[1] for command in host.commands] == ["av>=14.2"] * asks


@pytest.mark.parametrize(
    "line", ["av==12.3.0", "av (<14)", "av>=11,<14.2", "AV~=12.3", "av ==12.*"]
)
def test_an_av_that_somebody_needs_stays(
    host: Launch, monkeypatch: pytest.MonkeyPatch, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(monkeypatch, "12.3.0", line)
    assert install.main() == 0
    assert host.commands == []
    assert "another here needs an older av" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line", ["av", "av>=9", "av<15", "av~=14.0", "avro==1", "av==12; extra == 'video'", "av==14.*"]
)
def test_what_allows_a_newer_av_does_not_keep_the_old_one(
    host: Launch, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    installed(monkeypatch, "12.3.0", line)
    assert install.main() == 0
    assert len(host.commands) == 1


def test_the_hosts_own_packages_stay_whatever_their_version(
    host: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "is_too_old", lambda name, spec: True)
    assert install.main() == 0
    assert [command.split('"')[1] for command in host.commands] == ["av>=14.2"]


def test_of_pips_output_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = Launch()

    def run_pip(command: str, desc: str = "") -> None:
        raise RuntimeError(
            "Couldn't install.\nCommand: x\nstderr: WARNING: Retrying\n"
            "ERROR: Could not find a version\nERROR: No matching distribution found for av\n\n"
        )

    launch.run_pip = run_pip  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "launch", launch)
    lacking(monkeypatch, "av")
    assert install.main() == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "Talking Portraits: av could not be installed: No matching distribution found for av"
    ]
