"""A ComfyUI server of the tests: started, asked over HTTP, listened to, stopped."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .websocket import WebSocket

ROOT = Path(__file__).resolve().parents[2]
Graph = dict[str, dict[str, Any]]
_NOT_COPIED = (".venv*", ".git", "outputs", "tests", "__pycache__", ".*_cache", "*.egg-info")
_ENDS = ("execution_success", "execution_error", "execution_interrupted")


class Refused(Exception):
    """The server refused a graph; ``answer`` says why, node by node."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(json.dumps(answer)[:4000])
        self.answer = answer


@dataclass
class Finished:
    """All that was heard while a graph ran."""

    prompt_id: str
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    previews: list[bytes] = field(default_factory=list)
    """Pictures (JPEG or PNG) sent while nodes ran."""
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Node id to what it shows: the history's outputs."""
    end: str = ""
    seconds: float = 0.0

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for name, data in self.events if name == kind]

    @property
    def cached(self) -> set[str]:
        return {node for data in self.of("execution_cached") for node in data["nodes"]}

    @property
    def error(self) -> str:
        errors = self.of("execution_error")
        return f"{errors[0]['node_type']}: {errors[0]['exception_message']}" if errors else ""


class Server:
    """A running ComfyUI with folders of its own."""

    def __init__(
        self,
        comfy: Path,
        python: str,
        base: Path,
        pack_folder: str | None = "talking-portraits",
        arguments: tuple[str, ...] = ("--cpu",),
        linked: bool = True,
    ) -> None:
        """Start it and wait until it answers.

        Args:
            comfy: its source.
            python: interpreter with its requirements.
            base: empty folder for its models, inputs, outputs and packs.
            pack_folder: name of our folder in custom_nodes; None leaves us out.
            arguments: further ones of its command line.
            linked: link the checkout there; else copy what is needed of it.
        """
        self.base = base
        for name in ("custom_nodes", "models", "input", "output", "user", "temp"):
            (base / name).mkdir(parents=True, exist_ok=True)
        if pack_folder is not None:
            place = base / "custom_nodes" / pack_folder
            if linked:
                place.symlink_to(ROOT, target_is_directory=True)
            else:
                shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log_path = base / "server.log"
        command = [python, "main.py", "--base-directory", str(base), "--port", str(self.port)]
        command += ["--disable-auto-launch", f"--database-url=sqlite:///{base / 'user' / 'c.db'}"]
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *arguments],
                cwd=comfy,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
            )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 240
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"ComfyUI ended while starting:\n{self.log[-4000:]}")
            try:
                self.get("/system_stats", timeout_s=2)
                return
            except OSError:
                time.sleep(0.3)
        self.stop()
        raise RuntimeError(f"ComfyUI did not answer in 240 s:\n{self.log[-4000:]}")

    @property
    def log(self) -> str:
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def get(self, path: str, timeout_s: float = 60.0) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=timeout_s) as answer:
            return json.loads(answer.read() or b"null")

    def post(self, path: str, data: Any) -> Any:
        request = urllib.request.Request(
            self.url + path, json.dumps(data).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as problem:
            text = problem.read()
            if problem.code == 400:
                raise Refused(json.loads(text)) from None
            raise
        return json.loads(text) if text.strip() else None

    def memory_mb(self) -> float:
        """Resident memory of the server (Linux only)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def run(
        self,
        graph: Graph,
        timeout_s: float = 300.0,
        stop_after_progress: int | None = None,
    ) -> Finished:
        """Queue a graph in API format and listen until it ended.

        Args:
            graph: to queue.
            timeout_s: the longest that is waited.
            stop_after_progress: interrupt after so many progress events.
        """
        client = uuid.uuid4().hex
        begun = time.monotonic()
        with WebSocket(f"ws://127.0.0.1:{self.port}/ws?clientId={client}") as events:
            answer = self.post("/prompt", {"prompt": graph, "client_id": client})
            done = Finished(answer["prompt_id"])
            while not done.end:
                if time.monotonic() - begun > timeout_s:
                    self.post("/interrupt", {})
                    raise TimeoutError(f"still running after {timeout_s} s\n{self.log[-2000:]}")
                try:
                    self._hear(events.receive(5.0), done)
                except TimeoutError:
                    continue
                if stop_after_progress is not None and done.of("progress")[stop_after_progress:]:
                    stop_after_progress = None
                    self.post("/interrupt", {})
        done.seconds = time.monotonic() - begun
        done.outputs = self._history(done.prompt_id).get("outputs", {})
        return done

    def _history(self, prompt_id: str) -> dict[str, Any]:
        """What is remembered of a run; written a moment after its last event."""
        for _ in range(100):
            history = self.get(f"/history/{prompt_id}")
            if prompt_id in history:
                return history[prompt_id]
            time.sleep(0.1)
        return {}

    @staticmethod
    def _hear(message: str | bytes, done: Finished) -> None:
        if isinstance(message, bytes):
            (kind,) = struct.unpack(">I", message[:4])
            if kind == 1:
                done.previews.append(message[8:])
            return
        event = json.loads(message)
        name, data = event["type"], event.get("data", {})
        if data.get("prompt_id", done.prompt_id) != done.prompt_id:
            return
        done.events.append((name, data))
        if name in _ENDS:
            done.end = name

    def path_of(self, shown: dict[str, Any]) -> Path:
        """Where a file of a node's ``ui`` lies."""
        return self.base / shown["type"] / shown.get("subfolder", "") / shown["filename"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
