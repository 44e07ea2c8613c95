"""The process node gives the arithmetic of LivePortraitKJ, for pictures and for videos."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from .conftest import Host
from .pack import pack_module
from .scenes import portrait, run, small_head, toy_model

MODES = pack_module("sadtalker_core.systems.liveportrait.process_modes")
OPTIONS = pack_module("sadtalker_core.systems.liveportrait.process_options")


def driver(frames: int = 2) -> torch.Tensor:
    """A head that moves aside and is tinted, so that toy networks see a change."""
    head = small_head()
    rows = [head.roll(12 * i, 2) * (1 - 0.2 * i) for i in range(frames)]
    return torch.cat(rows)


def points_of(
    model: Any, images: torch.Tensor, options: Any, ready: Any, frames: int | None
) -> torch.Tensor:
    """The same keypoints from the library's parts, with the driver whole."""
    value = pack_module("nodes.portraits").portrait_of(ready, model)
    face = value.prepared.faces[0]
    from_images = pack_module("nodes.media").reference_of
    config = pack_module("sadtalker_core.systems.liveportrait.config")
    face_options = pack_module("sadtalker_core.faces.options").FaceOptions()
    drive = config.LivePortraitDriveOptions(driving_crop="never")
    runtime = pack_module("sadtalker_core.runtime").Runtime()
    motion = model.engine.driving.read(
        model.networks, from_images(None, images, 25.0), face_options, drive, runtime
    )
    points = pack_module("nodes.process")._as_points(motion)
    ratios = pack_module("sadtalker_core.systems.liveportrait.retarget").FaceRatios
    wanted = ratios(motion.eye_ratios, motion.lip_ratio)
    with torch.inference_mode():
        return MODES.process_points(
            face.points, points, options, model.networks.retarget, face.ratios, wanted, frames
        )


@pytest.mark.parametrize(
    "options",
    [
        {"eye_retargeting": True, "eyes_retargeting_multiplier": 1.4},
        {
            "relative_motion_mode": "single_frame",
            "delta_multiplier": 1.5,
            "lip_zero": True,
            "lip_zero_threshold": 0.001,
            "stitching": False,
        },
    ],
)
def test_keypoints_are_those_of_the_formulas(host: Host, options: dict[str, Any]) -> None:
    model = toy_model(host, "liveportrait")
    ready = portrait(model, small_head())
    images = driver()
    faces, passed, keypoints = run(
        "LivePortraitProcess", model=model, portrait=ready, driving_images=images, **options
    )
    assert passed is ready
    wanted = points_of(model, images, OPTIONS.ProcessOptions(**options), ready, None)
    torch.testing.assert_close(keypoints["driving"], wanted, rtol=0, atol=1e-6)
    assert tuple(keypoints["source"].shape) == (1, 21, 3)
    assert (faces.shape[0], faces.shape[-1], faces.dtype) == (2, 3, torch.float32)
    whole, _ = run("PasteBack", portrait=passed, faces=faces)
    assert tuple(whole.shape) == (2, *small_head().shape[1:])


def test_a_video_gives_as_many_frames_as_both_have(host: Host) -> None:
    model = toy_model(host, "liveportrait")
    source = torch.cat([small_head()] * 3)
    ready = run("PrepareVideo", model=model, images=source)[0]
    for count, wanted, mode in ((2, 2, "relative"), (4, 3, "source_video_smoothed")):
        faces, _, keypoints = run(
            "LivePortraitProcess",
            model=model,
            portrait=ready,
            driving_images=driver(count),
            relative_motion_mode=mode,
        )
        assert (len(faces), len(keypoints["driving"])) == (wanted, wanted)
        assert len(keypoints["source"]) == wanted


def test_another_engine_is_refused_with_a_sentence(host: Host) -> None:
    lite = toy_model(host, "lite")
    ready = portrait(lite, small_head())
    with pytest.raises(ValueError, match="needs LivePortrait"):
        run("LivePortraitProcess", model=lite, portrait=ready, driving_images=driver(2))


def test_the_widget_keeps_the_variance() -> None:
    from .scenes import node

    entries = {each.id: each for each in node("LivePortraitProcess").GET_SCHEMA().inputs}
    variance = entries["driving_smooth_observation_variance"]
    assert variance.default == 3e-6
    assert variance.step <= 1e-9
