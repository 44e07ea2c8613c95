"""Videos that say something else: into a file, as frames, with each engine."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conftest import write_wav
from tests.parity.seeded_weights import describe, fill
from tests.systems.videoretalking.toys import write_toy_files as retalking_files

from .conftest import Host
from .executor import Executor
from .pack import node_classes, pack_module
from .scenes import call, run, small_head, sound, two_people
from .short_graphs import look_at
from .test_foundation import _tensors

dubbing = pack_module("nodes.dubbing")
errors = pack_module("sadtalker_core.errors")
host_models = pack_module("nodes.host_models")
lip_models = pack_module("nodes.lip_models")
published = pack_module("sadtalker_core.weights.published_wav2lip")
retalking = pack_module("sadtalker_core.weights.published_retalking")
RelipVideo = pack_module("sadtalker_core.relip_request").RelipVideo


def clip(count: int = 6) -> Tensor:
    """IMAGE (count, 192, 192, 3): a head that wanders to the right."""
    return torch.cat([small_head().roll(index, 2) for index in range(count)])


def video_of(images: Tensor, fps: int = 25) -> Any:
    from comfy_api.latest import Types

    parts = Types.VideoComponents(images=images, frame_rate=Fraction(fps))
    return pack_module("nodes.host").InputImpl.VideoFromComponents(parts)


def write_wav2lip(host: Host) -> None:
    from sadtalker_core.systems.wav2lip.nets.generator import Wav2Lip, Wav2LipConfig

    folder = host.models / "talking_portraits"
    folder.mkdir(parents=True, exist_ok=True)
    net = Wav2Lip(Wav2LipConfig(2))
    state = {f"module.{k}": v for k, v in fill(describe(net.state_dict())).items()}
    torch.save({"state_dict": state}, folder / published.WAV2LIP_GAN.file)
    accept(host, [published.WAV2LIP_GAN])


def accept(host: Host, files: Any) -> None:
    """Toy networks as the user's own under the published names."""
    store = host_models.host_store()
    for file in files:
        store.accept(file, host.models / "talking_portraits" / file.file)


def write_retalking(host: Host, *, with_emotion: bool) -> None:
    from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions

    options = VideoReTalkingOptions(up_face="sad" if with_emotion else "original")
    folder = host.models / "talking_portraits"
    retalking_files(folder, options)
    files = pack_module("sadtalker_core.systems.videoretalking.files")
    config = pack_module("sadtalker_core.systems.videoretalking.config")
    accept(host, files.needed_files(config.VideoReTalkingOptions(up_face=options.up_face)))


def changed(frames: Tensor, before: Tensor) -> Tensor:
    """(N,) how many pixels of each frame differ by more than two levels."""
    return ((frames - before).abs().amax(3) > 2.5 / 255).flatten(1).sum(1)


def test_lips_move_and_all_else_stays(host: Host) -> None:
    before = clip()
    frames, audio, fps, report = run("RelipFrames", video=before, audio=sound(0.24))
    assert frames.shape == before.shape
    assert fps == 25.0
    assert audio["waveform"].shape[-1] == round(0.24 * 16000)
    assert report.startswith("6 frames at 25 per second, new lips in 6.")
    difference = ((frames - before).abs().amax(3) > 2.5 / 255).any(0)
    rows = torch.nonzero(difference.any(1)).flatten()
    assert rows.min() > 90  # below the nose
    assert changed(frames, before).max() > 100


def test_a_file_has_the_new_sound_and_the_sources_rate(host: Host) -> None:
    shown = call("RelipVideo", video=video_of(clip(8), 20), audio=sound(0.8), repeat="loop")
    video, report = shown.result
    seen = look_at(host.output / "video" / "dubbed_00001_.mp4")
    assert (seen.frames, seen.fps) == (16, 20)
    assert seen.sound_s == pytest.approx(0.8, abs=0.07)
    assert video.get_dimensions() == (192, 192)
    assert report.startswith("16 frames at 20 per second")
    assert shown.ui.as_dict()["images"]


@pytest.mark.parametrize(
    ("values", "frames", "last"),
    [
        ({"repeat": "ping-pong"}, 10, 1),
        ({"repeat": "loop"}, 10, 3),
        ({"repeat": "hold"}, 10, 5),
        ({"repeat": "trim"}, 6, 5),
        ({"repeat": "trim", "keep_rest": True}, 6, 5),
    ],
)
def test_a_longer_sound(host: Host, values: dict[str, Any], frames: int, last: int) -> None:
    before = clip()
    made, audio, _, report = run("RelipFrames", video=before, audio=sound(0.4), **values)
    assert len(made) == frames
    assert torch.allclose(made[-1, :80], before[last, :80], atol=1 / 255)
    assert audio["waveform"].shape[-1] == frames * 640
    assert ("was cut" in report) == (frames == 6)


