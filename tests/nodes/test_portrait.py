"""Faces found, chosen, cut and put back; portraits made ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.systems.liveportrait.toy_files import write_toy_files as liveportrait_files
from tests.systems.sadtalker.toy_files import write_toy_files as sadtalker_files

from .conftest import Host
from .pack import node_list, pack_module

node_list()
faces_nodes = pack_module("nodes.faces")
portrait_nodes = pack_module("nodes.portrait")
face_values = pack_module("nodes.face_values")
host_models = pack_module("nodes.host_models")
landmarks478 = pack_module("sadtalker_core.faces.landmarks478")
pictures = pack_module("sadtalker_core.media.pictures")
portraits = pack_module("nodes.portraits")
errors = pack_module("sadtalker_core.errors")
video_options = pack_module("sadtalker_core.faces.options")
bridge = pack_module("nodes.bridge")

Detect, Choose = faces_nodes.DetectFaces, faces_nodes.ChooseFace
Crop, Paste = faces_nodes.CropFace, faces_nodes.PasteFace
Prepare = portrait_nodes.PreparePortrait
NO_POINT = {"numbers": "0", "x": 0, "y": 0}


@pytest.fixture(scope="module")
def one(demo_portrait: Path) -> Tensor:
    """The bundled portrait as an IMAGE."""
    rgb = pictures.read_picture(demo_portrait).flattened()
    return rgb.movedim(0, -1)[None].float() / 255


@pytest.fixture(scope="module")
def two(one: Tensor) -> Tensor:
    """Two people side by side; the right one is the smaller."""
    wide = torch.ones((1, 512, 1024, 3))
    wide[:, :, :512] = one
    wide[:, 256:, 640:896] = one.flip(2)[:, ::2, ::2]
    return wide


@pytest.fixture(scope="module")
def found(two: Tensor) -> Any:
    return Detect.execute(image=two).result


def centres(faces: Any) -> list[list[int]]:
    """Which person each face is: 0 left, 1 right, by picture."""
    return [[int(f.center_px[0] > 512) for f in frame] for frame in face_values.frames_of(faces)]


def test_faces_are_found_largest_first_with_boxes_and_overlay(two: Tensor, found: Any) -> None:
    faces, overlay, count, boxes = found
    assert centres(faces) == [[0, 1]]
    assert count == 2
    assert faces["size"] == [512, 1024]
    larger, smaller = boxes[0]
    assert larger["width"] > 1.5 * smaller["width"]
    assert larger["label"] == "face"
    factor = overlay.shape[1] // 512
    assert overlay.shape[1:] == (512 * factor, 1024 * factor, 3)
    changed = (overlay[0, ::factor, ::factor] - two[0]).abs().amax(-1) > 0.1
    x, y = int(larger["x"] + larger["width"] / 2), int(larger["y"] + larger["height"] / 2)
    assert changed[y - 30 : y + 30, x - 30 : x + 30].float().mean() > 0.05
    assert not changed[480:, :100].any()


def test_pictures_of_a_batch_are_drawn_in_one_size(two: Tensor) -> None:
    batch = torch.cat((two, two[:, :, 512:].repeat(1, 1, 2, 1)))  # its faces are drawn larger
    faces, overlay, _, _ = Detect.execute(image=batch).result
    assert [len(frame) for frame in face_values.frames_of(faces)] == [2, 2]
    assert len(overlay) == 2


def test_a_picture_without_a_face_says_what_to_do() -> None:
    with pytest.raises(errors.NoFaceError, match=r"64x48 pixels.*detection_threshold \(now 0.50"):
        Detect.execute(image=torch.zeros(1, 48, 64, 3))


def test_a_face_is_looked_for_only_in_the_boxes(two: Tensor, found: Any) -> None:
    small = found[3][0][1]
    for boxes in ([[small]], [small], small):
        faces = Detect.execute(image=two, bboxes=boxes).result[0]
        assert centres(faces) == [[1]]
    with pytest.raises(errors.OptionError, match="x, y, width and height"):
        Detect.execute(image=two, bboxes=[[{"x": 1}]])
    with pytest.raises(errors.OptionError, match="boxes of 3 pictures, but 1"):
        Detect.execute(image=two, bboxes=[[small]] * 3)


def mediapipe(faces: Any, size: tuple[int, int]) -> dict[str, Any]:
    """What ComfyUI's MediaPipe Face Landmarker gives, with numpy arrays and a raw presence."""
    frame = [
        {
            "bbox_xyxy": face.box_px.numpy(),
            "landmarks_xy": landmarks478.landmarks_478(face).numpy(),
            "landmarks_3d": torch.zeros(478, 3).uniform_(0, 1).numpy(),
            "presence": 12.0,
            "score": 0.75,
            "blendshapes": {},
        }
        for face in face_values.frames_of(faces)[0][::-1]  # smallest first
    ]
    return {"frames": [frame], "image_size": size, "connection_sets": {}}


