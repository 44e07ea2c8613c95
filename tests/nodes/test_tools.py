"""Measures, contact sheet, licences and weight files."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
import torch
from comfy_api.latest import Types
from torch import Tensor

from tests.systems.sadtalker.toy_files import write_toy_files as sadtalker_files

from .conftest import Host
from .pack import pack_module
from .scenes import call as answer
from .scenes import run as call
from .scenes import sound

catalog = pack_module("sadtalker_core.weights.catalog")
errors = pack_module("sadtalker_core.errors")
face_metrics = pack_module("nodes.face_metrics")
host_models = pack_module("nodes.host_models")
licence_words = pack_module("nodes.licence_words")
pictures = pack_module("sadtalker_core.media.pictures")
published = pack_module("sadtalker_core.weights.published")
portraits = pack_module("nodes.portraits")
weight_report = pack_module("nodes.weight_report")

NOTHING = -1.0


@pytest.fixture(scope="module")
def picture(demo_portrait: Any) -> Tensor:
    return pictures.read_picture(demo_portrait).flattened().movedim(0, -1)[None].float() / 255


def test_pictures_are_compared_each_or_with_one(host: Host) -> None:
    grey = torch.full((10, 16, 20, 3), 0.4)
    shown = answer("FaceMetrics", images=grey + 0.1, reference=grey[:1])
    text, data, psnr, ssim, seam, *motion = shown.result
    assert psnr == pytest.approx(20.0, abs=1e-3)
    assert 0.9 < ssim < 1
    assert seam == NOTHING
    assert motion == [NOTHING] * 3
    assert json.loads(data)["psnr_db_worst"] == pytest.approx(20.0, abs=1e-3)
    assert "PSNR, mean: 20.00 dB" in text
    assert shown.ui.as_dict()["text"] == (text,)
    assert call("FaceMetrics", images=grey, reference=grey)[2:4] == (100.0, pytest.approx(1.0))


def test_the_worst_frame_is_told(host: Host) -> None:
    grey = torch.full((20, 16, 20, 3), 0.4)
    other = grey.clone()
    other[17] += 0.1
    found = json.loads(call("FaceMetrics", images=other, reference=grey)[1])
    assert found["psnr_db_worst"] == pytest.approx(20.0, abs=1e-3)
    assert found["psnr_db"] == pytest.approx((19 * 100 + 20) / 20, abs=0.01)


def test_pictures_that_do_not_fit_are_refused(host: Host) -> None:
    with pytest.raises(errors.OptionError, match="2 of 20x16, the reference is 3 of 20x16"):
        call("FaceMetrics", images=torch.zeros(2, 16, 20, 3), reference=torch.zeros(3, 16, 20, 3))


def test_measures_of_a_motion(host: Host) -> None:
    idle, _ = call("IdleMotion", seconds=60.0)
    _, data, *numbers = call("FaceMetrics", motion=idle)
    found = json.loads(data)
    assert numbers[:3] == [NOTHING] * 3
    assert 8 < numbers[4] < 30  # blinks per minute
    assert numbers[3] == found["head_jitter_deg"] < 0.05
    for to in ("LivePortrait", "SadTalker"):
        other, _ = call("ConvertMotion", motion=idle, to=to)
        again = json.loads(call("FaceMetrics", motion=other)[1])
        assert again["yaw_range_deg"] == pytest.approx(found["yaw_range_deg"], rel=0.02)
        assert ("blinks" in again) == (to == "LivePortrait")
    assert "Nothing to measure" in call("FaceMetrics")[0]


def test_the_seam_of_a_pasted_face(host: Host, picture: Tensor) -> None:
    folder = host.models / "talking_portraits"
    folder.mkdir()
    sadtalker_files(folder)
    model = host_models.load_model("sadtalker")
    (portrait,) = call("PreparePortrait", model=model, image=picture)[0]
    (box,) = face_metrics.pasted_boxes(portraits.portrait_of(portrait))
    x0, y0, x1, y1 = (round(value) for value in box)
    frames = picture.repeat(3, 1, 1, 1)
    frames[2, y0:y1, x0:x1] = (frames[2, y0:y1, x0:x1] + 20 / 255).clamp(max=1)
    found = json.loads(call("FaceMetrics", images=frames, portrait=portrait)[1])
    assert 5 < found["seam_levels_worst"] < 30
    assert found["seam_levels"] == pytest.approx(found["seam_levels_worst"] / 3, rel=0.05)
    with pytest.raises(errors.OptionError, match="whole frames"):
        call("FaceMetrics", images=frames[:, :100], portrait=portrait)


def test_the_built_in_engine_has_no_seam(host: Host, picture: Tensor) -> None:
    (portrait,) = call("PreparePortrait", model=host_models.builtin(), image=picture)[0]
    assert call("FaceMetrics", images=picture, portrait=portrait)[4] == NOTHING


# --- contact sheet -------------------------------------------------------------------------------


def test_a_sheet_has_evenly_spaced_pictures(host: Host) -> None:
    levels = torch.linspace(0, 1, 60)
    images = levels[:, None, None, None].expand(60, 40, 60, 3)
    shown = answer("ContactSheet", images=images, columns=3, rows=2, cell=60)
    (sheet,) = shown.result
    assert sheet.shape == (1, 2 * (40 + 18) + 4, 3 * 64 + 4, 3)
    middles = [
        sheet[0, 4 + 20 + row * 58, 4 + 30 + column * 64, 0]
        for row in (0, 1)
        for column in range(3)
    ]
    wanted = [levels[int((cell + 0.5) * 10)] for cell in range(6)]
    torch.testing.assert_close(torch.stack(middles), torch.stack(wanted), rtol=0, atol=3e-3)
    assert shown.ui.as_dict()["images"]


def test_a_sheet_of_a_video_is_that_of_its_pictures(host: Host) -> None:
    images = torch.rand(9, 1, 1, 3).expand(-1, 32, 48, -1).contiguous()
    parts = Types.VideoComponents(images=images, frame_rate=Fraction(10))
    video = pack_module("nodes.host").InputImpl.VideoFromComponents(parts)
    (of_video,) = call("ContactSheet", video=video, columns=3, rows=3)
    (of_images,) = call("ContactSheet", images=images, fps=10.0, columns=3, rows=3)
    assert torch.equal(of_video, of_images)


# --- licences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("licence", "answer_"),
    [
        ("Apache-2.0", "allowed"),
        ("MIT", "allowed"),
        ("MIT. Trained on faces whose pictures are for research.", "in doubt"),
        ("CC BY-NC-SA 4.0", "not allowed"),
        ("S-Lab License: non-commercial use", "not allowed"),
        ("ask the authors", "in doubt"),
        (
            "Code and weights MIT. The finder (InsightFace, no commercial use) is not used here.",
            "allowed",
        ),
    ],
)
def test_terms_in_plain_words(licence: str, answer_: str) -> None:
    assert licence_words.commercial_use(licence) == answer_


def test_terms_of_every_file_that_we_know() -> None:
    found = {
        file.name: licence_words.commercial_use(file.licence)
        for file in (*catalog.BUNDLED, *published.PUBLISHED, *published.LEGACY)
    }
    assert found["face nets"] == found["mouth net"] == "allowed"
    assert {word for name, word in found.items() if name.startswith("sadtalker")} == {"in doubt"}
    human = [name for name in found if name.startswith("liveportrait") and "animal" not in name]
    assert {found[name] for name in human} == {"in doubt"}
    # Nothing that an engine chosen by itself uses may be among these.
    refused = {name for name, word in found.items() if word == "not allowed"}
    wav2lip = {"wav2lip-exact", "wav2lip-gan", "wav2lip-expert"}
    assert refused == {"gpen-512", "codeformer", *wav2lip}


def test_the_report_names_every_file_once(host: Host) -> None:
    folder = host.models / "talking_portraits"
    folder.mkdir()
    sadtalker_files(folder)
    model, builtin = host_models.load_model("sadtalker"), host_models.builtin()
    text, data = call("LicenceReport", model=builtin)
    assert json.loads(data)["commercial_use"] == "allowed"
    assert "You may sell" in text
    text, data = call("LicenceReport", model=builtin, model_3=model)
    found = json.loads(data)
    assert found["commercial_use"] == "in doubt"
    assert [engine["id"] for engine in found["engines"]] == ["lite", "sadtalker"]
    names = [entry["name"] for entry in found["weights"]]
    assert len(names) == len(set(names)) == 4
    assert "ask a lawyer" in text
    assert "Basel Face Model" in text


# --- weight files --------------------------------------------------------------------------------


def test_missing_files_are_told_with_address_and_folder(host: Host) -> None:
    text, data, missing = call("ModelReport", engine="sadtalker")
    found = {entry["name"]: entry for entry in json.loads(data)["files"]}
    entry = found["sadtalker-256"]
    own = str(host.models / "talking_portraits")
    assert (entry["state"], entry["put_into"]) == ("missing", own)
    assert entry["address"].startswith("https://huggingface.co/vinthony/SadTalker-V002rc/resolve/")
    assert entry["licence"] in text
    assert f"Put files into\n  {own}" in text
    assert missing == 1
    assert "liveportrait-landmark" not in found
    assert json.loads(call("ModelReport")[1])["engines"][2]["ready"]


def test_files_that_are_there_are_told_with_their_place(host: Host) -> None:
    folder = host.models / "talking_portraits"
    folder.mkdir()
    before = call("ModelReport", engine="sadtalker")
    sadtalker_files(folder)
    node = pack_module("nodes.tools").ModelReport
    first = node.fingerprint_inputs(engine="sadtalker")
    text, data, missing = call("ModelReport", engine="sadtalker")
    assert (before[2], missing) == (1, 0)
    assert "SadTalker: ready" in text
    found = {entry["name"]: entry for entry in json.loads(data)["files"]}
    assert found["sadtalker-256"]["path"] == str(folder / "SadTalker_V0.0.2_256.safetensors")
    assert found["sadtalker-256"]["put_into"] == ""
    (folder / "SadTalker_V0.0.2_512.safetensors").write_bytes(b"cut short")
    text, data, _ = call("ModelReport", engine="sadtalker")
    assert "Damaged, or another version\n  SadTalker_V0.0.2_512.safetensors" in text
    assert node.fingerprint_inputs(engine="sadtalker") != first


def test_older_files_do_as_well(host: Host) -> None:
    older = {file.name for file in (*published.LEGACY, published.MAPPING_FULL)}

    class Store:
        folders = (host.models,)

        def find(self, file: Any, any_size: bool = False) -> Any:
            return host.models if file.name in older else None

    report = weight_report.weight_report(Store(), "sadtalker")
    assert report["engines"][0]["ready"]
    older.discard("sadtalker-old-pose")
    assert not weight_report.weight_report(Store(), "sadtalker")["engines"][0]["ready"]


# --- lips and sound ------------------------------------------------------------------------------


def test_lips_and_sound_are_measured(host: Host) -> None:
    from sadtalker_core.metrics.nets.syncnet_v2 import SyncNetV2, SyncNetV2Config
    from tests.parity.seeded_weights import describe, fill

    from .test_relip import accept, clip, video_of

    frames = clip(30)
    frames[12:14] = 0.4
    with pytest.raises(errors.WeightsError, match="syncnet_v2.model"):
        call("LipSync", images=frames, audio=sound(1.2))
    folder = host.models / "talking_portraits"
    folder.mkdir()
    wav2lip = pack_module("sadtalker_core.weights.published_wav2lip")
    net = SyncNetV2(SyncNetV2Config(1))
    torch.save(fill(describe(net.state_dict())), folder / wav2lip.SYNCNET_V2.file)
    accept(host, [wav2lip.SYNCNET_V2])
    text, data, distance, confidence, offset = call("LipSync", images=frames, audio=sound(1.2))
    found = json.loads(data)
    assert (found["frames"], found["frames_without_face"]) == (30, 2)
    assert found["lse_d"] == distance > 0
    assert (found["lse_c"], found["offset_frames"]) == (confidence, offset)
    assert text.startswith(f"LSE-D {distance:.2f}")
    assert "not seen in 2 of 30" in text
    with pytest.raises(errors.OptionError, match="no sound"):
        call("LipSync", video=video_of(frames))


def test_words_for_the_offset() -> None:
    words = pack_module("nodes.lip_sync").sync_text
    base = {"lse_d": 7.0, "lse_c": 6.0, "frames": 30, "frames_without_face": 0}
    assert words({**base, "offset_frames": 0}).endswith("in step with the sound.")
    assert "lips 1 frame of 25 a second after" in words({**base, "offset_frames": 1})
    assert "lips 3 frames of 25 a second before" in words({**base, "offset_frames": -3})