def test_the_sound_ends_with_the_frames(host: Host) -> None:
    """That of a file too, and what an engine hears of either."""
    write_wav(host.input / "long.wav", sound(0.4)["waveform"][0, 0])
    streamed, _ = run("LoadSound", audio="long.wav")
    for given in (streamed, sound(0.4)):
        _, audio, *_ = run("RelipFrames", video=clip(), audio=given, repeat="trim")
        assert audio["waveform"].shape == (1, 1, 6 * 640)
    source = pack_module("nodes.media").sound_of(streamed)
    shown = RelipVideo(lambda: iter(()), Fraction(25), 6, (192, 192))
    speech = dubbing._speech(source, None, shown)
    assert sum(len(chunk) for chunk in speech.open_sound()) == speech.samples == 6 * 640
    assert speech.duration_s == Fraction(6, 25)


def test_what_is_left_of_the_video_stays_if_asked(host: Host) -> None:
    made, *_ = run("RelipFrames", video=clip(), audio=sound(0.12))
    assert len(made) == 3
    made, *_ = run("RelipFrames", video=clip(), audio=sound(0.12), keep_rest=True)
    assert len(made) == 6


def test_a_picture_is_shown_throughout_at_the_rate_asked_for(host: Host) -> None:
    made, _, fps, _ = run("RelipFrames", video=small_head(), audio=sound(0.4), fps=30.0)
    assert (len(made), fps) == (12, 30.0)


def test_frames_without_the_face_are_told(host: Host) -> None:
    before = clip()
    before[2:4] = 0.5
    frames, *_, report = run("RelipFrames", video=before, audio=sound(0.24))
    assert torch.allclose(frames[2:4], before[2:4], atol=1 / 255)
    assert "2 of 6 frames do not show the face" in report
    assert "0.08 to 0.16 s" in report


def halves(frames: Tensor, before: Tensor) -> list[bool]:
    """Whether something moved in the left and in the right half."""
    difference = (frames - before).abs().amax(3) > 2.5 / 255
    middle = difference.shape[2] // 2
    return [
        int(part.sum()) > 100 for part in (difference[:, :, :middle], difference[:, :, middle:])
    ]


def test_who_speaks(host: Host) -> None:
    before = two_people().repeat(4, 1, 1, 1)
    given = {"video": before, "audio": sound(0.16)}
    moved = {}
    for place in ("left", "right"):
        frames, *_, report = run("RelipFrames", face_select=place, **given)
        moved[place] = halves(frames, before)
        assert "faces were found" not in report
    assert moved == {"left": [True, False], "right": [False, True]}
    assert "2 faces were found" in run("RelipFrames", **given)[-1]
    found = [halves(run("RelipFrames", who=who, **given)[0], before) for who in (0, 1)]
    assert sorted(found) == [[False, True], [True, False]]
    faces, *_ = run("DetectFaces", image=before[:1])
    for x, wanted in ((250, [True, False]), (770, [False, True])):
        (one,) = run("ChooseFace", faces=faces, by="point", x=x, y=200)
        frames, *_ = run("RelipFrames", faces=one, **given)
        assert halves(frames, before) == wanted
    with pytest.raises(errors.OptionError, match="192x192"):
        run("RelipFrames", faces=faces, video=clip(), audio=sound(0.16))


def test_what_cannot_be_dubbed_is_refused_in_words(host: Host) -> None:
    silence = {"waveform": torch.zeros(1, 1, 8000), "sample_rate": 16000}
    with pytest.raises(errors.MediaError, match="silent"):
        run("RelipFrames", video=clip(), audio=silence)
    with pytest.raises(errors.NoFaceError):
        run("RelipFrames", video=torch.full((3, 96, 96, 3), 0.5), audio=sound())
    (settings,) = run("Wav2LipSettings")
    with pytest.raises(errors.OptionError, match="for wav2lip.*Built-in engine"):
        run("RelipFrames", video=clip(), audio=sound(), settings=settings)
    with pytest.raises(errors.OptionError, match="settings node"):
        run("RelipFrames", video=clip(), audio=sound(), settings={"type": "Faces"})