def test_comfyuis_own_landmarks_are_taken_as_they_are(two: Tensor, found: Any) -> None:
    faces = Detect.execute(image=two, face_landmarks=mediapipe(found[0], (512, 1024))).result[0]
    assert centres(faces) == [[0, 1]]
    ours, theirs = (face_values.frames_of(each)[0][0] for each in (found[0], faces))
    assert torch.equal(ours.iris_px, theirs.iris_px)
    assert theirs.score == 0.75
    assert theirs.presence > 0.99
    with pytest.raises(errors.OptionError, match="1024x512 pixels, this one has 64x48"):
        Detect.execute(
            image=torch.zeros(1, 48, 64, 3), face_landmarks=mediapipe(found[0], (512, 1024))
        )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"by": "largest"}, [0]),
        ({"by": "right"}, [1]),
        ({"by": "all"}, [0, 1]),
        ({"by": "numbers", "numbers": "1, 0"}, [1, 0]),
        ({"by": "point", "x": 700, "y": 400}, [1]),
    ],
)
def test_faces_are_chosen(found: Any, given: dict[str, Any], expected: list[int]) -> None:
    assert centres(Choose.execute(faces=found[0], **{**NO_POINT, **given}).result[0]) == [expected]


def test_the_face_under_a_mask_is_chosen(found: Any) -> None:
    mask = torch.zeros(1, 64, 128)  # any size: it lies over the whole picture
    mask[:, :, 70:] = 1.0
    assert centres(Choose.execute(faces=found[0], by="mask", mask=mask, **NO_POINT).result[0]) == [
        [1]
    ]
    with pytest.raises(errors.NoFaceError, match="none of the 2 faces lies under the mask"):
        Choose.execute(faces=found[0], by="mask", mask=torch.zeros(1, 8, 8), **NO_POINT)
    with pytest.raises(errors.OptionError, match="needs a mask"):
        Choose.execute(faces=found[0], by="mask", **NO_POINT)


def test_wrong_numbers_of_faces_are_said(found: Any) -> None:
    assert "whole numbers" in Choose.validate_inputs(by="numbers", numbers="a")
    assert Choose.validate_inputs(by="left", numbers="a") is True
    assert Choose.validate_inputs(by="numbers", numbers=None) is True  # linked
    assert Choose.validate_inputs(by=None, numbers="a") is True
    assert "known values" in Choose.validate_inputs(by="nearest", numbers="0")
    with pytest.raises(errors.FaceIndexError, match="only 2 faces"):
        Choose.execute(faces=found[0], by="numbers", **{**NO_POINT, "numbers": "2"})
    # a frame where somebody is hidden does not stop a video
    short = {**found[0], "frames": [found[0]["frames"][0], found[0]["frames"][0][:1]]}
    kept = Choose.execute(faces=short, by="numbers", **{**NO_POINT, "numbers": "1"}).result[0]
    assert centres(kept) == [[1], []]


@pytest.mark.parametrize("upright", [False, True])
def test_crops_hold_their_face_and_go_back_in_place(two: Tensor, found: Any, upright: bool) -> None:
    given = {"size": 128, "margin": 1.6, "upright": upright}
    crops, masks, inside = Crop.execute(image=two, faces=found[0], **given).result
    assert crops.shape == (2, 128, 128, 3)
    for face, mask in zip(face_values.frames_of(inside), masks):
        x, y = (round(value) for value in face[0].center_px)
        assert abs(x - 63.5) < 12
        assert abs(y - 63.5) < 12
        assert mask[y, x] > 0.9
        assert mask[0].max() == 0
    fine = two * 0.998  # between the levels of bytes
    unchanged = Paste.execute(image=fine, crops=crops, crop_faces=inside).result[0]
    assert (unchanged - fine).abs().mean() < 0.003
    assert torch.equal(unchanged[0, 500:, :40], fine[0, 500:, :40])
    marked = crops.clone()
    marked[:, 40:88, 40:88] = torch.tensor([1.0, 0.0, 0.0])
    larger = torch.nn.functional.interpolate(marked.movedim(-1, 1), scale_factor=2).movedim(1, -1)
    pasted = Paste.execute(image=two, crops=larger, crop_faces=inside).result[0]
    for face in face_values.frames_of(found[0])[0]:
        x, y = (round(value) for value in face.center_px)
        assert (pasted[0, y, x] - torch.tensor([1.0, 0.0, 0.0])).abs().max() < 0.02
    assert torch.equal(pasted[0, 500:, :40], two[0, 500:, :40])
    with pytest.raises(errors.OptionError, match="2 places for 1 squares"):
        Paste.execute(image=two, crops=larger[:1], crop_faces=inside)
    with pytest.raises(errors.OptionError, match="0 places"):
        Paste.execute(image=two, crops=larger, crop_faces=found[0])


