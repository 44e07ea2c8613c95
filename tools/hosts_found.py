"""Say which of the host tests run here, and how those are run that are no part of ``make test``."""

from __future__ import annotations

import shutil
import sys

BROWSERS = ("chromium", "chromium-browser", "chrome", "google-chrome")
# Programs of many gigabytes, which a person has or has not.
APART = {
    "a real ComfyUI": "COMFYUI_DIR=/path/to/ComfyUI make test-comfyui",
    "a real A1111 or Forge": "WEBUI_DIR=/path/to/webui make test-webui",
    "the page in gradio 3.41 and 4.40": "make test-ui-matrix",
}


def browser() -> str:
    """The browser that the page's tests drive; empty where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), "")


def main() -> int:
    found = browser()
    print(f"found: browser: {found}" if found else "left out: browser: no Chromium is on the path")
    for name, command in APART.items():
        print(f"not part of this run: {name}: {command}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
