"""Whole jobs in one node: what they give is what the nodes for each step give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest
import torch

from .conftest import Host
from .pack import pack_module
from .scenes import (
    call,
    node,
    portrait,
    run,
    small_head,
    sound,
    talk,
    toy_model,
    two_people,
)
from .test_video import facts

errors = pack_module("sadtalker_core.errors")


def files(host: Host, shown: Any) -> list[Path]:
    """The files that a node showed, which are those that it gives."""
    made = [
        host.output / entry["subfolder"] / entry["filename"]
        for entry in shown.ui.as_dict()["images"]
    ]
    assert [video.get_stream_source() for video in shown.result[0]] == [str(path) for path in made]
    return made


def pixels(path: Path) -> torch.Tensor:
    """(T, H, W, 3) uint8."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return torch.stack([torch.from_numpy(frame) for frame in frames])


def clip(host: Host, frames: int = 8, has_sound: bool = True) -> Any:
    """A VIDEO of the head talking, with sound."""
    model = toy_model(host, "lite")
    ready = portrait(model, small_head())
    audio = sound(frames / 25) if has_sound else None
    shown = call("RenderVideo", model=model, portrait=ready, motion=talk(frames), audio=audio)
    return shown.result[0]


def test_a_picture_and_a_sound_are_enough(host: Host) -> None:
    shown = call("TalkingPortrait", image=small_head(), audio=sound(0.5), format="mkv", seed=4)
    (path,) = files(host, shown)
    found = facts(path)
    assert (found["frames"], found["size"]) == (13, (192, 192))
    assert abs(found["seconds"] - 0.5) < 0.06
    # the same as step by step
    model = run("LoadBuiltIn")[0]
    ready = portrait(model, small_head())
    motion = run("SpeechMotion", audio=sound(0.5), seed=4)[0]
    frames = run("Render", model=model, portrait=ready, motion=motion)[0]
    assert torch.equal(pixels(path), (frames * 255).round().to(torch.uint8))


def test_several_pictures_give_a_video_each(host: Host) -> None:
    image = small_head()
    both = torch.cat([image, image.flip(2)])
    shown = call("TalkingPortrait", image=both, audio=sound(0.2), format="mkv")
    first, second = (pixels(path) for path in files(host, shown))
    assert len(first) == len(second) == 5
    assert not torch.equal(first, second)


def test_a_picture_without_a_face_is_refused_before_any_is_rendered(host: Host) -> None:
    both = torch.cat([small_head(), torch.full_like(small_head(), 0.5)])
    with pytest.raises(errors.NoFaceError):
        call("TalkingPortrait", image=both, audio=sound(0.2))
    assert not any(path.is_file() for path in host.output.rglob("*"))


def test_controls_change_the_motion(host: Host) -> None:
    given: dict[str, Any] = dict(image=small_head(), audio=sound(0.4), format="mkv")

    def shown(**values: Any) -> torch.Tensor:
        return pixels(files(host, call("TalkingPortrait", **given, **values))[0])

    plain = shown()
    assert torch.equal(plain, shown())
    for name, value in (("expression_scale", 0.0), ("yaw", "15"), ("smile", 1.0), ("seed", 9)):
        assert not torch.equal(plain, shown(**{name: value})), name
    assert shown(frame="crop", frame_size=128).shape[1:3] == (128, 128)


@pytest.mark.parametrize("engine", ["liveportrait", "sadtalker"])
def test_any_engine_speaks(host: Host, engine: str) -> None:
    model = toy_model(host, engine)
    shown = call("TalkingPortrait", image=small_head(), audio=sound(0.4), model=model)
    assert facts(files(host, shown)[0])["frames"] == 10


def test_written_angles_turn_sadtalkers_head(host: Host) -> None:
    model = toy_model(host, "sadtalker")
    given: dict[str, Any] = dict(image=small_head(), audio=sound(0.1), model=model, format="mkv")
    shown = [
        pixels(files(host, call("TalkingPortrait", **given, yaw=yaw))[0]) for yaw in ("", "30")
    ]
    assert not torch.equal(*shown)


def test_which_of_two_people_speaks(host: Host) -> None:
    given: dict[str, Any] = dict(image=two_people(), audio=sound(0.2), format="mkv", yaw="20")
    for place, still in (("left", slice(600, 1024)), ("right", slice(0, 400))):
        shown = call("TalkingPortrait", **given, face_select=place)
        frames = pixels(files(host, shown)[0])
        wanted = (two_people()[0] * 255).round().to(torch.uint8)
        assert torch.equal(frames[-1][:, still], wanted[:, still])
        assert not torch.equal(frames[-1], wanted)


class TestDrive:
    """Somebody's video moves a portrait."""

    @pytest.mark.parametrize("engine", ["lite", "liveportrait", "sadtalker"])
    def test_a_video_drives_a_picture_and_gives_its_sound(self, host: Host, engine: str) -> None:
        driving = clip(host)
        model = None if engine == "lite" else toy_model(host, engine)
        shown = call("DrivePortrait", portrait=small_head(), driving=driving, model=model)
        found = facts(files(host, shown)[0])
        assert (found["frames"], found["fps"]) == (8, 25)
        assert abs(found["seconds"] - 0.32) < 0.07

    def test_frames_of_pictures_drive_too_and_sound_can_be_left_out(self, host: Host) -> None:
        video = clip(host)
        images = video.get_components().images
        shown = call("DrivePortrait", portrait=small_head(), driving=images, fps=12.5)
        found = facts(files(host, shown)[0])
        assert (found["frames"], float(found["fps"]), found["seconds"]) == (8, 12.5, 0)
        shown = call("DrivePortrait", portrait=small_head(), driving=video, sound="none")
        assert facts(files(host, shown)[0])["seconds"] == 0

    @pytest.mark.parametrize("engine", ["lite", "liveportrait"])
    def test_a_video_is_moved_in_every_frame(self, host: Host, engine: str) -> None:
        model = None if engine == "lite" else toy_model(host, engine)
        shown = call(
            "DrivePortrait",
            portrait=clip(host, 6),
            driving=clip(host, 4, has_sound=False),
            sound="portrait",
            model=model,
        )
        found = facts(files(host, shown)[0])
        assert found["frames"] == 4
        assert found["seconds"] > 0.1

    def test_one_picture_is_enough_for_some(self, host: Host) -> None:
        model = toy_model(host, "liveportrait")
        shown = call("DrivePortrait", portrait=small_head(), driving=small_head(), model=model)
        assert facts(files(host, shown)[0])["frames"] == 1
        with pytest.raises(errors.OptionError, match="one picture"):
            call("DrivePortrait", portrait=small_head(), driving=small_head())

    def test_strength_counts(self, host: Host) -> None:
        given: dict[str, Any] = dict(portrait=small_head(), driving=clip(host), format="mkv")
        still, moved = (
            pixels(files(host, call("DrivePortrait", **given, multiplier=much))[0]).float()
            for much in (0.0, 1.5)
        )
        assert float((moved[-1] - moved[0]).abs().mean()) > 4 * float(
            (still[-1] - still[0]).abs().mean()
        )


def test_five_controls_show_and_the_rest_is_folded() -> None:
    for name in ("TalkingPortrait", "DrivePortrait"):
        schema = node(name).GET_SCHEMA()
        shown = [
            entry.id
            for entry in schema.inputs
            if getattr(entry, "default", None) is not None and not getattr(entry, "advanced", False)
        ]
        assert len(shown) == 5, shown
        assert schema.is_output_node
