"""OpenCV where it is installed, else our own forms of the few functions that we use of it.

A host may have OpenCV under any of four names, may lack it, or may have a build that does not
start for want of a system library of the desktop. Nobody has to install anything for us: without
it pictures differ by a rounding here and there, drawn lines are plainer, and it takes longer.
"""

from __future__ import annotations

from typing import Any

try:
    import cv2 as _found
except ImportError:
    # Not find_spec: a build that is there and does not start is as good as none.
    from . import opencv_stand_in as _found

cv2: Any = _found
IS_REAL = _found.__name__ == "cv2"
