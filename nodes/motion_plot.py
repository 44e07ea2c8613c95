"""A node that shows a motion as curves."""

from __future__ import annotations

from typing import Any

from .host import io
from .motion_values import motion_input
from .packing import motion_of
from .schema import node_schema


class PlotMotion(io.ComfyNode):
    """Curves over time."""

    @classmethod
    def define_schema(cls) -> Any:
        def pixels(name: str, default: int) -> Any:
            return io.Int.Input(
                name, default=default, min=320, max=4096, step=8, tooltip="Of the picture, in px."
            )

        return node_schema(
            "PlotMotion",
            "Plot Motion",
            "motion",
            "Draws a motion as curves over time: head, mouth, eyes, brows. A second motion is "
            "drawn thin, to see what an edit changed.",
            [
                motion_input(),
                pixels("width", 1024),
                pixels("height", 900),
                motion_input("compare", "Another motion, drawn thin.", optional=True),
            ],
            [io.Image.Output("plot", display_name="plot", tooltip="The curves as a picture.")],
            aliases=("graph", "curve", "chart", "visualize motion", "debug"),
            is_output_node=True,
        )

    @classmethod
    def execute(cls, motion: Any, width: int, height: int, compare: Any = None) -> Any:
        from ..sadtalker_core.transfer.motion_combine import kind_name
        from .bridge import image_of, preview_ui
        from .curve_picture import draw_panels
        from .motion_curves import compared, panels_of

        shown = motion_of(motion)
        other = None if compare is None else motion_of(compare)
        panels = panels_of(shown)
        if other is not None:
            panels = compared(panels, panels_of(other))
        fps = float(shown.fps)
        title = (
            f"{kind_name(shown)}, {len(shown)} frames, {len(shown) / fps:.2f} s at {fps:g} a second"
        )
        rate = None if other is None else float(other.fps)
        image = image_of(draw_panels(panels, fps, title, (height, width), rate))
        return io.NodeOutput(image, ui=preview_ui(image))


NODES = [PlotMotion]
