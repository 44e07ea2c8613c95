"""A web UI (A1111 or Forge) of the tests: started with folders of its own, asked, stopped."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).parent / "probe"
START_S = 600
_NOT_COPIED = (
    *(".venv*", ".git", "outputs", "tests", "__pycache__", ".*_cache", "*.egg-info", "docs"),
    *("benchmarks", "node_modules", "build", "dist", "models"),
)
# Of both hosts: what does not exist in one of them is ignored there.
_FLAGS = (
    *("--ui-debug-mode", "--skip-torch-cuda-test", "--skip-python-version-check", "--no-half"),
    *("--no-download-sd-model", "--no-hashing", "--disable-nan-check", "--api"),
)
# Their installers move numpy to a version that the web UI cannot run with.
_DISABLED = ["forge_legacy_preprocessors", "sd_forge_controlnet"]


class WebUI:
    """A running web UI with a data folder of its own, and this extension in it.

    Attributes:
        data: its data folder.
        extension: our folder in there.
        seconds: from the start to the first answer.
    """

    def __init__(
        self,
        source: Path,
        python: str,
        data: Path,
        folder: str = "talking-portraits",
        linked: bool = False,
        flags: tuple[str, ...] = (),
        without: tuple[str, ...] = (),
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Start it and wait until it answers.

        Args:
            source: of the web UI; nothing is written there but what it writes itself.
            python: interpreter with its packages.
            data: folder for ``--data-dir``; may hold what an earlier start left.
            folder: name of our folder in ``extensions``; empty leaves us out.
            linked: link a copy that lies elsewhere, instead of putting it there.
            flags: further ones of its command line.
            without: packages that cannot be imported there.
            settings: of the web UI.
        """
        self.data, self.folder = data, folder
        self.extension = data / "extensions" / (folder or "-")
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log_path = data / "webui.log"
        self.extension.parent.mkdir(parents=True, exist_ok=True)
        if not (data / "config.json").exists():
            values = {"disabled_extensions": _DISABLED, **(settings or {})}
            (data / "config.json").write_text(json.dumps(values), encoding="utf-8")
        shutil.copytree(PROBE, data / "extensions" / "probe", dirs_exist_ok=True)
        if folder and not self.extension.exists():
            place = data / "elsewhere" if linked else self.extension
            shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(*_NOT_COPIED))
            if linked:
                self.extension.symlink_to(place, target_is_directory=True)
        self._start(source, python, flags, without)

    def _start(
        self, source: Path, python: str, flags: tuple[str, ...], without: tuple[str, ...]
    ) -> None:
        own = shlex.split(os.environ.get("WEBUI_ARGS") or "--always-cpu")
        command = [python, "launch.py", *_FLAGS, *own, *flags]
        command += ["--data-dir", str(self.data), "--port", str(self.port)]
        # With a data folder elsewhere Forge does not even give out its own scripts.
        command += ["--gradio-allowed-path", str(source)]
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
            "GRADIO_ANALYTICS_ENABLED": "False",
            "COMMANDLINE_ARGS": "",
            "PYTHONPATH": "",
        }
        if without:
            environment["PYTHONPATH"] = str(_blocker(self.data, without))
        begun = time.monotonic()
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=source,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        until = begun + START_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"The web UI ended while starting:\n{self.log[-4000:]}")
            # A question that comes before this line makes web UI 1.8.0 end.
            if "Startup time" in self.log:
                self.get("/probe/ready")
                self.seconds = time.monotonic() - begun
                return
            time.sleep(0.3)
        self.stop()
        raise RuntimeError(f"The web UI did not answer in {START_S} s:\n{self.log[-4000:]}")

    @property
    def log(self) -> str:
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    @property
    def outputs(self) -> Path:
        """Where our results go unless a setting says otherwise."""
        return Path(self.get("/probe/ready")["outputs"]) / "talking-portraits"

    def results(self) -> set[str]:
        """Names of our videos."""
        return {path.name for path in self.outputs.glob("*.mp4")}

    def leftovers(self) -> list[Path]:
        """Files of a job that did not come to its end."""
        return list(self.outputs.glob(".talking-portraits-*"))

    def stop(self) -> None:
        """End the web UI and what it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> WebUI:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def get(self, path: str, timeout_s: float = 120.0) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=timeout_s) as answer:
            return json.loads(answer.read() or b"null")

    def post(self, path: str, data: Any = None, timeout_s: float = 120.0) -> Any:
        request = urllib.request.Request(
            self.url + path, json.dumps(data).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return json.loads(answer.read() or b"null")

    def hold(self) -> None:
        """Hold the queue, as a picture that is generated does, until ``go_on``."""
        assert self.get("/probe/hold", timeout_s=600) == "held"

    def hold_job(self) -> None:
        """Hold the next job of ours at one of its first frames until ``go_on``."""
        self.get("/probe/hold_job")

    def job_is_held(self) -> bool:
        return bool(self.get("/probe/job_is_held"))

    def job_is(self, what: str) -> bool:
        """Whether a job that has not ended is ``stopping``, or ``left`` by its page."""
        return any(job[what] for job in self.get("/probe/jobs"))

    def go_on(self) -> None:
        """Whatever is held goes on."""
        self.get("/probe/go_on")

    @property
    def gradio(self) -> int:
        """The first number of its gradio."""
        return int(self.get("/probe/versions")["gradio"].partition(".")[0])

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def progress(self) -> dict[str, Any]:
        """What the web UI says of the job that runs."""
        return self.get("/sdapi/v1/progress")


def _blocker(data: Path, names: tuple[str, ...]) -> Path:
    """A folder for the import path that makes packages impossible to find."""
    folder = data / "blocker"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder\n"
        f"names = {names!r}\n"
        "find = PathFinder.find_spec.__func__\n"
        "def find_spec(cls, name, path=None, target=None):\n"
        "    hidden = name.split('.')[0] in names\n"
        "    return None if hidden else find(cls, name, path, target)\n"
        "PathFinder.find_spec = classmethod(find_spec)\n",
        encoding="utf-8",
    )
    return folder


def _free_port() -> int:
    """In the range that TEST_PORTS names, such as 7900-7949, or any."""
    wanted = os.environ.get("TEST_PORTS", "0-0").split("-")
    for port in range(int(wanted[0]), int(wanted[-1]) + 1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise RuntimeError("every port of TEST_PORTS is taken")
