"""Say which hosts are here to be tested in, and name each one that is left out."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys


def hosts_found() -> dict[str, str | None]:
    """Host name to where it is, or None where it is not found."""
    comfy = os.environ.get("COMFYUI_DIR")
    webui = os.environ.get("WEBUI_PATH")
    browser = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None
    )
    gradio = importlib.util.find_spec("gradio")
    return {
        "ComfyUI (COMFYUI_DIR)": comfy if comfy and os.path.isdir(comfy) else None,
        "A1111 or Forge (WEBUI_PATH)": webui if webui and os.path.isdir(webui) else None,
        "gradio": gradio.origin if gradio else None,
        "browser (chromium)": browser,
    }


def main() -> int:
    for name, place in hosts_found().items():
        print(f"found: {name}: {place}" if place else f"left out: {name}: not found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
