"""Frames from nodes are the library's; faces alone and pasted back are the same frames."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch.nn.functional import interpolate

from .conftest import Host
from .pack import pack_module
from .scenes import (
    FPS,
    OWN_MOTION,
    demo_picture,
    implicit,
    portrait,
    run,
    small_head,
    structures,
    talk,
    toy_model,
    two_people,
)

errors = pack_module("sadtalker_core.errors")
portraits = pack_module("nodes.portraits")
runtimes = pack_module("sadtalker_core.runtime")


def library_frames(model: Any, prepared: Any, motion: Any) -> torch.Tensor:
    """(T, 3, H, W) uint8 by the engine itself."""
    engine = model.engine
    value = portraits.portrait_of(prepared, model)
    moved = engine.motion_type.from_dict(motion)
    stream = engine.animate(
        model.networks, value.prepared, moved, engine.motion_options(), runtimes.Runtime()
    )
    return torch.cat(list(stream))


@pytest.mark.parametrize("engine", ["lite", "liveportrait", "sadtalker"])
def test_frames_are_those_of_the_library(host: Host, engine: str) -> None:
    model = toy_model(host, engine)
    image = small_head()
    ready = portrait(model, image)
    motion = OWN_MOTION[engine]()
    frames, mask, fps = run("Render", model=model, portrait=ready, motion=motion)
    wanted = library_frames(model, ready, motion)
    assert torch.equal((frames * 255).round().to(torch.uint8), wanted.movedim(1, -1))
    # as VAE Encode, Scale Image and every other node expects it
    assert (frames.dtype, frames.ndim, frames.is_contiguous()) == (torch.float32, 4, True)
    assert tuple(frames.shape) == (4, *image.shape[1:3], 3)
    assert float(frames.min()) >= 0
    assert float(frames.max()) <= 1
    assert fps == 25.0
    # outside of the mask is the picture itself, and inside something moves
    assert tuple(mask.shape) == (1, *image.shape[1:3])
    assert float(mask.max()) == 1
    change = (frames - image).abs().amax(-1)
    assert float(change.masked_fill(mask > 0, 0).max()) <= 1.01 / 255
    assert float(change.max()) > 0.05


def test_motion_of_another_engine_is_converted_and_what_is_lost_is_said(
    host: Host, caplog: Any
) -> None:
    lite = toy_model(host, "lite")
    ready = portrait(lite, small_head())
    other = structures.Coeff3DMM(
        torch.zeros(3, 64),
        torch.tensor([[0.0, 0, 0], [0, 0.1, 0], [0, 0.3, 0]]),
        torch.zeros(3, 3),
        FPS,
    )
    moved = run("Render", model=lite, portrait=ready, motion=other.to_dict())[0]
    assert float((moved[2] - moved[0]).abs().max()) > 0.05
    assert "expression map" in caplog.text
    caplog.clear()
    model = toy_model(host, "liveportrait")
    ready = portrait(model, small_head())
    moved = run("Render", model=model, portrait=ready, motion=talk())[0]
    assert float((moved[3] - moved[0]).abs().max()) > 0.01
    assert "expression map" not in caplog.text  # controls are handed over whole


def test_sadtalker_takes_the_head_of_another_motion(host: Host, caplog: Any) -> None:
    moving = pack_module("nodes.moving")
    model = toy_model(host, "sadtalker")
    value = portraits.portrait_of(portrait(model, small_head()), model)
    notes: list[str] = []
    motion = moving.fitted(structures.LiteMotion.from_dict(talk()), value, notes)
    assert isinstance(motion, structures.Coeff3DMM)
    assert len(notes) == 1
    turned = (motion.rotation_rad[-1] - motion.rotation_rad[0]).abs().max()
    assert 0.05 < float(turned) < 0.5
    assert torch.equal(motion.expression[0], value.prepared.source.coeff[0, :64])


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        ("liveportrait", {}),
        ("liveportrait", {"seam": "matched"}),
        ("liveportrait", {"pasteback": False}),
        ("sadtalker", {}),
        ("sadtalker", {"preprocess": "crop"}),
    ],
)
def test_renderer_and_paste_back_are_the_whole(
    host: Host, engine: str, options: dict[str, Any]
) -> None:
    model = toy_model(host, engine, **options)
    ready = portrait(model, small_head(), **options)
    motion = OWN_MOTION[engine]()
    whole, mask, _ = run("Render", model=model, portrait=ready, motion=motion)
    faces, fps = run("RenderKeypoints", model=model, portrait=ready, keypoints=track(model, ready))
    pasted, where = run("PasteBack", portrait=ready, faces=faces)
    assert fps == 25.0
    assert faces.shape[1] == faces.shape[2] >= 256
    assert torch.equal(pasted, whole)
    assert torch.equal(where, mask)
    # another node made the faces twice as large in between: they lie where they lay before
    smooth = interpolate(faces[:1].movedim(-1, 1), size=(9, 9), mode="area")
    sides = [faces.shape[1], 2 * faces.shape[1]]
    small, large = (
        interpolate(smooth, size=(side, side), mode="bicubic").clamp(0, 1).movedim(1, -1)
        for side in sides
    )
    once, twice = (run("PasteBack", portrait=ready, faces=made)[0] for made in (small, large))
    assert once.shape == twice.shape
    assert float((once - twice).abs().max()) < 2.5 / 255
    assert not torch.equal(once, whole[:1])


@pytest.mark.parametrize("engine", ["liveportrait", "sadtalker"])
def test_faces_are_laid_over_other_frames_if_these_fit(host: Host, engine: str) -> None:
    model = toy_model(host, engine)
    image = small_head()
    ready = portrait(model, image)
    faces = run("RenderKeypoints", model=model, portrait=ready, keypoints=track(model, ready))[0]
    plain = run("PasteBack", portrait=ready, faces=faces)[0]
    given: dict[str, Any] = dict(portrait=ready, faces=faces)
    for frames in (image, image.repeat(len(faces), 1, 1, 1)):
        assert torch.equal(run("PasteBack", **given, frames=frames)[0], plain)
    dark, mask = run("PasteBack", **given, frames=torch.zeros_like(image))
    assert float(dark.amax(-1).masked_fill(mask > 0, 0).max()) == 0
    assert float(dark.max()) > 0.1
    with pytest.raises(errors.OptionError, match="do not fit"):
        run("PasteBack", **given, frames=image[:, :100])
    with pytest.raises(errors.OptionError, match="do not fit"):
        run("PasteBack", **given, frames=image.repeat(2, 1, 1, 1))
    if engine == "liveportrait":
        with pytest.raises(errors.OptionError, match="square"):
            run("PasteBack", portrait=ready, faces=faces[:, :100])


@pytest.mark.parametrize("engine", ["liveportrait", "sadtalker"])
def test_a_matched_seam_hides_a_change_of_brightness(host: Host, engine: str) -> None:
    """As an enhancer's: the crop is the picture itself, brighter."""
    model = toy_model(host, engine)
    ready = portrait(model, demo_picture())
    cut = crop_of(ready, demo_picture(), engine)
    assert difference(ready, cut, demo_picture(), "soft") < 0.03  # it lies where it was cut
    bright = (cut + 0.08).clamp(0, 1)
    soft, matched = (
        difference(ready, bright, demo_picture(), seam) for seam in ("soft", "matched")
    )
    assert matched < 0.5 * soft


