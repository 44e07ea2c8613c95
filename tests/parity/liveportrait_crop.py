"""Goldens of what lies around LivePortrait's networks, and of the whole way through them."""

from __future__ import annotations

import json
from fractions import Fraction

import torch
from torch import Tensor

from sadtalker_core.geometry.pose import rotation_liveportrait
from sadtalker_core.geometry.resize import resize_linear
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import KeypointTrack
from sadtalker_core.systems.liveportrait.config import LivePortraitMotionOptions
from sadtalker_core.systems.liveportrait.crop import (
    CROP_SIZE,
    DRIVER_SHAPE,
    CropShape,
    average_box,
    crop_from_image,
    cut,
    face_square,
    inverse_map,
    moved_points,
    network_input,
    reference_points,
)
from sadtalker_core.systems.liveportrait.driver import driver_input, track_driver
from sadtalker_core.systems.liveportrait.faces import OriginalFinder
from sadtalker_core.systems.liveportrait.fast import choose_mix, optimise
from sadtalker_core.systems.liveportrait.keypoints import degrees_from_bins, posed, without_depth
from sadtalker_core.systems.liveportrait.landmarks203 import landmark_input, landmarks_203
from sadtalker_core.systems.liveportrait.motion import drive
from sadtalker_core.systems.liveportrait.nets.retargeting import EYES, LIPS, STITCHING
from sadtalker_core.systems.liveportrait.paste import (
    paste_exact,
    paste_mask,
    paste_weight,
    to_levels,
)
from sadtalker_core.systems.liveportrait.points import SourcePoints, extract
from sadtalker_core.systems.liveportrait.render import RenderNets, prepare_features, render_frames
from sadtalker_core.systems.liveportrait.retarget import (
    combined_eyes,
    combined_lips,
    flat_pair,
    motion_multiplier,
    ratios_of_203,
    retargeted,
    stitched,
)
from sadtalker_core.systems.liveportrait.smoothing import OneEuro, smoothed
from sadtalker_core.systems.liveportrait.source import read_source_video

from .liveportrait_motion import retarget_nets
from .liveportrait_nets import appearance, generator, motion_extractor, retargeting, warping

Tensors = dict[str, Tensor]
# What the golden was called with where neither its inputs nor its metadata say (fact sheet).
_EYES_WANTED, _LIPS_WANTED = (0.35, 0.9), 0.2
_SQUARE = CropShape(scale=2.3, vx=0.05)
_PASTED = CropShape(scale=1.2)


class RecordedNet:
    """Stands for the landmark net: its answers were given, one after another."""

    def __init__(self, answers: Tensor) -> None:
        self.answers = list(answers)
        self.seen: list[Tensor] = []

    def __call__(self, pictures: Tensor) -> Tensor:
        self.seen.append(pictures)
        return self.answers[len(self.seen) - 1][None]


def _interleaved(pictures: Tensor) -> Tensor:
    return pictures.movedim(-3, -1)


def _enlarged(small: Tensor, size: tuple[int, int]) -> Tensor:
    return resize_linear(small.permute(2, 0, 1), size)


def _keypoints(inputs: Tensors, seed: int) -> Tensors:
    rotation = rotation_liveportrait(inputs["deg"])
    x_s = posed(inputs["kp"], rotation, inputs["exp"], inputs["scale"], without_depth(inputs["t"]))
    driving, ratios = inputs["kp_d"], ratios_of_203(inputs["lmk203"])
    count = len(x_s)
    eyes = combined_eyes(ratios.eyes, torch.tensor(_EYES_WANTED).expand(count, -1))
    lips = combined_lips(ratios.lip, torch.full((count, 1), _LIPS_WANTED))
    rows = inputs["seq"].flatten(0, 1)
    return {
        "degree": degrees_from_bins(inputs["logits66"]),
        "R": rotation,
        "x_s": x_s,
        "concat_feat": flat_pair(x_s, driving),
        "stitching": stitched(retargeting(STITCHING, seed), x_s, driving),
        "eye_ratio": ratios.eyes,
        "lip_ratio": ratios.lip,
        "combined_eye": eyes,
        "combined_lip": lips,
        "retarget_eye": retargeted(retargeting(EYES, seed), x_s, eyes),
        "retarget_lip": retargeted(retargeting(LIPS, seed), x_s, lips),
        "motion_multiplier": motion_multiplier(x_s, driving),
        **{f"smooth_{text}": smoothed(rows, float(text)) for text in ("1e-3", "3e-6", "3e-7")},
        "one_euro": OneEuro().over(inputs["seq"]),
    }


