"""Motion templates: LivePortrait's pickles and our own files, as data alone and to the bit."""

from __future__ import annotations

import dataclasses
import os
import pickle
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sadtalker_core.errors import MediaError, OutputError, StructureError
from sadtalker_core.media.motion_files import load_motion, save_motion
from sadtalker_core.structures import ImplicitMotion, LiteMotion
from sadtalker_core.transfer.motion_templates import load_template, save_template
from sadtalker_core.transfer.template_pickle import pickled
from sadtalker_core.weights.pickle_data import read_pickle
from sadtalker_core.weights.pickle_names import PLAIN_NAMES
from tests.weights import malice

MEDIA = os.environ.get("TALKING_PORTRAITS_MEDIA")


def original(frames: int = 3, points: int = 21) -> dict[str, Any]:
    """A template as the present original writes it."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray[Any, Any]:
        return rng.standard_normal(shape).astype(np.float32)

    motion = [
        {
            **{"scale": draw(1, 1), "R": draw(1, 3, 3), "exp": draw(1, points, 3)},
            **{"t": draw(1, 3), "kp": draw(1, points, 3), "x_s": draw(1, points, 3)},
        }
        for _ in range(frames)
    ]
    return {
        "n_frames": frames,
        "output_fps": 25,
        "motion": motion,
        "c_eyes_lst": [draw(1, 2) for _ in range(frames)],
        "c_lip_lst": [draw(1, 1) for _ in range(frames)],
    }


def written(folder: Path, template: object, protocol: int = 4) -> Path:
    path = folder / "a b é.pkl"
    path.write_bytes(pickle.dumps(template, protocol))
    return path


def same(a: ImplicitMotion, b: ImplicitMotion) -> bool:
    for field in dataclasses.fields(ImplicitMotion):
        one, other = getattr(a, field.name), getattr(b, field.name)
        if isinstance(one, torch.Tensor):
            if other is None or one.numpy().tobytes() != other.numpy().tobytes():
                return False
        elif one != other:
            return False
    return True


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_reads_the_original(tmp_path: Path, protocol: int) -> None:
    template = original()
    motion = load_template(written(tmp_path, template, protocol))
    assert motion.fps == 25
    for k, frame in enumerate(template["motion"]):
        assert motion.rotation[k].numpy().tobytes() == frame["R"].tobytes()
        assert motion.expression[k].numpy().tobytes() == frame["exp"].tobytes()
        assert motion.translation[k].numpy().tobytes() == frame["t"].tobytes()
        assert motion.scale[k].numpy().tobytes() == frame["scale"].tobytes()
        assert motion.canonical is not None
        assert motion.keypoints is not None
        assert motion.canonical[k].numpy().tobytes() == frame["kp"].tobytes()
        assert motion.keypoints[k].numpy().tobytes() == frame["x_s"].tobytes()
    assert motion.eye_ratios is not None
    assert motion.lip_ratio is not None
    assert motion.eye_ratios.numpy().tobytes() == np.concatenate(template["c_eyes_lst"]).tobytes()
    assert motion.lip_ratio.numpy().tobytes() == np.concatenate(template["c_lip_lst"]).tobytes()


def test_older_names_and_missing_ratios(tmp_path: Path) -> None:
    template = original()
    older = {
        "n_frames": 3,
        "output_fps": 29.97002997,
        "motion": [{"R_d": f["R"], **{k: f[k] for k in ("scale", "exp", "t")}} for f in
                   template["motion"]],
        "c_d_eyes_lst": template["c_eyes_lst"],
        "c_d_lip_lst": template["c_lip_lst"],
    }  # fmt: skip
    motion = load_template(written(tmp_path, older))
    assert motion.rotation[2].numpy().tobytes() == template["motion"][2]["R"].tobytes()
    assert motion.eye_ratios is not None
    assert motion.eye_ratios[1].tolist() == template["c_eyes_lst"][1][0].tolist()
    assert motion.canonical is None
    assert motion.fps == Fraction(30000, 1001)
    del older["c_d_eyes_lst"]
    older["c_d_lip_lst"] = []  # as programs write that have no ratios
    motion = load_template(written(tmp_path, older))
    assert motion.eye_ratios is None
    assert motion.lip_ratio is None


def test_more_is_listed_than_counted(tmp_path: Path) -> None:
    motion = load_template(written(tmp_path, {**original(4), "n_frames": 2}))
    assert len(motion) == 2
    assert motion.eye_ratios is not None
    assert motion.eye_ratios.shape == (2, 2)


@pytest.mark.parametrize("name", ["again.pkl", "again.safetensors", "again"])
@pytest.mark.parametrize("ratios", [True, False])
def test_round_trip_to_the_bit(tmp_path: Path, name: str, ratios: bool) -> None:
    template = original()
    if not ratios:
        del template["c_eyes_lst"], template["c_lip_lst"]
    motion = load_template(written(tmp_path, template))
    motion = dataclasses.replace(motion, fps=Fraction(30000, 1001))
    assert same(load_template(save_template(motion, tmp_path / name)), motion)


def test_the_original_can_read_ours(tmp_path: Path) -> None:
    template = original()
    path = save_template(load_template(written(tmp_path, template)), tmp_path / "out.pkl")
    with path.open("rb") as file:
        again = pickle.load(file)
    assert again.keys() == template.keys()
    assert (again["n_frames"], again["output_fps"]) == (3, 25)
    assert type(again["output_fps"]) is int
    for mine, theirs in zip(again["motion"], template["motion"]):
        assert mine.keys() == theirs.keys()
        for key, value in theirs.items():
            assert mine[key].dtype == value.dtype
            assert mine[key].shape == value.shape
            assert mine[key].tobytes() == value.tobytes()
    for key in ("c_eyes_lst", "c_lip_lst"):
        assert [row.tolist() for row in again[key]] == [row.tolist() for row in template[key]]


def test_a_relative_motion_gets_its_rest_in_front(tmp_path: Path) -> None:
    as_array = {**original(), "c_eyes_lst": np.stack(original()["c_eyes_lst"])}
    assert same(
        load_template(written(tmp_path, as_array)), load_template(written(tmp_path, original()))
    )
    seen = load_template(written(tmp_path, {**original(), "c_eyes_lst": [], "c_lip_lst": []}))
    motion = dataclasses.replace(seen, canonical=None, keypoints=None, is_relative=True)
    again = load_template(save_template(motion, tmp_path / "m.pkl"))
    assert not again.is_relative
    assert len(again) == len(motion) + 1
    for name, rest in (("expression", 0.0), ("translation", 0.0), ("scale", 1.0)):
        assert torch.equal(getattr(again, name)[1:], getattr(motion, name))
        assert bool((getattr(again, name)[0] == rest).all())
    assert torch.equal(again.rotation[0], torch.eye(3))
    kept = load_template(save_template(motion, tmp_path / "m.safetensors"))
    assert kept.is_relative
    assert same(kept, motion)


@pytest.mark.skipif(MEDIA is None, reason="TALKING_PORTRAITS_MEDIA is not set")
def test_real_templates_to_the_bit(tmp_path: Path) -> None:
    paths = sorted(Path(str(MEDIA), "templates").glob("*.pkl"))
    assert paths
    for path in paths:
        motion = load_template(path)
        raw = read_pickle(path.read_bytes(), PLAIN_NAMES)
        assert len(motion) == raw["n_frames"]
        for k, frame in enumerate(raw["motion"]):
            turn = frame["R"] if "R" in frame else frame["R_d"]
            assert motion.rotation[k].numpy().tobytes() == turn.tobytes()
            assert motion.expression[k].numpy().tobytes() == frame["exp"].tobytes()
        for name in ("b.pkl", "b.safetensors"):
            assert same(load_template(save_template(motion, tmp_path / name)), motion)


POISONS: dict[str, Callable[[str], bytes]] = {
    "reduce2": lambda marker: malice.reduce_call("posix", "system", f"touch {marker}", 2),
    "reduce4": lambda marker: malice.reduce_call("os", "system", f"touch {marker}", 4),
    "getattr": malice.nested_getattr,
    "instance": lambda marker: malice.instance("os", "system", f"touch {marker}"),
    "eval": lambda marker: malice.reduce_call("builtins", "eval", f"open({marker!r}, 'w')"),
}


@pytest.mark.parametrize("poison", POISONS)
def test_poison_is_refused_and_does_nothing(tmp_path: Path, poison: str) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / "laugh.pkl"
    path.write_bytes(POISONS[poison](str(marker)))
    with pytest.raises(MediaError, match=r"laugh\.pkl is not read .*refused and nothing was run"):
        load_template(path)
    assert not marker.exists()


def test_poison_inside_a_good_template(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Poison:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(marker),)

    template = original()
    template["motion"][2]["exp"] = Poison()
    path = written(tmp_path, template)
    with pytest.raises(MediaError, match="refused and nothing was run"):
        load_template(path)
    assert not marker.exists()


def _with(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    template = original()
    change(template)
    return template


def _nan(template: dict[str, Any]) -> None:
    template["motion"][1]["exp"][0, 4, 2] = float("nan")


BAD: dict[str, tuple[object, str]] = {
    "nan": (_with(_nan), r"expression of .* not a finite number in frame 1 \(1 of 189"),
    "infinite ratio": (
        _with(lambda t: t["c_lip_lst"][2].__setitem__((0, 0), np.inf)),
        "lip_ratio of .* frame 2",
    ),
    "no frames": ({**original(), "n_frames": 0, "motion": []}, "has no frames"),
    "fewer points": (original(points=20), "has 20 keypoints, LivePortrait has 21"),
    "too few": ({**original(), "n_frames": 4}, "says that it has 4 frames, it holds 3"),
    "no list": ({"n_frames": 1, "motion": 3}, "'motion' is no list"),
    "other dictionary": ({"weights": 1}, "lacks a list 'motion'.*weights"),
    "other value": ([1, 2], "lacks a list 'motion'"),
    "a lost key": (_with(lambda t: t["motion"][2].pop("t")), "frame 2 of .* lacks t"),
    "no scale": (_with(lambda t: t["motion"][0].pop("scale")), "frame 0 lacks scale"),
    "text": (_with(lambda t: t["motion"][1].update(t="far")), "t in frame 1 .* numbers"),
    "shape": (
        _with(lambda t: t["motion"][1].update(R=np.eye(2, dtype=np.float32))),
        r"R in frame 1 of .* shape \(2, 2\), \(1, 3, 3\) is needed",
    ),
    "short ratios": (_with(lambda t: t["c_eyes_lst"].pop()), "c_eyes_lst of .* list of 3"),
    "frame rate": ({**original(), "output_fps": 0}, "output_fps is 0"),
    "frame rate tiny": ({**original(), "output_fps": 1e-9}, "output_fps is 1e-09, allowed is 0.1"),
    "frame rate huge": ({**original(), "output_fps": 10**400}, "output_fps is a huge number"),
    "huge number": (_with(lambda t: t["motion"][1].update(scale=[10**400])), "not made of numbers"),
    "ratio text": ({**original(), "c_eyes_lst": "abc"}, "must be a list of 3"),
    "frame rate nan": ({**original(), "output_fps": float("nan")}, "output_fps is nan"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_templates_say_what_is_wrong(tmp_path: Path, case: str) -> None:
    template, message = BAD[case]
    with pytest.raises(MediaError, match=message) as caught:
        load_template(written(tmp_path, template))
    assert "\n" not in str(caught.value)


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    path = written(tmp_path, original())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(MediaError, match="is not read as a motion template"):
        load_template(path)
    with pytest.raises(MediaError, match="does not exist"):
        load_template(tmp_path / "none.pkl")
    (tmp_path / "text.pkl").write_text("hello")
    with pytest.raises(MediaError, match="is not read as a motion template"):
        load_template(tmp_path / "text.pkl")
    (tmp_path / "text.bin").write_text("hello, this is text")
    with pytest.raises(MediaError, match="damaged or is not a motion"):
        load_template(tmp_path / "text.bin")
    lite = save_motion(LiteMotion.rest(2, Fraction(25)), tmp_path / "lite.safetensors")
    with pytest.raises(MediaError, match="holds LiteMotion, ImplicitMotion is needed"):
        load_template(lite)


def test_a_header_that_looks_like_a_pickle(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    motion = load_template(written(tmp_path, original()))
    tensors = {
        field.name: value
        for field in dataclasses.fields(motion)
        if isinstance(value := getattr(motion, field.name), torch.Tensor)
    }
    header = {"format": "talking-portraits motion", "version": "1", "type": "ImplicitMotion"}
    for pad in range(0, 800, 4):
        save_file(tensors, str(path), {**header, "fps": "25", "note": "x" * pad})
        if path.read_bytes()[0] == 0x80:
            break
    assert path.read_bytes()[0] == 0x80
    assert same(load_template(path), motion)


def test_saving_refuses_what_cannot_be_read(tmp_path: Path) -> None:
    motion = load_template(written(tmp_path, original()))
    bad = motion.scale.clone()
    bad[1] = float("nan")
    for name in ("m.pkl", "m.safetensors"):
        with pytest.raises(StructureError, match="scale of .* frame 1"):
            save_template(dataclasses.replace(motion, scale=bad), tmp_path / name)
        with pytest.raises(StructureError, match="no frames"):
            save_template(motion[0:0], tmp_path / name)
        with pytest.raises(OutputError):
            save_template(motion, tmp_path / "no" / "folder" / name)
        assert not (tmp_path / name).exists()
    with pytest.raises(StructureError, match="float64"):
        pickled({"a": np.zeros(2)})  # type: ignore[dict-item]
    with pytest.raises(StructureError, match="set"):
        pickled({"a": {1}})  # type: ignore[dict-item]


def test_plain_numbers_in_our_pickles() -> None:
    values = [0, 1, -1, 127, 128, -128, -129, 2**40, -(2**40), 0.1, {"é": []}]
    assert pickle.loads(pickled(values)) == values
    array = np.arange(6, dtype=np.float32).reshape(2, 3).T
    assert np.array_equal(pickle.loads(pickled([array]))[0], array)


def test_any_number_of_points_in_motion_files(tmp_path: Path) -> None:
    motion = ImplicitMotion(
        torch.rand(2, 5, 3), torch.rand(2, 3, 3), torch.rand(2, 3), torch.rand(2, 1), Fraction(25)
    )
    path = save_motion(motion, tmp_path / "m.safetensors")
    again = load_motion(path)
    assert isinstance(again, ImplicitMotion)
    assert same(again, motion)
    with pytest.raises(MediaError, match="has 5 keypoints"):
        load_template(path)