def crop_of(ready: Any, image: torch.Tensor, engine: str) -> torch.Tensor:
    """IMAGE (1, S, S, 3): the picture where the renderer's face was cut."""
    prepared = portraits.portrait_of(ready).prepared
    if engine == "liveportrait":
        cut = pack_module("sadtalker_core.systems.liveportrait.crop").cut
        crop = cut((image.movedim(-1, 1) * 255).to(torch.uint8), _inverse(prepared))
        return crop.movedim(1, -1).float() / 255
    return prepared.source.picture[None].movedim(1, -1).float() / 255


def _inverse(prepared: Any) -> torch.Tensor:
    return torch.linalg.inv(prepared.faces[0].image_from_crop.double())


def difference(ready: Any, faces: torch.Tensor, image: torch.Tensor, seam: str) -> float:
    """Mean change inside of the mask."""
    frames, mask = run("PasteBack", portrait=ready, faces=faces, seam=seam)
    return float((frames - image).abs().amax(-1)[mask > 0].mean())


def track(model: Any, ready: Any, number: int = 0, motion: Any = None) -> Any:
    """KEYPOINTS of a motion."""
    engine, value = model.engine, portraits.portrait_of(ready, model)
    moved = engine.motion_type.from_dict(motion or OWN_MOTION[engine.id]())
    pipeline = pack_module(f"sadtalker_core.systems.{engine.id}.pipeline")
    if engine.id == "sadtalker":
        options, here = engine.motion_options(), runtimes.Runtime()
        return pipeline.track_of(model.networks, value.prepared, moved, options, here).to_dict()
    sliders = pack_module("sadtalker_core.expression_sliders").ExpressionSliders()
    one = dataclasses.replace(value.prepared, faces=(value.prepared.faces[number],))
    return pipeline.keypoint_tracks(
        model.networks,
        one,
        [moved],
        engine.driving.options(),
        sliders,
        1,
        FPS,
        runtimes.Runtime(),
    )[0].to_dict()