def _squares(inputs: Tensors) -> Tensors:
    found: Tensors = {}
    for name, points in inputs.items():
        if not name.startswith("pts"):
            continue
        count = name.removeprefix("pts")
        found[f"pt2.{count}.lip"] = reference_points(points)
        found[f"pt2.{count}.eyes"] = reference_points(points, use_lip=False)
        square = face_square(points, _SQUARE)
        numbers = [*square.center_px.tolist(), square.side_px, square.side_px, square.angle_rad]
        found[f"rect.{count}"] = torch.tensor(numbers)
    square = face_square(inputs["pts203"], DRIVER_SHAPE)
    return {
        **found,
        "bbox.bbox": square.corners(),
        "bbox.bbox_rot": square.corners(turned=True),
        "bbox.center_size": torch.cat((square.center_px, torch.full((2,), square.side_px))),
        "average_bbox": average_box(inputs["bboxes"]),
    }


def _crops(inputs: Tensors, rgb: Tensor) -> Tensors:
    points = inputs["pts106"]
    found: Tensors = {}
    for name, shape in (("crop_rot", CropShape()), ("crop_norot", CropShape(rotate=False))):
        matrix = crop_from_image(face_square(points, shape), shape)
        found[f"{name}.M_o2c"], found[f"{name}.M_c2o"] = matrix, inverse_map(matrix)
        found[f"{name}.pt_crop"] = moved_points(points, matrix)
        crop = cut(rgb[None], matrix)
        found[f"{name}.img"] = _interleaved(crop[0])
        found[f"{name}.img256"] = _levels_of(network_input(crop))[0]
    return found


def _levels_of(pictures: Tensor) -> Tensor:
    """Network inputs as the 8-bit pictures that they were made of."""
    return _interleaved((pictures * 255).round().to(torch.uint8))


def _paste(inputs: Tensors, rgb: Tensor) -> Tensors:
    crop = _enlarged(inputs["gen_small"], (CROP_SIZE, CROP_SIZE))
    matrix = inverse_map(crop_from_image(face_square(inputs["pts106"], _PASTED), _PASTED))
    weight = paste_weight(matrix, (rgb.shape[1], rgb.shape[2]))
    return {
        "mask_crop": paste_mask()[..., None].expand(-1, -1, 3),
        "paste.M_c2o": matrix,
        "paste.mask": weight[..., None].expand(-1, -1, 3),
        "paste.result": _interleaved(paste_exact(rgb, crop[None], matrix)[0]),
        "parse_output": _interleaved(to_levels(inputs["out_float"])),
        "prepare_source": resize_linear(rgb, (256, 256))[None].float() / 255,
    }


def _tracked(inputs: Tensors, rgb: Tensor) -> Tensors:
    """The original's own cropping, with its landmark net's answers given."""
    frames = torch.stack((rgb, rgb.flip(2), rgb.flip(1)))
    first, answers = inputs["pts106"], inputs["runner_pts"]

    def look(picture: Tensor) -> Tensor:
        return first

    still = crop_from_image(face_square(first, CropShape()), CropShape())
    net = RecordedNet(answers)
    track = track_driver([frames], OriginalFinder(net, look, follows=True), crop="always")
    assert track.crop_from_image is not None
    driving = cut(frames, track.crop_from_image)
    points = _followed(answers, frames, first)
    source = list(
        read_source_video(
            [frames], OriginalFinder(RecordedNet(answers), look, follows=True), CropShape()
        )
    )
    assert torch.equal(driver_input(frames, track.crop_from_image), _halved(driving))
    return {
        "landmark_runner.input": landmark_input(rgb, first)[0],
        "source_image.M_c2o": inverse_map(still),
        "source_image.lmk_crop": landmarks_203(RecordedNet(answers), rgb, first),
        "driving.frames": _interleaved(driving),
        "driving.lmk_crop": torch.stack(
            [moved_points(row, track.crop_from_image) for row in points]
        ),
        "source_video.M_c2o": source[0].image_from_crop,
        "source_video.lmk": _source_video_points(points, source[0].image_from_crop),
        "source_video.frames": _levels_of(source[0].pictures),
    }