def test_a_mask_says_how_much_of_a_crop_counts(two: Tensor, found: Any) -> None:
    crops, _, inside = Crop.execute(
        image=two, faces=found[0], size=64, margin=1.6, upright=False
    ).result
    half = torch.zeros(1, 32, 32)
    half[:, :, 16:] = 1.0
    pasted = Paste.execute(
        image=two, crops=torch.zeros_like(crops), crop_faces=inside, mask=half
    ).result[0]
    face = face_values.frames_of(found[0])[0][0]
    x, y = (round(value) for value in face.center_px)
    assert pasted[0, y, x + 25].max() < 0.02
    assert torch.equal(pasted[0, y, x - 25], two[0, y, x - 25])


def test_one_portrait_for_each_picture_of_a_batch(one: Tensor) -> None:
    batch = torch.cat((one, one.flip(2)))
    made = Prepare.execute(model=host_models.builtin(), image=batch, frame="crop", frame_size=128)
    assert Prepare.GET_SCHEMA().outputs[0].is_output_list
    first, second = (portraits.portrait_of(data) for data in made.result[0])
    assert first.size == second.size == (128, 128)
    assert first.options.frame == "crop"
    assert first.faces[0].center_px[0] + second.faces[0].center_px[0] == pytest.approx(511, abs=8)


def test_the_chosen_face_is_prepared(two: Tensor, found: Any) -> None:
    chosen = Choose.execute(faces=found[0], by="right", **NO_POINT).result[0]
    model = host_models.builtin()
    made = Prepare.execute(model=model, image=two, faces=chosen).result[0][0]
    assert portraits.portrait_of(made).faces[0].center_px[0] > 512
    by_option = Prepare.execute(model=model, image=two, face_select="right").result[0][0]
    assert portraits.portrait_of(by_option).faces[0].center_px[0] > 512
    empty = {**chosen, "frames": [[]]}
    with pytest.raises(errors.NoFaceError, match="picture 0 has no face"):
        Prepare.execute(model=model, image=two, faces=empty)
    with pytest.raises(errors.OptionError, match="1024x512 pixels, this one has 512x512"):
        Prepare.execute(model=model, image=two[:, :, :512], faces=chosen)
    with pytest.raises(errors.OptionError, match="connect a Detect Faces"):
        Prepare.execute(model=model, image=two, faces={"type": "Portrait"})


def test_the_librarys_sentences_reach_the_user(one: Tensor) -> None:
    model = host_models.builtin()
    with pytest.raises(errors.NoFaceError, match="Use a picture where a face looks toward"):
        Prepare.execute(model=model, image=torch.zeros(1, 48, 64, 3))
    with pytest.raises(errors.FaceError, match="leans by"):
        Prepare.execute(model=model, image=one.transpose(1, 2), face_search="thorough")


@pytest.mark.parametrize(
    ("engine", "write"), [("liveportrait", liveportrait_files), ("sadtalker", sadtalker_files)]
)
def test_neural_engines_prepare_too(
    host: Host, two: Tensor, found: Any, engine: str, write: Any
) -> None:
    folder = host.models / "talking_portraits"
    folder.mkdir()
    write(folder)
    model = host_models.load_model(engine)
    values = {"crop_scale": 1.8, "paste": "poisson", "frame": "crop"}
    made = Prepare.execute(model=model, image=two, faces=found[0], **values).result[0][0]
    value = portraits.portrait_of(made, model)
    assert len(value.faces) == 2
    if engine == "liveportrait":
        assert len(value.prepared.faces) == 2  # all of them move
        assert value.options.crop_scale == 1.8
        wide = Prepare.execute(model=model, image=two, crop_scale=3.0).result[0][0]
        scales = [
            made["prepared"]["faces"]["values"][0]["image_from_crop"][0, 0] for made in (made, wide)
        ]
        assert scales[1] > 1.5 * scales[0]
    else:
        assert value.prepared.paste.paste == "poisson"
    with pytest.raises(errors.OptionError, match="connect the same model"):
        portraits.portrait_of(made, host_models.builtin())


def test_a_video_is_prepared_from_its_frames(one: Tensor) -> None:
    images = one.repeat(3, 1, 1, 1)
    made = portrait_nodes.PrepareVideo.execute(
        model=host_models.builtin(), images=images, fps=12.5, frame="crop", frame_size=96
    ).result[0]
    value = portraits.portrait_of(made, host_models.builtin())
    assert value.video is not None
    assert float(value.video.fps) == 12.5
    assert value.size == (96, 96)
    with pytest.raises(errors.OptionError, match="whole numbers"):
        portrait_nodes.PrepareVideo.execute(
            model=host_models.builtin(), images=images, fps=25.0, who="both"
        )
