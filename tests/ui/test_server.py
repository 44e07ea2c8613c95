"""What the server gives out and takes in: paths, sizes, passwords, many jobs; without a browser."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sadtalker_core.jobs.animate import run_animate
from sadtalker_core.jobs.settings import build_job
from sadtalker_core.ui.page import PARTS

from .conftest import Served, end, needs_gradio, start

pytestmark = [pytest.mark.hosts, needs_gradio]
BOUNDARY = "talking-portraits-boundary"
GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "webui.md"


def ask(url: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Status and body."""
    request = urllib.request.Request(
        url, data, {k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def upload(served: Served, name: str, content: bytes, **headers: str) -> tuple[int, bytes]:
    head = f'Content-Disposition: form-data; name="files"; filename="{name}"'
    body = (
        f"--{BOUNDARY}\r\n{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return ask(f"{served.url}/gradio_api/upload", body, Content_Type=kind, **headers)


@pytest.fixture(scope="module")
def secret(served: Served) -> Path:
    """A file that is not below the page's folders, but beside them."""
    path = served.out.parent / "secret.txt"
    path.write_text("do not tell")
    return path


@pytest.mark.parametrize(
    "route", ["file=", "gradio_api/file=", "gradio_api/file/", "static/", "assets/"]
)
@pytest.mark.parametrize(
    "form", ["{path}", "{out}/../secret.txt", "{out}/%2e%2e/secret.txt", "../secret.txt"]
)
def test_no_file_beside_the_folders_is_given_out(
    served: Served, secret: Path, route: str, form: str
) -> None:
    served.out.mkdir(exist_ok=True)
    path = form.format(path=secret, out=served.out)
    for text in (path, urllib.parse.quote(path, safe="")):
        status, body = ask(f"{served.url}/{route}{text}")
        assert b"do not tell" not in body
        assert status != 200 or b"<html" in body.lower(), (status, body[:80])


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/etc/hostname", "pyproject.toml", "/proc/self/environ"]
)
def test_no_file_of_the_machine_is_given_out(served: Served, path: str) -> None:
    status, _ = ask(f"{served.url}/gradio_api/file={path}")
    assert status in (403, 404)


@pytest.mark.parametrize("name", ["../../evil.wav", "/tmp/evil.wav", "..\\..\\evil.wav"])
def test_an_upload_stays_where_uploads_are(served: Served, name: str) -> None:
    status, body = upload(served, name, b"RIFF")
    assert status == 200
    (path,) = json.loads(body)
    assert Path(path).resolve().is_relative_to(served.temp.resolve())
    assert not list(served.out.parent.glob("evil*"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_other_websites_can_neither_look_nor_act(served: Served, headers: dict[str, str]) -> None:
    assert ask(f"{served.url}/config", None, **headers)[0] == 403
    assert upload(served, "a.wav", b"x", **headers)[0] == 403
    body = b'{"data": [], "fn_index": 0, "session_hash": "x"}'
    join = f"{served.url}/gradio_api/queue/join?"
    assert ask(join, body, Content_Type="application/json", **headers)[0] == 403
    assert ask(f"{served.url}/config")[0] == 200


@pytest.mark.parametrize("name", ["evil.html", "evil.svg"])
def test_an_uploaded_page_is_given_out_to_be_saved_only(served: Served, name: str) -> None:
    _, body = upload(served, name, b"<script>alert(1)</script>")
    (path,) = json.loads(body)
    with urllib.request.urlopen(f"{served.url}/gradio_api/file={path}", timeout=60) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")


def test_what_goes_in_and_out_is_not_remembered(served: Served) -> None:
    status, body = ask(f"{served.url}/gradio_api/runs")
    assert status != 200 or b"<html" in body.lower()


def info(served: Served) -> dict[str, Any]:
    _, body = ask(f"{served.url}/gradio_api/info")
    return json.loads(body)["named_endpoints"]


def test_the_guide_names_every_part_and_every_endpoint(served: Served) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    parts = text.partition("### Its parts")[2].partition("\n###")[0]
    assert [f"- **{title}**" for title, _ in PARTS] == re.findall(r"^- \*\*[\w-]+\*\*", parts, re.M)
    programs = text.partition("### For programs")[2].partition("\n## ")[0]
    told = programs.partition(" are there")[0].rpartition("\n\n")[2]
    assert set(re.findall(r"`(/\w+)`", told)) == set(info(served))
    for name, wanted in (
        ("/relip", {"video", "audio", "engine"}),
        ("/enhance", {"video", "picture", "enhancer"}),
    ):
        assert wanted <= {each["parameter_name"] for each in info(served)[name]["parameters"]}


def values_for(served: Served, name: str, **given: Any) -> list[Any]:
    """The inputs of an endpoint, with their defaults."""
    parameters = info(served)[name]["parameters"]
    known = {each["parameter_name"] for each in parameters}
    assert given.keys() <= known, known
    return [given.get(each["parameter_name"], each.get("parameter_default")) for each in parameters]


def file_of(served: Served, path: Path) -> dict[str, Any]:
    status, body = upload(served, path.name, path.read_bytes())
    assert status == 200
    return {"path": json.loads(body)[0], "meta": {"_type": "gradio.FileData"}}


def call(served: Served, name: str, values: list[Any]) -> str:
    """The status of the last answer of an endpoint, as HTML."""
    body = json.dumps({"data": values}).encode()
    _, answer = ask(f"{served.url}/gradio_api/call{name}", body, Content_Type="application/json")
    event = json.loads(answer)["event_id"]
    _, stream = ask(f"{served.url}/gradio_api/call{name}/{event}")
    said = [line[6:] for line in stream.decode().splitlines() if line.startswith("data: [")]
    return str(json.loads(said[-1])[0]) if said else stream.decode()


def test_a_program_makes_a_video_by_names(
    served: Served, demo_portrait: Path, short_voice: Path
) -> None:
    names = {each["parameter_name"] for each in info(served)["/talk"]["parameters"]}
    assert {"portrait", "audio", "engine", "pose_scale", "seed"} <= names
    values = values_for(
        served,
        "/talk",
        portrait=file_of(served, demo_portrait),
        audio=file_of(served, short_voice),
        pose_scale=0.5,
    )
    assert "Ready: portrait-" in call(served, "/talk", values)


def test_a_program_gives_a_video_other_words_and_names_no_file(
    served: Served, demo_portrait: Path, voice: Path, short_voice: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    run_animate(build_job({"portrait": demo_portrait, "audio": voice, "out": clip}))
    known: dict[str, Any] = {
        "video": file_of(served, clip),
        "audio": file_of(served, short_voice),
        "repeat": "hold",
    }
    assert "1.0 s of 512x512" in call(served, "/relip", values_for(served, "/relip", **known))
    known |= {"engine": "videoretalking", "exp_img": str(clip)}
    said = call(served, "/relip", values_for(served, "/relip", **known))
    assert "Ready" not in said
    assert "models download" not in said, "refused before anything is looked for"
    picture = {"picture": file_of(served, demo_portrait)}
    said = call(served, "/enhance", values_for(served, "/enhance", **picture))
    assert "models download gfpgan-1.4" in said


@pytest.mark.parametrize("path", ["/etc/passwd", "{secret}"])
def test_a_program_cannot_name_files_of_the_machine(
    served: Served, secret: Path, short_voice: Path, path: str
) -> None:
    named = {"path": path.format(secret=secret), "meta": {"_type": "gradio.FileData"}}
    values = values_for(served, "/talk", portrait=named, audio=file_of(served, short_voice))
    said = call(served, "/talk", values)
    assert "Ready" not in said
    assert "do not tell" not in said


def test_twenty_jobs_at_once_lose_nothing(
    served: Served, demo_portrait: Path, short_voice: Path
) -> None:
    before = set(served.out.glob("*.mp4"))
    portrait, sound = file_of(served, demo_portrait), file_of(served, short_voice)
    values = values_for(
        served, "/talk", portrait=portrait, audio=sound, frame="resize", frame_size=64
    )
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda: answers.append(call(served, "/talk", values)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(400)
    assert sum("Ready: " in answer for answer in answers) == 20
    assert len(set(served.out.glob("*.mp4")) - before) == 20
    assert not list(served.out.glob(".talking-portraits-*"))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    page = start(
        tmp_path_factory.mktemp("guarded"), "--password", "open sesame", "--upload-mb", "1"
    )
    yield page
    end(page)


def cookie_for(served: Served, password: str) -> str:
    """What a browser sends after the right password; empty after a wrong one."""
    form = urllib.parse.urlencode({"username": "anna", "password": password}).encode()
    request = urllib.request.Request(f"{served.url}/login", form)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            given = answer.headers.get_all("Set-Cookie") or []
    except urllib.error.HTTPError as error:
        with error:
            return ""
    return "; ".join(each.split(";")[0] for each in given)


def test_without_the_password_nothing_is_shown(guarded: Served) -> None:
    for route in ("gradio_api/info", "config", "gradio_api/config", "gradio_api/file=/etc/passwd"):
        assert ask(f"{guarded.url}/{route}")[0] in (401, 404)
    assert upload(guarded, "a.wav", b"x")[0] == 401
    assert not cookie_for(guarded, "wrong")
    assert not cookie_for(guarded, "")
    cookie = cookie_for(guarded, "open sesame")
    assert ask(f"{guarded.url}/config", Cookie=cookie)[0] == 200
    # How large an upload may be is for those who are in.
    assert upload(guarded, "small.wav", b"x" * 500_000, Cookie=cookie)[0] == 200
    assert upload(guarded, "large.wav", b"x" * 1_500_000, Cookie=cookie)[0] == 413


def test_it_ends_quickly_and_takes_away_what_was_temporary(tmp_path: Path) -> None:
    page = start(tmp_path)
    assert list(page.temp.glob("talking-portraits-*"))
    assert upload(page, "a.wav", b"x")[0] == 200
    begin = time.monotonic()
    end(page)
    assert time.monotonic() - begin < 15
    assert page.process.returncode == 0
    assert not list(page.temp.glob("talking-portraits-*"))