@pytest.mark.parametrize("engine", ["lite", "liveportrait"])
def test_a_video_has_a_mask_for_every_frame(host: Host, engine: str) -> None:
    model = toy_model(host, "lite")
    ready = portrait(model, demo_picture())
    own = run("Render", model=model, portrait=ready, motion=talk(4))[0]
    model = toy_model(host, engine)
    video = run("PrepareVideo", model=model, images=own, fps=12.5)[0]
    smile = {"type": "ExpressionSliders", "version": 1, "smile": "1", "rotate_yaw": "12"}
    frames, mask, fps = run("Render", model=model, portrait=video, expression=smile)
    assert fps == 12.5
    assert frames.shape == own.shape
    assert mask.shape == own.shape[:3]
    change = (frames - own).abs().amax(-1)
    assert float(change.masked_fill(mask > 0, 0).max()) <= 1.01 / 255
    assert all(float(each.max()) > 0.05 for each in change)
    assert 0.02 < float(mask.mean()) < 0.5
    # the head turned between the first and the last frame, and the mask went with it
    assert not torch.equal(mask[0], mask[-1])


def test_keypoints_of_a_video_are_pasted_over_its_frames(host: Host) -> None:
    model = toy_model(host, "liveportrait")
    own = small_head().repeat(3, 1, 1, 1)
    video = run("PrepareVideo", model=model, images=own, fps=25.0)[0]
    motion = implicit(3)
    whole = run("Render", model=model, portrait=video, motion=motion)[0]
    keypoints = track(model, video, motion=motion)
    faces = run("RenderKeypoints", model=model, portrait=video, keypoints=keypoints)[0]
    pasted, mask = run("PasteBack", portrait=video, faces=faces)
    assert torch.equal(pasted, whole)
    assert len(mask) == 3


def test_two_faces_are_pasted_one_after_the_other(host: Host) -> None:
    model = toy_model(host, "liveportrait")
    image = two_people()
    faces = run("DetectFaces", image=image)[0]
    ready = portrait(model, image, faces=faces)
    first, second = implicit(size=0.2), implicit(size=-0.2)
    whole = run("Render", model=model, portrait=ready, motion=first, motion_2=second)[0]
    frames = keypoints = None
    for number, motion in enumerate((first, second)):
        keypoints = track(model, ready, number, motion)
        made = run(
            "RenderKeypoints", model=model, portrait=ready, keypoints=keypoints, face=number
        )[0]
        frames, _ = run("PasteBack", portrait=ready, faces=made, frames=frames, face=number)
    assert frames is not None
    assert torch.equal(frames, whole)
    both = run("Render", model=model, portrait=ready, motion=first)[0]
    assert not torch.equal(both, whole)
    with pytest.raises(errors.FaceIndexError, match="0 to 1"):
        run("RenderKeypoints", model=model, portrait=ready, keypoints=keypoints, face=2)


def test_an_expression_needs_no_motion_and_lasts_until_its_last_keyframe(host: Host) -> None:
    model = toy_model(host, "lite")
    ready = portrait(model, small_head())
    expression = {"type": "ExpressionSliders", "version": 1, "aaa": "0:0, 0.2:60"}
    frames, _, fps = run("Render", model=model, portrait=ready, expression=expression, fps=20.0)
    assert len(frames) == 5
    assert fps == 20.0
    assert float((frames[-1] - frames[0]).abs().max()) > 0.1


def test_what_cannot_be_rendered_is_said_in_a_sentence(host: Host) -> None:
    model = toy_model(host, "lite")
    ready = portrait(model, small_head())
    with pytest.raises(errors.OptionError, match="nothing moves"):
        run("Render", model=model, portrait=ready)
    with pytest.raises(errors.OptionError, match="no faces to render"):
        run("PasteBack", portrait=ready, faces=small_head())
    sadtalker = toy_model(host, "sadtalker")
    with pytest.raises(errors.OptionError, match="prepared for"):
        run("Render", model=sadtalker, portrait=ready, motion=talk())
    ready = portrait(sadtalker, small_head())
    smile = {"type": "ExpressionSliders", "version": 1, "smile": "1"}
    with pytest.raises(errors.OptionError, match="sliders"):
        run("Render", model=sadtalker, portrait=ready, motion=talk(), expression=smile)
    for name, value in (("size", "512"), ("precision", "bfloat16")):
        other = {**ready, "options": {**ready["options"], name: value}}
        with pytest.raises(errors.OptionError, match=f"prepared with {name} '{value}'"):
            run("Render", model=sadtalker, portrait=other, motion=talk())


