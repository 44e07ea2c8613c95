"""LivePortrait's panels, the expression editor, its command player and the process node's modes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sadtalker_core.systems.liveportrait.editor import (
    ExpressionChange,
    editor_change,
    editor_points,
    panel_points,
)
from sadtalker_core.systems.liveportrait.nets.retargeting import EYES, LIPS, STITCHING
from sadtalker_core.systems.liveportrait.player import parse_commands, played, player_points
from sadtalker_core.systems.liveportrait.points import SourcePoints
from sadtalker_core.systems.liveportrait.process_modes import process_points
from sadtalker_core.systems.liveportrait.process_options import ProcessOptions
from sadtalker_core.systems.liveportrait.retarget import FaceRatios, RetargetNets, ratios_of_203
from sadtalker_core.systems.liveportrait.sliders import EDITOR, PANEL, still_values
from sadtalker_core.systems.liveportrait.video_panel import opened_lips, silent_lips

from .liveportrait_nets import retargeting

_CASES = Path(__file__).parent / "data" / "liveportrait" / "editing_cases.json"
# The panel's own state when the golden was made; the fact sheet says so.
_SHOWN = {"eyes_open_ratio": 0.3, "lip_open_ratio": 0.1}
_VIDEO_TARGET = 0.25
# Beside the sliders in the editor's table, and told to our functions by name.
_OTHER_CONTROLS = {"src_ratio", "sample_ratio", "crop_factor"}
_PANEL_NAMES = {
    "input_eye_ratio": "eyes_open_ratio",
    "input_lip_ratio": "lip_open_ratio",
    "input_head_pitch_variation": "head_pitch",
    "input_head_yaw_variation": "head_yaw",
    "input_head_roll_variation": "head_roll",
}


def _rows(inputs: dict[str, Tensor], name: str) -> SourcePoints:
    part = {key: inputs[f"{name}.{key}"] for key in ("kp", "exp", "t", "scale")}
    degrees = torch.cat([inputs[f"{name}.{angle}"] for angle in ("pitch", "yaw", "roll")], 1)
    return SourcePoints.of_pose(part["kp"], part["exp"], degrees, part["t"], part["scale"])


def _sets(inputs: dict[str, Tensor]) -> list[ExpressionChange]:
    return [
        ExpressionChange(exp, row[:3], 0.02 * row[3:4], 0.02 * row[5:8])
        for exp, row in zip(inputs["add_exp"], inputs["add_rst"])
    ]


def _panel(
    case: dict[str, Any], source: SourcePoints, ratios: FaceRatios, nets: RetargetNets
) -> Tensor:
    numbers = {_PANEL_NAMES.get(name, name): value for name, value in case.items()}
    stitching = numbers.pop("stitching")
    moved = {k: v for k, v in numbers.items() if k in PANEL and _SHOWN.get(k) != v}
    return panel_points(source, still_values(moved), ratios, nets, stitching)


def _editor(
    case: dict[str, Any], inputs: dict[str, Tensor], source: SourcePoints, nets: RetargetNets
) -> tuple[Tensor, ExpressionChange]:
    sliders = {k: v for k, v in case.items() if k in EDITOR and k not in _OTHER_CONTROLS}
    change = editor_change(
        still_values(sliders),
        source.exp,
        _rows(inputs, "drv")[:1] if case["sample"] else None,
        case["sample_parts"],
        case["sample_ratio"],
        _sets(inputs)[0] if case["add"] else None,
    )
    return editor_points(source, change, nets.stitching, case["src_ratio"]), change


def _player(case: dict[str, Any], inputs: dict[str, Tensor], nets: RetargetNets) -> Tensor:
    sets = _sets(inputs)
    driving = _rows(inputs, "drv")[: case["driving"]] if case["driving"] else None
    return player_points(
        _rows(inputs, "src")[: case["sources"]],
        played(parse_commands(case["command"], len(sets)), sets),
        nets.stitching,
        driving,
        case["retargeting_eyes"],
        case["retargeting_mouth"],
        case["animate_without_vid"],
    )


def _process(case: dict[str, Any], inputs: dict[str, Tensor], nets: RetargetNets) -> Tensor:
    options = ProcessOptions(
        relative_motion_mode=case["relative_motion_mode"],
        delta_multiplier=case["delta_multiplier"],
        driving_smooth_observation_variance=case["driving_smooth_observation_variance"],
        expression_friendly=case["expression_friendly"],
        expression_friendly_multiplier=case["expression_friendly_multiplier"],
        stitching=case["stitching"],
        lip_zero=case["lip_zero"],
        eye_retargeting=case["eye"],
        eyes_retargeting_multiplier=case["eyes_mult"],
        lip_retargeting=case["lip"],
        lip_retargeting_multiplier=case["lip_mult"],
    )
    count = case["source_frames"]
    is_cut = case["mismatch_method"] == "cut"
    return process_points(
        _rows(inputs, "src")[:count],
        _rows(inputs, "drv"),
        options,
        nets,
        ratios_of_203(inputs["lmk"][:count]),
        ratios_of_203(inputs["driving_lmk"]),
        count if is_cut else None,
    )


def editing(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    cases = json.loads(_CASES.read_text(encoding="utf-8"))
    nets = RetargetNets(*(retargeting(config, seed) for config in (STITCHING, EYES, LIPS)))
    frames, ratios = _rows(inputs, "src"), ratios_of_203(inputs["lmk"])
    source = frames[:1]
    outputs: dict[str, Tensor] = {}
    for name, case in cases["gradio"].items():
        outputs[f"gradio.{name}"] = _panel(case, source, ratios[:1], nets)
    outputs["gradio.video_lip"] = opened_lips(frames, ratios, _VIDEO_TARGET, nets)
    outputs["gradio.video_silence"] = silent_lips(frames)
    for name, case in cases["editor"].items():
        points, change = _editor(case, inputs, source, nets)
        outputs[f"editor.{name}"] = points
        outputs[f"editor.{name}.e"] = change.expression
        outputs[f"editor.{name}.r"] = change.degrees
    for name, case in cases["player"].items():
        outputs[f"player.{name}"] = _player(case, inputs, nets)
    for name, case in cases["kj"].items():
        outputs[f"kj.{name}"] = _process(case, inputs, nets)
    return outputs


CASES = {"liveportrait/editing": editing}
