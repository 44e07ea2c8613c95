"""``python -m sadtalker_core`` is the command ``talking-portraits``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