class TestOutOfMemory:
    """Half as many frames at a time, after the host made room."""

    @pytest.mark.parametrize("engine", ["liveportrait", "sadtalker"])
    def test_less_is_tried_and_remembered(self, host: Host, engine: str, monkeypatch: Any) -> None:
        import comfy.model_management as management

        model = toy_model(host, engine)
        ready = portrait(model, small_head())
        motion = OWN_MOTION[engine](12)
        whole = run("Render", model=model, portrait=ready, motion=motion)[0]
        freed: list[int] = []
        monkeypatch.setattr(management, "soft_empty_cache", lambda *_, **__: freed.append(1))
        memory = pack_module("sadtalker_core.systems.blocks.memory")
        monkeypatch.setattr(memory, "CPU_FRAMES", 4)
        pipeline = pack_module("sadtalker_core.systems.liveportrait.pipeline")
        monkeypatch.setattr(pipeline, "CPU_FRAMES", 4)
        owner, name, seen = generator_of(model, engine)
        plain = getattr(owner, name)

        def small(volume: Any, compressed: Any, source: Any, driving: Any) -> Any:
            seen.append(len(driving))
            if len(driving) > 2:
                raise out_of_memory(management)
            return plain(volume, compressed, source, driving)

        monkeypatch.setattr(type(owner), name, staticmethod(small))
        frames = run("Render", model=model, portrait=ready, motion=motion)[0]
        assert seen == [4, 2, 2, 2, 2, 2, 2]
        assert freed == [1]
        assert float((frames - whole).abs().max()) <= 1.01 / 255


def out_of_memory(management: Any) -> Exception:
    """What the host takes for this."""
    kinds = getattr(management, "OOM_EXCEPTION", torch.cuda.OutOfMemoryError)
    kind = kinds[0] if isinstance(kinds, tuple) else kinds
    return kind("CUDA out of memory. Tried to allocate 2.00 GiB")


def generator_of(model: Any, engine: str) -> tuple[Any, str, list[int]]:
    """What renders, and the name of its method."""
    nets = model.networks.render
    return (nets.renderer if engine == "liveportrait" else nets.generator), "frames", []


def test_a_seam_is_gone_and_nothing_else_changes() -> None:
    original = demo_picture()
    mask = torch.zeros(1, 512, 512)
    mask[:, 128:384, 100:400] = 1
    soft = torch.nn.functional.avg_pool2d(mask[:, None], 17, 1, 8)[:, 0]
    tinted = (original * 0.9 + torch.tensor([0.09, 0.05, 0.02])).clamp(0, 1)
    changed = torch.cat([tinted, original])
    frames = run("MatchSeam", changed=changed, original=original, mask=soft)[0]
    assert frames.shape == changed.shape
    plain = run("MatchSeam", changed=changed, original=original, mask=soft, strength=0.0)[0]
    edge = (soft > 0.3) & (soft < 0.9)
    before = (plain[0] - original[0]).abs()[edge[0]].mean()
    after = (frames[0] - original[0]).abs()[edge[0]].mean()
    assert float(after) < 0.35 * float(before)
    assert torch.equal(frames[0][soft[0] == 0], original[0][soft[0] == 0])
    torch.testing.assert_close(frames[1], original[0], atol=1e-3, rtol=0)
    # with a mask over everything there is no edge, and colours stay
    whole = run("MatchSeam", changed=tinted, original=original, mask=torch.ones(1, 64, 64))[0]
    torch.testing.assert_close(whole, tinted, atol=1e-6, rtol=0)


def test_two_people_talk_in_one_picture() -> None:
    a = torch.zeros(3, 8, 16, 3)
    b = torch.ones(2, 8, 16, 3) * torch.tensor([0.25, 0.5])[:, None, None, None]
    mask_b = torch.zeros(1, 8, 16)
    mask_b[..., 8:] = 1
    frames, mask = run("CombineFaces", frames_a=a, frames_b=b, mask_b=mask_b)
    assert frames[:, 0, 15, 0].tolist() == [0.25, 0.5, 0.5]  # the last one is held
    assert float(frames[:, :, :8].max()) == 0
    assert torch.equal(mask, mask_b)
    mask_a = torch.ones(1, 8, 16)
    frames, mask = run("CombineFaces", frames_a=a, frames_b=b, mask_b=mask_b, mask_a=mask_a)
    assert float(frames[0, 0, 15, 0]) == 0.125
    assert torch.equal(mask, mask_a)
    with pytest.raises(errors.OptionError, match="one size"):
        run("CombineFaces", frames_a=a, frames_b=b[:, :4], mask_b=mask_b)
    with pytest.raises(errors.OptionError, match="do not fit"):
        run("CombineFaces", frames_a=a, frames_b=b, mask_b=mask_b.expand(3, -1, -1))
