"""A face in a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor


@dataclass(frozen=True)
class Face:
    """One face. Tensors are float32 on the CPU; pixels are those of the picture it is in.

    (0, 0) is the centre of the top left pixel. Left is the viewer's left: smaller x in an
    upright picture.

    Attributes:
        box_px: (4,) x0, y0, x1, y1 around the mesh; may reach outside the picture.
        score: how sure the detector was, 0 to 1 (for a tracked face: when it was found).
        mesh_px: (468, 3) MediaPipe's face mesh: x, y in pixels, z in the same scale with an
            arbitrary zero, smaller is nearer to the viewer.
        eyes_px: (2, 71, 2) eye contour, lids and brow from the iris net, viewer's left eye
            first; ``mesh.EYE_TO_MESH`` names the mesh points that they refine.
        iris_px: (2, 5, 2) centre, then four points of the rim.
        presence: how sure the mesh net was that there is a face, 0 to 1.
    """

    box_px: Tensor
    score: float
    mesh_px: Tensor
    eyes_px: Tensor
    iris_px: Tensor
    presence: float

    @property
    def size_px(self) -> float:
        """Side of a square with the area of the box, pixels."""
        width, height = (self.box_px[2:] - self.box_px[:2]).tolist()
        return float(max(width, 0.0) * max(height, 0.0)) ** 0.5

    @property
    def center_px(self) -> tuple[float, float]:
        """Middle of the box, x and y."""
        x0, y0, x1, y1 = self.box_px.tolist()
        return (x0 + x1) / 2, (y0 + y1) / 2

    def moved(self, scale: float, x: float = 0.0, y: float = 0.0) -> Face:
        """The same face in a picture that was enlarged by ``scale`` and then shifted, pixels.

        Enlarging keeps the picture's edges in place, as resizing does.
        """
        shift_x, shift_y = (scale - 1) / 2 + x, (scale - 1) / 2 + y
        shift = self.box_px.new_tensor([shift_x, shift_y])
        mesh = self.mesh_px * scale
        mesh[:, :2] += shift
        return replace(
            self,
            box_px=self.box_px * scale + shift.repeat(2),
            mesh_px=mesh,
            eyes_px=self.eyes_px * scale + shift,
            iris_px=self.iris_px * scale + shift,
        )
