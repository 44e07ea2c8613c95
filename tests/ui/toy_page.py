"""The command ui with more to download, from a hub on loopback: ``python -m tests.ui.toy_page``.

TOY_SETS is JSON: names of sets, each with a list of the fields of its weight files.
"""

from __future__ import annotations

import json
import os
import sys

from sadtalker_core.cli import main
from sadtalker_core.weights.catalog import WeightFile
from sadtalker_core.weights.published import SETS

if __name__ == "__main__":
    for name, files in json.loads(os.environ["TOY_SETS"]).items():
        SETS[name] = tuple(WeightFile(**fields) for fields in files)
    sys.exit(main())
