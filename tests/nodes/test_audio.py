"""From sound and video to motion: equal to the library's own engines, to the bit."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conftest import write_wav
from tests.systems.liveportrait.toy_files import write_toy_files as liveportrait_files
from tests.systems.sadtalker.toy_files import write_toy_files as sadtalker_files

from .conftest import Host
from .executor import Executor, GraphError
from .pack import node_classes, pack_module
from .scenes import run as call

audio_in = pack_module("sadtalker_core.media.audio_in")
errors = pack_module("sadtalker_core.errors")
host_models = pack_module("nodes.host_models")
lite_config = pack_module("sadtalker_core.systems.lite.config")
lite_motion = pack_module("sadtalker_core.systems.lite.motion")
packing = pack_module("nodes.packing")
pictures = pack_module("sadtalker_core.media.pictures")
portraits = pack_module("nodes.portraits")
request_of = pack_module("sadtalker_core.motion_request")
runtimes = pack_module("sadtalker_core.runtime")
sadtalker_config = pack_module("sadtalker_core.systems.sadtalker.config")
sadtalker = pack_module("sadtalker_core.systems.sadtalker.pipeline")


def same(a: Any, b: Any) -> bool:
    """Whether two dictionaries of a record hold the same, to the bit."""
    if a.keys() != b.keys():
        return False
    return all(
        torch.equal(value, b[name]) if isinstance(value, Tensor) else value == b[name]
        for name, value in a.items()
    )


def voice(seconds: float = 2.83) -> dict[str, Any]:
    samples = int(16000 * seconds)
    generator = torch.Generator().manual_seed(6)
    swell = (torch.arange(samples) / 3000).sin().abs()
    sound = 0.1 * swell * torch.randn(samples, generator=generator)
    return {"waveform": sound[None, None], "sample_rate": 16000}


@pytest.fixture
def spoken(host: Host, demo_voice: Path) -> Path:
    return Path(shutil.copy(demo_voice, host.input / "voice.flac"))


@pytest.fixture(scope="module")
def picture(demo_portrait: Path) -> Tensor:
    return pictures.read_picture(demo_portrait).flattened().movedim(0, -1)[None].float() / 255


# --- files ---------------------------------------------------------------------------------------


def test_a_sound_file_stays_a_file(host: Host, spoken: Path) -> None:
    value, seconds = call("LoadSound", audio="voice.flac")
    assert value == {"type": "SoundFile", "version": 1, "path": str(spoken.resolve())}
    assert seconds == float(audio_in.open_audio(spoken).duration_s)
    node = node_classes()["TalkingPortraitsLoadSound"]
    assert "voice.flac" in node.GET_SCHEMA().inputs[0].options


def test_a_sound_is_read_again_when_its_content_changes(host: Host, spoken: Path) -> None:
    load = node_classes()["TalkingPortraitsLoadSound"]
    first = load.fingerprint_inputs(audio="voice.flac")
    copy = Path(shutil.copy(spoken, host.input / "copy.flac"))
    assert load.fingerprint_inputs(audio=copy.name) == first  # of the content, not of the place
    write_wav(spoken, torch.zeros(1600))
    assert load.fingerprint_inputs(audio="voice.flac") != first


@pytest.mark.parametrize(
    "name", ["../secret.wav", "/etc/hosts", "sub/../../secret.wav", "no.wav", ""]
)
def test_files_outside_of_the_hosts_folders_are_refused(host: Host, name: str) -> None:
    write_wav(host.base / "secret.wav", torch.zeros(1600))
    (host.input / "sub").mkdir()
    load = node_classes()["TalkingPortraitsLoadSound"]
    answer = load.validate_inputs(audio=name)
    assert isinstance(answer, str)
    assert answer.endswith(".") or "(r)" in answer
    with pytest.raises(errors.MediaError):
        load.execute(audio=name)


def test_links_out_of_the_folders_are_not_followed(host: Host) -> None:
    secret = write_wav(host.base / "secret.wav", torch.zeros(1600))
    (host.input / "link.wav").symlink_to(secret)
    write_wav(host.input / "own.wav", torch.zeros(1600))
    assert pack_module("nodes.host_files").files_in((".wav",)) == ["own.wav"]
    assert "in none of" in node_classes()["TalkingPortraitsLoadSound"].validate_inputs(
        audio="link.wav"
    )


def test_a_name_that_is_linked_is_checked_when_it_is_there(host: Host) -> None:
    load = node_classes()["TalkingPortraitsLoadSound"]
    assert load.validate_inputs(audio=None) is True
    assert load.fingerprint_inputs(audio=None) == ""


def test_a_graph_with_a_missing_file_is_refused_with_a_sentence(host: Host) -> None:
    graph = {
        "1": {"class_type": "TalkingPortraitsLoadSound", "inputs": {"audio": "gone.wav"}},
    }
    with pytest.raises(GraphError, match="is not there"):
        Executor(node_classes()).run(graph, ["1"])


# --- the built-in engine -------------------------------------------------------------------------


def test_speech_moves_as_on_the_command_line(host: Host, spoken: Path) -> None:
    sound, _ = call("LoadSound", audio="voice.flac")
    motion, frames = call(
        "SpeechMotion", audio=sound, fps=29.97, seed=5, smile=0.5, blink_every=2.0
    )
    source = audio_in.open_audio(spoken)
    options = lite_config.LiteMotionOptions(smile=0.5, blink_every=2.0)
    wanted = lite_motion.motion_from_audio(
        lambda: source.stream(16000),
        source.sample_count(16000),
        Fraction(30000, 1001),
        options,
        runtimes.Runtime(seed=5),
    )
    assert frames == len(wanted)
    assert same(motion, wanted.to_dict())
    other, _ = call("SpeechMotion", audio=sound, fps=29.97, seed=6, smile=0.5, blink_every=2.0)
    assert not same(motion, other)


def test_sound_in_memory_is_heard_like_the_file(host: Host, spoken: Path) -> None:
    source = audio_in.open_audio(spoken)
    samples = torch.cat(list(source.stream(source.sample_rate)))
    in_memory = {"waveform": samples[None, None], "sample_rate": source.sample_rate}
    motion, frames = call("SpeechMotion", audio=in_memory)
    of_file, _ = call("SpeechMotion", audio=call("LoadSound", audio="voice.flac")[0])
    assert frames == packing.motion_of(of_file).open.shape[0]
    torch.testing.assert_close(motion["open"], of_file["open"], rtol=0, atol=2e-3)
    assert motion["open"].max() > 0.03


def test_silence_is_refused_with_advice(host: Host) -> None:
    silent = {"waveform": torch.zeros(1, 1, 32000), "sample_rate": 16000}
    with pytest.raises(errors.MediaError, match="Idle Motion"):
        call("SpeechMotion", audio=silent)


def test_idle_motion_is_the_librarys(host: Host) -> None:
    motion, frames = call("IdleMotion", seconds=2.5, seed=3, breathing=2.0)
    options = lite_config.LiteMotionOptions(breathing=2.0)
    wanted = lite_motion.idle_motion(2.5, Fraction(25), options, runtimes.Runtime(seed=3))
    assert frames == 63
    assert same(motion, wanted.to_dict())


# --- SadTalker's networks ------------------------------------------------------------------------


@pytest.fixture
def whole(host: Host, picture: Tensor) -> tuple[Any, Any]:
    """SadTalker at toy size and a portrait prepared for it."""
    folder = host.models / "talking_portraits"
    folder.mkdir()
    sadtalker_files(folder)
    model = host_models.load_model("sadtalker")
    (prepared,) = call("PreparePortrait", model=model, image=picture)[0]
    return model, prepared


SEED = 3


def engine_motion(model: Any, portrait: Any, audio: Any, options: Any, **given: Any) -> Any:
    """What the whole engine makes, as the jobs ask for it."""
    value = portraits.portrait_of(portrait, model)
    sound = None if audio is None else audio["waveform"][0, 0]
    samples = 0 if sound is None else len(sound)
    request = request_of.MotionRequest(
        options=options,
        duration_s=given.pop("duration_s", None) or Fraction(samples, 16000),
        fps=Fraction(25),
        open_sound=None if sound is None else lambda: iter(sound.split(4000)),
        samples=samples,
        **given,
    )
    runtime = runtimes.Runtime(seed=SEED)
    with torch.inference_mode():
        motion = model.engine.motion(model.networks, value.prepared, request, runtime)
        track = sadtalker.track_of(model.networks, value.prepared, motion, options, runtime)
    return motion, track


def chained(model: Any, portrait: Any, options: Any, **given: Any) -> tuple[Any, Any]:
    both = {"model": model, "portrait": portrait}
    seen = {name: given.pop(name, None) for name in ("pose", "blink")}
    eyes = seen["blink"] or call("Blink", seed=SEED, **given)[0]
    face, _ = call(
        "ExpNetExpression", **both, blink=eyes, expression_scale=options.expression_scale, **given
    )
    head, _ = call(
        "PoseVaeHeadPose",
        **both,
        seed=SEED,
        reference=seen["pose"],
        pose_style=options.pose_style,
        pose_scale=options.pose_scale,
        **given,
    )
    (motion,) = call("CombineMotion", base=face, head=head)
    (track,) = call("MappingNetKeypoints", **both, motion=motion, yaw=options.yaw)
    return motion, track


def test_steps_in_a_graph_are_the_whole_engine(whole: Any) -> None:
    model, portrait = whole
    options = sadtalker_config.SadTalkerMotionOptions(
        expression_scale=1.3, pose_style=7, pose_scale=0.8, yaw="0:0, 2:20"
    )
    motion, track = engine_motion(model, portrait, voice(), options)
    found, keypoints = chained(model, portrait, options, audio=voice())
    assert len(motion) == 70
    assert same(found, motion.to_dict())
    assert same(keypoints, track.to_dict())
    assert track.driving.std(0).max() > 0


def test_steps_without_sound_are_the_engines_idle_mode(whole: Any) -> None:
    model, portrait = whole
    options = sadtalker_config.SadTalkerMotionOptions()
    motion, track = engine_motion(model, portrait, None, options, duration_s=Fraction(3))
    found, keypoints = chained(model, portrait, options, seconds=3.0)
    assert same(found, motion.to_dict())
    assert same(keypoints, track.to_dict())


def moving(picture: Tensor, frames: int = 6) -> Tensor:
    return torch.cat([picture.roll((k, 2 * k), (1, 2)) for k in range(frames)])


def test_what_is_borrowed_of_a_video_is_what_the_engine_borrows(
    whole: Any, picture: Tensor
) -> None:
    model, portrait = whole
    images = moving(picture)
    reference = request_of.ReferenceVideo(
        lambda: iter([(images.movedim(-1, 1) * 255).round().to(torch.uint8)]), Fraction(25)
    )
    options = sadtalker_config.SadTalkerMotionOptions()
    motion, track = engine_motion(
        model, portrait, voice(1.0), options, blink=reference, pose=reference
    )
    pose, blink = call("ReferencePoseAndBlink", model=model, portrait=portrait, images=images)
    found, keypoints = chained(model, portrait, options, audio=voice(1.0), pose=pose, blink=blink)
    assert same(found, motion.to_dict())
    assert same(keypoints, track.to_dict())
    source = portraits.portrait_of(portrait).prepared.source.coeff
    assert torch.equal(blink["rotation_rad"], source[:, 64:67].expand(6, -1))
    assert torch.equal(pose["expression"], source[:, :64].expand(6, -1))
    assert not torch.equal(pose["rotation_rad"][0], pose["rotation_rad"][5])


def test_a_video_moves_sadtalkers_portrait(whole: Any, picture: Tensor) -> None:
    model, portrait = whole
    motion, frames, fps = call(
        "MotionFromVideo", model=model, portrait=portrait, images=moving(picture), fps=12.5
    )
    assert (frames, fps) == (12, 25.0)
    assert motion["type"] == "Coeff3DMM"
    with pytest.raises(errors.OptionError, match="connect the PORTRAIT"):
        call("MotionFromVideo", model=model, images=moving(picture))


def test_only_sadtalker_has_these_networks(host: Host, whole: Any) -> None:
    _, portrait = whole
    builtin = host_models.builtin()
    for name in ("ExpNetExpression", "PoseVaeHeadPose", "ReferencePoseAndBlink"):
        more = {"images": torch.zeros(1, 8, 8, 3)} if name.startswith("Ref") else {}
        with pytest.raises(errors.OptionError, match="connect Load SadTalker"):
            call(name, model=builtin, portrait=portrait, **more)


def test_mapping_net_takes_sadtalkers_motion_alone(whole: Any) -> None:
    model, portrait = whole
    idle, _ = call("IdleMotion", seconds=1.0)
    with pytest.raises(errors.OptionError, match="Convert Motion"):
        call("MappingNetKeypoints", model=model, portrait=portrait, motion=idle)
    turned, note = call("ConvertMotion", motion=idle, to="SadTalker", portrait=portrait)
    assert "Only the head" in note
    still, _ = call("KeyframeMotion", seconds=1.0)
    held, _ = call("ConvertMotion", motion=still, to="SadTalker", portrait=portrait)
    source = portraits.portrait_of(portrait).prepared.source.coeff
    for name, columns in (("expression", slice(64)), ("rotation_rad", slice(64, 67))):
        wanted = source[:, columns].expand(25, -1)
        torch.testing.assert_close(held[name], wanted, rtol=0, atol=1e-6)
    (track,) = call("MappingNetKeypoints", model=model, portrait=portrait, motion=turned)
    assert track["driving"].shape[0] == 25


def test_blinks_fit_any_motion(host: Host) -> None:
    blink, frames = call("Blink", seconds=8.0, pattern="steady", strength=0.5)
    assert frames == 200
    assert blink["lids"].max() == 0.5
    idle, _ = call("IdleMotion", seconds=8.0, blink=False)
    (made,) = call("CombineMotion", base=idle, eyes=blink)
    assert torch.equal(made["lids"], blink["lids"])
    assert torch.equal(made["brows"], idle["brows"])


# --- drivers -------------------------------------------------------------------------------------


def test_a_video_drives_the_built_in_engine(host: Host, picture: Tensor) -> None:
    model, images = host_models.builtin(), moving(picture)
    motion, frames, fps = call("MotionFromVideo", model=model, images=images, fps=10.0, steady=0.0)
    assert (motion["type"], frames, fps) == ("LiteMotion", 6, 10.0)
    assert (motion["translation"][5] - motion["translation"][0]).abs().max() > 0.02
    mirrored, _, _ = call(
        "MotionFromVideo", model=model, images=images, fps=10.0, steady=0.0, mirror=True
    )
    torch.testing.assert_close(mirrored["translation"][:, 0], -motion["translation"][:, 0])
    with pytest.raises(errors.OptionError, match="LivePortrait takes pictures"):
        call("MotionFromVideo", model=model, images=images[:1])
    with pytest.raises(errors.OptionError, match="none is"):
        call("MotionFromVideo", model=model)


def test_a_picture_drives_liveportrait(host: Host, picture: Tensor) -> None:
    folder = host.models / "talking_portraits"
    folder.mkdir()
    liveportrait_files(folder)
    model = host_models.load_model("liveportrait")
    motion, frames, _ = call("MotionFromVideo", model=model, images=picture)
    assert (motion["type"], frames, motion["is_relative"]) == ("ImplicitMotion", 1, False)
    several, frames, _ = call("MotionFromVideo", model=model, images=moving(picture, 3))
    assert frames == 3
    torch.testing.assert_close(several["expression"][:1], motion["expression"], rtol=0, atol=1e-4)
