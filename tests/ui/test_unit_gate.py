"""Who may ask the local page, and who tries passwords."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sadtalker_core.errors import OptionError
from sadtalker_core.ui import local
from sadtalker_core.ui.gate import Gate, is_refused
from sadtalker_core.ui.host import LocalHost

HERE = frozenset(local.LOOPBACK)
ANY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("method", "headers", "names", "refused"),
    [
        ("GET", {"host": "127.0.0.1:7860"}, HERE, False),
        ("GET", {"host": "localhost:7860", "origin": "http://localhost:7860"}, HERE, False),
        ("POST", {"host": "[::1]:7860", "origin": "http://[::1]:7860"}, HERE, False),
        ("POST", {"host": "127.0.0.1:7860"}, HERE, False),
        # A website whose name means this machine.
        ("GET", {"host": "evil.example:7860"}, HERE, True),
        ("POST", {"host": "evil.example:80", "origin": "http://evil.example:80"}, HERE, True),
        ("GET", {}, HERE, True),
        ("GET", {"host": "[bad"}, HERE, True),
        # A website of another name, or another program of this machine.
        ("POST", {"host": "127.0.0.1:7860", "origin": "https://evil.example"}, HERE, True),
        ("GET", {"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:3000"}, HERE, True),
        ("POST", {"host": "127.0.0.1:7860", "origin": "null"}, HERE, True),
        ("POST", {"host": "127.0.0.1:7860", "sec-fetch-site": "cross-site"}, HERE, True),
        # A link on another website may lead here.
        ("GET", {"host": "127.0.0.1:7860", "sec-fetch-site": "cross-site"}, HERE, False),
        # With a password any name, such as that of a tunnel.
        ("GET", {"host": "abc.example"}, ANY, False),
        ("POST", {"host": "abc.example", "origin": "https://abc.example"}, ANY, False),
        ("GET", {"host": "abc.example", "origin": "https://evil.example"}, ANY, True),
        # A proxy that has a name of its own.
        (
            "POST",
            {"host": "localhost", "x-forwarded-host": "my.page", "origin": "https://my.page"},
            ANY,
            False,
        ),
        ("POST", {"host": "a.b", "x-forwarded-host": "a.b", "origin": "https://x"}, ANY, True),
    ],
)
def test_other_websites_are_refused(
    method: str, headers: dict[str, str], names: frozenset[str], refused: bool
) -> None:
    assert is_refused(method, headers, names) is refused


def test_the_gate_answers_403_and_hands_over_what_is_right() -> None:
    handed: list[str] = []
    sent: list[Mapping[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        handed.append(scope["type"])

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    gate = Gate(app, HERE)
    good, bad = [(b"Host", b"127.0.0.1:1")], [(b"Host", b"evil.example")]
    for kind, headers in (("http", bad), ("websocket", bad), ("http", good), ("lifespan", good)):
        scope = {"type": kind, "method": "GET", "headers": headers}
        asyncio.run(gate(scope, None, send))  # type: ignore[arg-type]
    assert handed == ["http", "lifespan"]
    assert sent[0]["status"] == 403


def test_guessing_takes_long_and_stops_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "WRONG_S", 0.2)
    guard = local._guard("sésame-street")

    async def tries() -> None:
        begin = time.monotonic()
        wrong = asyncio.create_task(guard("anna", "sesame"))
        await asyncio.sleep(0)
        assert await guard("anna", "sésame-street")
        assert time.monotonic() - begin < 0.1, "others are answered meanwhile"
        assert not await wrong
        assert time.monotonic() - begin >= 0.2
        many = [asyncio.create_task(guard("x", str(n))) for n in range(local.MOST_WRONG)]
        await asyncio.sleep(0.05)
        assert not await guard("anna", "sésame-street"), "too many at a time"
        assert not any(await asyncio.gather(*many))
        assert await guard("anna", "sésame-street")

    asyncio.run(tries())


def test_strangers_get_a_folder_of_their_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shared, other = (LocalHost(out, tmp_path / "temp", is_shared=True) for _ in range(2))
    assert shared.output_folder().parent == out
    assert shared.output_folder() != other.output_folder()
    assert out not in shared.readable_folders()
    assert LocalHost(out, tmp_path / "temp").output_folder() == out
    shared.close()
    assert not shared._out.exists(), "nothing was made"
    (other.output_folder() / "a.mp4").write_bytes(b"x")
    other.close()
    assert (other._out / "a.mp4").is_file()


def test_a_short_password_is_refused_where_others_may_try(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local.versions, "is_present", lambda: True)
    monkeypatch.setattr(local.versions, "version", lambda: (6, 31, 0))
    made = local.LocalOptions(out=tmp_path, temp=tmp_path, password="short", share=True)
    with pytest.raises(OptionError, match="8 letters or more"):
        local.check(made)