def test_settings_are_plain_and_checked_before_the_run(host: Host) -> None:
    node = node_classes()["TalkingPortraitsVideoReTalkingSettings"]
    assert "80,400,120,380" in node.validate_inputs(box="wide", crop="")
    assert node.validate_inputs(box="1,90,2,80", crop="") is True
    (settings,) = run("VideoReTalkingSettings", like=small_head(), up_face="sad", pad_bottom=7)
    assert settings["like"].shape == (3, 192, 192)
    assert settings["options"]["up_face"] == "sad"
    assert settings["options"]["pad_bottom"] == 7
    assert not set(settings["options"]) & {"finder", "precision", "mouth_enhancer"}


def test_wav2lip_with_its_settings(host: Host) -> None:
    with pytest.raises(errors.WeightsError, match="wav2lip_gan.pth"):
        run("LoadWav2Lip")
    write_wav2lip(host)
    (lips,) = run("LoadWav2Lip")
    before = clip()
    given = {"video": before, "audio": sound(0.24), "lips": lips}
    soft, *_ = run("RelipFrames", **given)
    (settings,) = run("Wav2LipSettings", paste="hard", pad_bottom=2)
    hard, *_ = run("RelipFrames", settings=settings, **given)
    assert int(changed(soft, before).min()) > 50
    assert int(changed(hard, before).min()) > int(changed(soft, before).max())


def test_videoretalking_with_emotion_and_a_template(host: Host) -> None:
    write_retalking(host, with_emotion=False)
    before = clip(3)
    given: dict[str, Any] = {"video": before, "audio": sound(0.12)}
    load = {"precision": "float32"}
    (lips,) = run("LoadVideoReTalking", **load)
    assert lips.networks.emotion is None
    plain, *_ = run("RelipFrames", lips=lips, **given)
    assert int(changed(plain, before).min()) > 50
    (sad,) = run("VideoReTalkingSettings", up_face="sad")
    with pytest.raises(errors.WeightsError) as caught:
        run("RelipFrames", lips=lips, settings=sad, **given)
    assert str(caught.value).startswith("The emotion sad needs weights that are not here (1 file")
    node = node_classes()["TalkingPortraitsLoadVideoReTalking"]
    before_it = node.fingerprint_inputs(**load)

    write_retalking(host, with_emotion=True)
    assert node.fingerprint_inputs(**load) != before_it
    (lips,) = run("LoadVideoReTalking", **load)
    assert lips.networks.emotion is not None
    assert lips.options.up_face == "original"
    same, *_ = run("RelipFrames", lips=lips, **given)
    assert torch.equal(same, plain)
    angry, *_ = run("RelipFrames", lips=lips, settings=sad, **given)
    assert not torch.equal(angry, plain)
    (smile,) = run("VideoReTalkingSettings", exp_img="smile")
    (like,) = run("VideoReTalkingSettings", like=small_head().flip(2))
    others = [run("RelipFrames", lips=lips, settings=each, **given)[0] for each in (smile, like)]
    assert not torch.equal(others[0], plain)
    assert not torch.equal(others[1], plain)
    assert not torch.equal(others[1], others[0])


@pytest.mark.parametrize("engine", ["videoretalking", "wav2lip"])
def test_every_number_of_a_model_moves_with_it(host: Host, engine: str) -> None:
    if engine == "wav2lip":
        write_wav2lip(host)
    else:
        write_retalking(host, with_emotion=True)
    name = {"wav2lip": "LoadWav2Lip", "videoretalking": "LoadVideoReTalking"}[engine]
    (lips,) = run(name)
    lips._patcher.model.to("meta")
    left = [path for path, found in _tensors(lips.networks, engine) if found.device.type != "meta"]
    # expressions of 64 numbers, which are moved when they are used
    assert [path for path in left if ".templates." not in path] == []


def test_a_stopped_job_leaves_no_file(host: Host) -> None:
    import comfy.model_management as management

    management.interrupt_current_processing()
    with pytest.raises(management.InterruptProcessingException):
        call("RelipVideo", video=clip(), audio=sound())
    assert not list(host.output.rglob("*.mp4"))


def test_licences_of_lips_are_reported(host: Host) -> None:
    write_wav2lip(host)
    (lips,) = run("LoadWav2Lip")
    text, _ = run("LicenceReport", model=lips)
    assert text.startswith("Commercial use: not allowed.")
    executor = Executor(node_classes())
    prefix = "TalkingPortraits"
    loader: Any = {"class_type": f"{prefix}LoadWav2Lip", "inputs": {"model": "gan"}}
    loader["inputs"]["finder"] = "tracker"
    graph = {
        "lips": loader,
        "terms": {"class_type": f"{prefix}LicenceReport", "inputs": {"model": ["lips", 0]}},
    }
    assert "terms" in executor.run(graph).ui
