"""The command line, from this folder alone: ``python path/to/talking_portraits.py models``.

``python -m sadtalker_core`` needs the folder to be on Python's path, and the Python of ComfyUI's
portable package for Windows never puts it there.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from sadtalker_core.cli import main

    sys.exit(main())
