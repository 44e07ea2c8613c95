"""SadTalker's goldens of sound, expression, head motion, coefficients and keypoints on our code."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from sadtalker_core.audio import wav2lip_mel as mel
from sadtalker_core.geometry.pose import rotation_facevid2vid
from sadtalker_core.geometry.savgol import savgol
from sadtalker_core.systems.sadtalker.blink import random_blinks, steady_blinks
from sadtalker_core.systems.sadtalker.camera import FreeView, degree_sequence
from sadtalker_core.systems.sadtalker.head_pose import head_motion, smoothed
from sadtalker_core.systems.sadtalker.keypoints import degrees_from_bins, transformed
from sadtalker_core.systems.sadtalker.nets.expnet import ExpNet
from sadtalker_core.systems.sadtalker.nets.mapping import (
    MappedMotion,
    MappingNet,
    MappingNetConfig,
)
from sadtalker_core.systems.sadtalker.nets.posevae import PoseVAE
from sadtalker_core.systems.sadtalker.reference import add_reference_pose, looped
from sadtalker_core.systems.sadtalker.semantics import driving_rows, source_window, windows

from .seeded_weights import fill, load_manifest

DATA = Path(__file__).parent / "data" / "sadtalker"
Case = Callable[[dict[str, Tensor], int, dict[str, str]], dict[str, Tensor]]


def filled(build: Callable[[], nn.Module], manifest: str, seed: int) -> nn.Module:
    """A full-size network, strictly loaded with seeded weights."""
    with torch.device("meta"):
        net = build()
    net.load_state_dict(fill(load_manifest(DATA / f"{manifest}.json"), seed), assign=True)
    return net.eval()


def record(modules: dict[str, nn.Module], into: dict[str, list[Tensor]]) -> None:
    """Collect what each module returns."""

    def keep(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda module, inputs, output: into.setdefault(name, []).append(output)

    for name, module in modules.items():
        module.register_forward_hook(keep(name))


def audio_features(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    shapes = {
        name.removeprefix("shape:"): json.loads(text)
        for name, text in meta.items()
        if name.startswith("shape:")
    }
    wav, source = inputs["wav"], inputs["source_coeff"]
    frames = mel.frames_of(wav.shape[0])
    samples = frames * mel.SAMPLES_PER_FRAME
    cut = wav[:samples]
    emphasised = mel.pre_emphasis(cut.double())
    columns = mel.columns_of(samples)
    edge = mel.WAV2LIP_MEL.fft // 2
    zeros = emphasised.new_zeros(edge)
    magnitude = mel.stft_magnitude(torch.cat([zeros, emphasised, zeros]), columns)
    reflected = nn.functional.pad(emphasised[None], (edge, edge), mode="reflect")[0]
    groups = list(mel.window_groups([wav], wav.shape[0], 32, wav.device))
    blink_video = inputs["eyeblink_coeff"]
    idle = shapes["idle_shape"] and shapes["idle_ratio_random_seed_1234"][1]
    lengths = (0, 639, 640, 641, 16000, 30523, 123457)
    whole = [n // mel.SAMPLES_PER_FRAME for n in lengths]
    outputs = {
        "preemphasised": emphasised[: shapes["preemphasised"][0]],
        "stft_magnitude": magnitude.T,
        "mel_basis": mel.mel_filterbank(mel.WAV2LIP_MEL),
        "mel": mel.wav2lip_mel(cut),
        "mel_if_reflect_padded": mel.mel_from_magnitude(mel.stft_magnitude(reflected, columns)).T,
        "indiv_mels": torch.cat(groups)[None, :frames],
        "window_start": mel.window_start(torch.arange(shapes["window_start"][0])),
        "parse_audio_length": torch.tensor([[n * 640, n] for n in whole]),
        "wav_length_num_frames": torch.tensor([samples, frames]),
        "ref": source[:, :70].expand(1, frames, -1),
        "eyeblink_ratio": torch.zeros(1, frames, 1),
        "eyeblink_ref": torch.cat(
            [looped(blink_video[:, :64], frames), source[:, 64:70].expand(frames, -1)], 1
        )[None],
        "idle_shape": torch.tensor([1, idle, 1, 80, 16]),
        "ratio_random_seed_1234": _python_blinks(frames)[None, :, None],
        "idle_ratio_random_seed_1234": _python_blinks(idle)[None, :, None],
    }
    for name, shape in shapes.items():
        if name.startswith("blink_fixed_"):
            outputs[name] = steady_blinks(int(name.rsplit("_", 1)[1]))
        elif name.startswith("blink_random_"):
            counts = [int(text) for text in name.removeprefix("blink_random_").split("_")]
            rows = [_python_blinks(count) for count in counts]
            outputs[name] = torch.stack(
                [nn.functional.pad(row, (0, shape[1] - row.shape[0])) for row in rows]
            )
    return outputs


def _python_blinks(frames: int) -> Tensor:
    source = random.Random(1234)
    return random_blinks(frames, source.choice)


def audio2exp(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(ExpNet, "audio2exp", seed)
    assert isinstance(net, ExpNet)
    embedding = net.embed(inputs["indiv_mels"].flatten(0, 1))
    exp = net.express(embedding, inputs["ref"].flatten(0, 1)[:, :64], inputs["ratio"].flatten(0, 1))
    return {"audio_emb": embedding, "exp": exp.unflatten(0, inputs["ratio"].shape[:2])}


def audio2pose(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(PoseVAE, "audio2pose", seed)
    assert isinstance(net, PoseVAE)
    seen: dict[str, list[Tensor]] = {}
    decoder = net.netG.decoder
    record({"chunk": decoder, "resunet": decoder.resunet, "mlp": decoder.MLP}, seen)
    record({"embedding": net.audio_encoder}, seen)
    mels = inputs["indiv_mels"][0]
    groups = [net.hear(group) for group in mels.split(32)]
    start = inputs["ref"][:, 0, -6:]
    motion = head_motion(net, torch.cat(groups), start, inputs["class"], iter(inputs["z"]))
    pose = start + motion
    return {
        "audio_emb_last": torch.cat(seen["embedding"])[1:][None, -32:],
        "chunk_motion": torch.stack(seen["chunk"]),
        "decoder_mlp_last": seen["mlp"][-1],
        "resunet_last": seen["resunet"][-1],
        "pose_motion_pred": motion[None],
        "pose_pred": pose[None],
        "pose_smoothed": smoothed(pose)[None],
    }


def frame_data(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    batch = json.loads(meta.get("shape:crop_target", "[2]"))[0]
    target, source = inputs["target_coeff"], inputs["source_coeff"]
    long, turned = inputs["long_coeff"], inputs["refpose_coeff"]
    frames = target.shape[0]
    padded = -(-frames // batch) * batch

    def laid_out(rows: Tensor, size: int = batch) -> Tensor:
        """Filled up with the last row, then a run of frames for each place of the batch."""
        missing = -rows.shape[0] % size
        whole = torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])])
        return whole.unflatten(0, (size, -1))

    def targets(coefficients: int, scale: float = 1.0, still: bool = False) -> Tensor:
        rows = driving_rows(target, source, coefficients, expression_scale=scale, still=still)
        return laid_out(windows(rows))

    def camera(degrees: list[float], count: int = frames, size: int = batch) -> Tensor:
        return laid_out(degree_sequence(degrees, count), size)

    pose = add_reference_pose(long[:, 64:70], looped(turned[:, 64:70], long.shape[0]))
    outputs = {
        "source_image": (inputs["source_png"].permute(2, 0, 1).float() / 255).repeat(
            batch, 1, 1, 1
        ),
        "crop_source_semantics": source_window(source, 70).repeat(batch, 1, 1),
        "full_source_semantics": source_window(source, 73).repeat(batch, 1, 1),
        "crop_target": targets(70),
        "crop_still_target": targets(70, still=True),
        "full_still_target": targets(73, still=True),
        "frame_num_and_padded": torch.tensor([frames, padded]),
        "yaw_c_seq": camera([-20, 30, 10]),
        "pitch_c_seq": camera([5]),
        "roll_c_seq": camera([0, 15]),
        "using_refpose": torch.cat([long[:, :64], pose], 1),
        "savgol_13": savgol(long[:, 64:70], 13, 2)[None],
    }
    for key in meta:
        name = key.removeprefix("shape:")
        if name.startswith("savgol_len"):
            rows = int(name.removeprefix("savgol_len"))
            outputs[name] = smoothed(long[:rows, 64:70])[None]
        elif scaled := re.fullmatch(r"full_scale(\d)(\d+)_target", name):  # scale13 is 1.3
            outputs[name] = targets(73, scale=float(f"{scaled[1]}.{scaled[2]}"))
        elif name.startswith("camera_"):  # camera_m20_30_10_of_50_bs1: m is minus
            degrees, rest = name.removeprefix("camera_").split("_of_")
            count, size = rest.split("_bs")
            values = [float(text.replace("m", "-")) for text in degrees.split("_")]
            outputs[name] = camera(values, int(count), int(size))
    return outputs


def _mapping(coefficients: int) -> Case:
    def case(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
        config = MappingNetConfig(coefficients)
        net = filled(lambda: MappingNet(config), f"mapping_{coefficients}", seed)
        assert isinstance(net, MappingNet)
        seen: dict[str, list[Tensor]] = {}
        record({"first": net.first, "encoder0": net.get_submodule("encoder0")}, seen)
        pooled: list[Tensor] = []
        net.fc_yaw.register_forward_pre_hook(lambda module, given: pooled.append(given[0]))
        mapped = net(inputs["coeff"])
        return {
            "first": seen["first"][0],
            "encoder0": seen["encoder0"][0],
            "pooled": pooled[0],
            "yaw": mapped.yaw,
            "pitch": mapped.pitch,
            "roll": mapped.roll,
            "t": mapped.translation,
            "exp": mapped.expression,
            "yaw_degree": degrees_from_bins(mapped.yaw),
            "pitch_degree": degrees_from_bins(mapped.pitch),
            "roll_degree": degrees_from_bins(mapped.roll),
        }

    return case


def keypoint_transformation(
    inputs: dict[str, Tensor], seed: int, meta: dict[str, str]
) -> dict[str, Tensor]:
    kp = inputs["kp"]
    mapped = MappedMotion(*(inputs[name] for name in ("yaw", "pitch", "roll", "t", "exp")))
    yaw_in, pitch_in, roll_in = (inputs[name] for name in ("yaw_in", "pitch_in", "roll_in"))
    degrees = {
        "pitch": degrees_from_bins(mapped.pitch),
        "yaw": degrees_from_bins(mapped.yaw),
        "roll": degrees_from_bins(mapped.roll),
    }
    resting = mapped._replace(expression=torch.zeros_like(mapped.expression))
    return {
        "kp": transformed(kp, mapped),
        "kp_without_exp": transformed(kp, resting),
        "kp_yaw_only": transformed(kp, mapped, FreeView(yaw=yaw_in)),
        "kp_free_view": transformed(kp, mapped, FreeView(yaw_in, pitch_in, roll_in)),
        "rotation": rotation_facevid2vid(torch.stack(list(degrees.values()), 1)),
        "rotation_free_view": rotation_facevid2vid(torch.stack([pitch_in, yaw_in, roll_in], 1)),
        **{f"{name}_degree": values for name, values in degrees.items()},
    }


CASES: dict[str, Case] = {
    "sadtalker/audio_features": audio_features,
    "sadtalker/audio2exp": audio2exp,
    "sadtalker/audio2pose": audio2pose,
    "sadtalker/audio2pose_short": audio2pose,
    "sadtalker/frame_data": frame_data,
    "sadtalker/mapping_70": _mapping(70),
    "sadtalker/mapping_73": _mapping(73),
    "sadtalker/keypoint_transformation": keypoint_transformation,
}
