"""The renderer, judged by the project's own face nets on what it drew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled, FaceError, OptionError
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.geometry.warp import sample_field
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import LiteMotion
from sadtalker_core.systems.lite.basis import CONTROLS, LOWER_LIP, UPPER_LIP
from sadtalker_core.systems.lite.config import LiteRenderOptions
from sadtalker_core.systems.lite.frame import FaceFrame
from sadtalker_core.systems.lite.head import HeadPose
from sadtalker_core.systems.lite.pipeline import animate, prepare
from sadtalker_core.systems.lite.render import PreparedPortrait


@dataclass(frozen=True)
class Sitter:
    """The demo portrait with its face: a broad smile that shows teeth."""

    nets: FaceNets
    rgb: Tensor
    face: Face
    prepared: PreparedPortrait

    def draw(self, **controls: float | tuple[float, ...]) -> Tensor:
        """One frame, (3, H, W) uint8."""
        return next(iter(animate(self.prepared, pose(**controls), Runtime())))[0]

    def look(self, rgb: Tensor) -> Face:
        return find_faces(self.nets, rgb)[0]


def pose(**controls: float | tuple[float, ...]) -> LiteMotion:
    motion = LiteMotion.rest(1, Fraction(25))
    for name, value in controls.items():
        getattr(motion, name)[0] = torch.tensor(value)
    return motion


@pytest.fixture(scope="module")
def sitter(demo_portrait: Path) -> Sitter:
    rgb = read_picture(demo_portrait).flattened()
    nets = load_face_nets()
    face = find_faces(nets, rgb)[0]
    return Sitter(nets, rgb, face, prepare(rgb, face, LiteRenderOptions()))


def lip_gap(face: Face) -> float:
    """Mean opening between the inner lips in the middle of the mouth, in E."""
    mesh = face.mesh_px.numpy()
    middle = slice(3, 8)
    gap = mesh[LOWER_LIP[3, middle], 1] - mesh[UPPER_LIP[3, middle], 1]
    return float(gap.mean()) / FaceFrame.of(mesh).unit_px


def eye_opening(face: Face, side: int) -> float:
    """Height over width of the eye contour."""
    contour = face.eyes_px[side, :16]
    height = contour[:9, 1].mean() - contour[9:, 1].mean()
    return float(height / (contour[0] - contour[8]).norm())


def test_rest_closes_an_open_smile(sitter: Sitter) -> None:
    assert lip_gap(sitter.face) > 0.06
    assert lip_gap(sitter.look(sitter.draw())) < 0.55 * lip_gap(sitter.face)


def test_closed_lips_show_no_teeth(sitter: Sitter) -> None:
    mesh = sitter.face.mesh_px.numpy()
    x0, x1 = int(mesh[82, 0]), int(mesh[312, 0])
    y0, y1 = int(mesh[13, 1]), int(mesh[14, 1])

    def grey(rgb: Tensor) -> float:
        """Part of the opening without the red of lips and skin: teeth."""
        area = rgb[:, y0:y1, x0:x1].float()
        return float(((area[0] - area[2]) < 25).float().mean())

    assert grey(sitter.rgb) > 0.2
    assert grey(sitter.draw()) < 0.02


def test_a_mouth_that_may_stay_open_is_the_source(sitter: Sitter) -> None:
    options = LiteRenderOptions(close_mouth=False)
    prepared = prepare(sitter.rgb, sitter.face, options)
    frame = next(iter(animate(prepared, pose(), Runtime())))[0]
    difference = (frame.int() - sitter.rgb.int()).abs()
    # a faint rim where the opening is cut out of the lips, nothing else
    assert float((difference > 2).float().mean()) < 1e-3
    assert int(difference.max()) <= 32


@pytest.mark.parametrize("opening", [0.05, 0.09, 0.13])
def test_the_lips_part_as_far_as_told(sitter: Sitter, opening: float) -> None:
    drawn = lip_gap(sitter.look(sitter.draw(open=opening, jaw=0.6 * opening)))
    assert drawn == pytest.approx(opening, abs=0.035)  # the net sees wide mouths less wide


def test_lip_fields_move_the_lips_by_the_unit_of_each_control(sitter: Sitter) -> None:
    """Exact where the nets are not: the fields themselves, at the middle and at the corners."""
    rig = sitter.prepared.mouth
    mesh, unit = sitter.face.mesh_px.numpy(), sitter.prepared.frame.unit_px

    def moved(field: np.ndarray, control: str, points: list[int]) -> np.ndarray:
        index = CONTROLS.index(control)
        one = np.ascontiguousarray(field.reshape(*field.shape[:2], -1, 2)[:, :, index])
        return sample_field(one, rig.lattice, mesh[points, :2]) / unit

    gap = moved(rig.lower, "open", [14])[0, 1] - moved(rig.upper, "open", [13])[0, 1]
    assert gap == pytest.approx(1.0, abs=0.12)
    for field in (rig.upper, rig.lower):
        left, right = moved(field, "width", [61, 291])
        assert right[0] - left[0] == pytest.approx(1.0, abs=0.12)
        assert moved(field, "corners", [61, 291])[:, 1].mean() == pytest.approx(-1.0, abs=0.12)


def test_width_corners_and_pucker_move_the_corners(sitter: Sitter) -> None:
    def corners(face: Face) -> tuple[float, float]:
        mesh = face.mesh_px.numpy()
        unit = FaceFrame.of(mesh).unit_px
        spread = np.linalg.norm(mesh[291, :2] - mesh[61, :2]) / unit
        middle = (mesh[[13, 14], 1].mean() - mesh[[61, 291], 1].mean()) / unit
        return float(spread), float(middle)

    spread, lift = corners(sitter.look(sitter.draw()))
    wide, _ = corners(sitter.look(sitter.draw(width=0.1)))
    round_, _ = corners(sitter.look(sitter.draw(pucker=1.0)))
    _, smiling = corners(sitter.look(sitter.draw(corners=0.06)))
    assert wide > spread + 0.01
    assert round_ < spread - 0.02
    assert smiling > lift + 0.008


def test_lids_close_each_eye_alone(sitter: Sitter) -> None:
    open_eyes = [eye_opening(sitter.face, side) for side in (0, 1)]
    left_shut = sitter.look(sitter.draw(lids=(1.0, 0.0)))
    assert eye_opening(left_shut, 0) < 0.6 * open_eyes[0]
    assert eye_opening(left_shut, 1) > 0.8 * open_eyes[1]


def test_closed_lids_show_no_eye_white(sitter: Sitter) -> None:
    shut = sitter.draw(lids=(1.0, 1.0)).permute(1, 2, 0).numpy().astype(int)
    seen = sitter.rgb.permute(1, 2, 0).numpy().astype(int)
    for side in (0, 1):
        x0, y0 = sitter.face.eyes_px[side, :16].numpy().min(0).astype(int)
        x1, y1 = sitter.face.eyes_px[side, :16].numpy().max(0).astype(int)
        before, after = seen[y0:y1, x0:x1], shut[y0:y1, x0:x1]
        # the white of the eye is the only thing there that is nearly grey
        assert (np.ptp(before, axis=2) < 25).mean() > 2 * (np.ptp(after, axis=2) < 25).mean()


@pytest.mark.parametrize(
    ("axis", "index"), [("pitch", 0), ("yaw", 1), ("roll", 2)], ids=["pitch", "yaw", "roll"]
)
def test_the_head_turns_the_way_it_is_told(sitter: Sitter, axis: str, index: int) -> None:
    def nose(face: Face) -> tuple[float, float, float]:
        mesh = face.mesh_px.numpy()
        unit = FaceFrame.of(mesh).unit_px
        eyes = mesh[[33, 263], :2]
        tip = (mesh[1, :2] - eyes.mean(0)) / unit
        slope = float(np.arctan2(eyes[1, 1] - eyes[0, 1], eyes[1, 0] - eyes[0, 0]))
        return float(tip[1]), float(tip[0]), slope

    turn = [0.0, 0.0, 0.0]
    turn[index] = 0.1
    ahead = nose(sitter.look(sitter.draw()))
    positive = nose(sitter.look(sitter.draw(rotation_rad=tuple(turn))))
    negative = nose(sitter.look(sitter.draw(rotation_rad=tuple(-t for t in turn))))
    assert positive[index] - ahead[index] > 0.012
    assert ahead[index] - negative[index] > 0.012


def test_background_far_from_the_head_stays_to_the_bit(sitter: Sitter) -> None:
    frame = sitter.draw(open=0.1, rotation_rad=(0.1, 0.1, 0.1), translation=(0.1, 0.05, 0.1))
    box = sitter.face.box_px
    far = slice(int(box[3]) + int(2.2 * sitter.face.size_px), None)
    assert torch.equal(frame[:, far], sitter.rgb[:, far])
    assert not torch.equal(frame, sitter.rgb)


def test_no_pose_folds_the_picture(sitter: Sitter) -> None:
    """However far the head is asked to turn, neighbours keep their order."""
    prepared = sitter.prepared
    head, step = prepared.head, prepared.lattice.step
    still = np.zeros((*head.points_px.shape[:2], 2), np.float32)
    for rotation in ([1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0.2, 0.2, 0.3], [0, 0, 1]):
        pose = HeadPose(np.array(rotation, np.float32), np.zeros(3, np.float32))
        moved = head.displacement(still, head.limit(pose))
        dy, dx = (np.gradient(moved, step, axis=axis) for axis in (0, 1))
        area = (1 + dx[..., 0]) * (1 + dy[..., 1]) - dx[..., 1] * dy[..., 0]
        assert area.min() > 0.1


def test_the_limits_follow_the_depth_of_the_picture(sitter: Sitter) -> None:
    """A deeper face shifts more as it turns, so it may turn less."""

    def limits(depth: float) -> np.ndarray:
        mesh = sitter.face.mesh_px * torch.tensor([1.0, 1.0, depth])
        face = replace(sitter.face, mesh_px=mesh)
        return prepare(sitter.rgb, face, LiteRenderOptions()).head.limits_rad

    flat, deep = np.ptp(limits(0.6), axis=1), np.ptp(limits(1.6), axis=1)
    assert flat[1] > deep[1] > 0


def test_chunk_size_never_changes_a_frame(sitter: Sitter) -> None:
    length = 5
    motion = LiteMotion.rest(length, Fraction(25))
    motion.open[:] = torch.linspace(0, 0.12, length)
    motion.rotation_rad[:, 1] = torch.linspace(-0.1, 0.1, length)
    whole = animate(sitter.prepared, motion, Runtime(chunk=8)).collect().frames
    single = animate(sitter.prepared, motion, Runtime(chunk=1)).collect().frames
    assert torch.equal(whole, single)
    assert whole.shape == (length, 3, 512, 512)


def test_moving_slowly_does_not_flicker(sitter: Sitter) -> None:
    """Half the way of a small movement changes the picture by about half."""
    steps = [sitter.draw(open=0.05 + 0.002 * i).float() for i in range(5)]
    jumps = [float((b - a).abs().mean()) for a, b in zip(steps, steps[1:], strict=False)]
    whole = float((steps[-1] - steps[0]).abs().mean())
    assert sum(jumps) < 2.0 * whole
    assert max(jumps) < 2.0 * min(jumps)


def test_cancel_stops_between_chunks(sitter: Sitter) -> None:
    stream = animate(
        sitter.prepared, LiteMotion.rest(9, Fraction(25)), Runtime(chunk=2, cancelled=lambda: True)
    )
    with pytest.raises(Cancelled):
        next(iter(stream))


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (LiteRenderOptions(frame="crop", frame_size=256), (256, 256)),
        (LiteRenderOptions(frame="resize", frame_size=300), (300, 300)),
    ],
    ids=["crop", "resize"],
)
def test_frame_modes_show_the_same_face(
    sitter: Sitter, options: LiteRenderOptions, size: tuple[int, int]
) -> None:
    prepared = prepare(sitter.rgb, sitter.face, options)
    stream = animate(prepared, pose(open=0.1, jaw=0.06), Runtime())
    frame = next(iter(stream))[0]
    assert stream.size == size == tuple(frame.shape[1:])
    assert lip_gap(sitter.look(frame)) == pytest.approx(0.1, abs=0.035)


def test_teeth_and_background_options_change_the_picture(sitter: Sitter) -> None:
    closed = sitter.draw()
    nets, face = sitter.nets, find_faces(sitter.nets, closed)[0]
    assert nets is not None
    told = pose(open=0.12, rotation_rad=(0.0, 0.0, 0.1))
    frames = {
        name: next(iter(animate(prepare(closed, face, options), told, Runtime())))[0].float()
        for name, options in {
            "plain": LiteRenderOptions(),
            "no teeth": LiteRenderOptions(teeth=0.0),
            "calm": LiteRenderOptions(background=0.6),
        }.items()
    }
    x0, y0 = face.mesh_px[[61, 13], :2].amin(0).int().tolist()
    x1, y1 = face.mesh_px[[291, 17], :2].amax(0).int().tolist()
    mouth = (slice(None), slice(y0, y1), slice(x0, x1))
    assert frames["plain"][mouth].mean() > frames["no teeth"][mouth].mean() + 1.0
    moved = {name: (frame - closed.float()).abs().mean() for name, frame in frames.items()}
    assert moved["calm"] < 0.9 * moved["plain"]


def test_unknown_frame_mode_is_refused() -> None:
    with pytest.raises(OptionError, match="known values"):
        LiteRenderOptions(frame="square")


@pytest.mark.parametrize("degrees", [-40, 40])
def test_both_lids_of_a_leaning_head_close(sitter: Sitter, degrees: int) -> None:
    image = np.ascontiguousarray(sitter.rgb.permute(1, 2, 0).numpy())
    matrix = cv2.getRotationMatrix2D((224.0, 120.0), degrees, 1.0)
    leaning = cv2.warpAffine(image, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    rgb = torch.from_numpy(leaning).permute(2, 0, 1)
    face = sitter.look(rgb)
    prepared = prepare(rgb, face, LiteRenderOptions())
    shut = sitter.look(next(iter(animate(prepared, pose(lids=(1.0, 1.0)), Runtime())))[0])
    for side in (0, 1):
        height = [
            float((f.eyes_px[side, :9].mean(0) - f.eyes_px[side, 9:16].mean(0)).norm())
            for f in (face, shut)
        ]
        assert height[1] < 0.7 * height[0]


def test_a_face_on_its_side_is_refused_in_a_sentence(sitter: Sitter) -> None:
    rgb = sitter.rgb.rot90(1, (1, 2)).contiguous()
    with pytest.raises(FaceError, match="leans by 9\\d degrees|leans by 8\\d degrees"):
        prepare(rgb, sitter.look(rgb), LiteRenderOptions())


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((0, 130, 512, 512), "left eye and the right eye"),
        ((210, 0, 512, 512), "left eye and the mouth"),
        ((0, 0, 512, 141), "the mouth off"),
    ],
)
def test_eyes_and_mouth_must_be_in_the_picture(
    sitter: Sitter, box: tuple[int, int, int, int], words: str
) -> None:
    x0, y0, x1, y1 = box
    part = sitter.rgb[:, y0:y1, x0:x1].contiguous()
    with pytest.raises(FaceError, match=words):
        prepare(part, sitter.face.moved(1.0, -x0, -y0), LiteRenderOptions())


@pytest.mark.parametrize("box", [(0, 96, 512, 512), (196, 0, 512, 512), (0, 0, 250, 152)])
def test_a_face_at_the_border_is_drawn(sitter: Sitter, box: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = box
    part = sitter.rgb[:, y0:y1, x0:x1].contiguous()
    prepared = prepare(part, sitter.face.moved(1.0, -x0, -y0), LiteRenderOptions())
    motion = pose(open=0.12, lids=(1.0, 1.0), rotation_rad=(0.3, 0.3, 0.3), translation=(0.3,) * 3)
    frame = next(iter(animate(prepared, motion, Runtime())))[0]
    assert frame.shape == part.shape
    assert float((frame.float() - part.float()).abs().mean()) > 1