def _halved(crops: Tensor) -> Tensor:
    return torch.stack([resize_linear(crop, (256, 256)) for crop in crops]).float() / 255


def _followed(answers: Tensor, frames: Tensor, first: Tensor) -> Tensor:
    net, rows = RecordedNet(answers), [first]
    for rgb in frames:
        rows.append(landmarks_203(net, rgb, rows[-1]))
    return torch.stack(rows[1:])


def _source_video_points(points: Tensor, image_from_crop: Tensor) -> Tensor:
    """The landmarks in the 256-pixel pictures of the networks."""
    rows = [moved_points(row, inverse_map(m)) for row, m in zip(points, image_from_crop)]
    return torch.stack(rows) * 256 / CROP_SIZE


def prepost(inputs: Tensors, seed: int, meta: dict[str, str]) -> Tensors:
    height, width, _ = json.loads(meta["shape:paste.result"])
    rgb = _enlarged(inputs["img_small"], (height, width))
    return {
        **_keypoints(inputs, seed),
        **_squares(inputs),
        **_crops(inputs, rgb),
        **_paste(inputs, rgb),
        **_tracked(inputs, rgb),
    }


def _picture(blocks: Tensor) -> Tensor:
    """(N, 3, 256, 256) uint8 of (N, 8, 8, 3) colours."""
    side = 256 // blocks.shape[1]
    return blocks.movedim(3, 1).repeat_interleave(side, 2).repeat_interleave(side, 3)


def _motion_of(inputs: Tensors, seed: int) -> tuple[SourcePoints, SourcePoints, Tensor]:
    """Source and driver as M sees them, and x_d with the command line's default options."""
    net = motion_extractor(seed, calm=True)
    source, driving = (
        extract(net, _picture(blocks).float() / 255)
        for blocks in (inputs["source_blocks"][None], inputs["driving_blocks"])
    )
    nets = retarget_nets(seed, calm=True)
    motion = driving.motion(Fraction(25))
    ratios = ratios_of_203(inputs["lmk"][None])
    track = drive(source, motion, LivePortraitMotionOptions(), nets, ratios=ratios)
    return source, driving, track.driving


def _shown(inputs: Tensors, meta: dict[str, str], image: Tensor) -> Tensors:
    levels = to_levels(image)
    height, width, _ = json.loads(meta["shape:pasted"])[1:]
    original = _enlarged(inputs["original_small"], (height, width))
    pasted = paste_exact(original, levels, inputs["M_c2o"])
    return {
        "image": image,
        "image_uint8": _interleaved(levels),
        "pasted": _interleaved(pasted),
    }


def end_to_end(inputs: Tensors, seed: int, meta: dict[str, str]) -> Tensors:
    source, driving, x_d = _motion_of(inputs, seed)
    volume = appearance(seed)(_picture(inputs["source_blocks"][None]).float() / 255)
    warp, decode = warping(seed), generator(seed)
    flows, images = [], []
    for row in x_d.split(1):  # one by one: three at once take much memory
        flows.append(warp(volume, row, source.x))
        images.append(decode(flows[-1].features))
    return {
        **{f"template.{name}": getattr(driving, name) for name in ("exp", "kp", "scale", "t")},
        "template.R": driving.rotation,
        "template.x_s": driving.x,
        "feature_3d": volume,
        "x_s": source.x,
        "x_d": x_d,
        "occlusion_map": torch.cat([flow.motion.occlusion for flow in flows]),
        "deformation": torch.cat([flow.motion.deformation for flow in flows]),
        "warped": torch.cat([flow.features for flow in flows]),
        **_shown(inputs, meta, torch.cat(images)),
    }


def end_to_end_fast(inputs: Tensors, seed: int, meta: dict[str, str]) -> Tensors:
    source, _, x_d = _motion_of(inputs, seed)
    runtime = Runtime()
    renderer = optimise(warping(seed), generator(seed), choose_mix("auto", runtime.device))
    nets = RenderNets(appearance(seed), renderer)
    features = prepare_features(nets, _picture(inputs["source_blocks"][None]), runtime)
    track = KeypointTrack(source.x, x_d, Fraction(25))
    frames = list(render_frames(nets, [(features, track)], runtime))
    return {"x_d": x_d, **_shown(inputs, meta, torch.cat(frames))}


CASES = {"liveportrait/prepost": prepost, "liveportrait/end_to_end": end_to_end}
FAST = {"liveportrait/end_to_end": end_to_end_fast}
