"""Which weight files are on this machine, which are missing, and where to put those."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..sadtalker_core.registry import ENGINES, RELIPPERS
from ..sadtalker_core.weights.catalog import BUNDLED, WeightFile
from ..sadtalker_core.weights.published import LEGACY, PUBLISHED
from ..sadtalker_core.weights.store import WeightStore

_HUB = "https://huggingface.co"
_OTHER_FORM = "another form, not here"


def weight_report(store: WeightStore, engine_id: str = "") -> dict[str, Any]:
    """State of every known weight file.

    Args:
        store: where they are looked for.
        engine_id: of one engine; empty for all.

    Returns:
        Plain values: ``engines`` with ``ready``, ``files``, ``folder`` to put files into, and all
        ``folders`` that are looked in.
    """
    files = [
        _state(file, store)
        for file in (*BUNDLED, *PUBLISHED, *LEGACY)
        if not engine_id or engine_id in file.engines or file in BUNDLED
    ]
    return {
        "engines": [
            {"id": engine.id, "title": engine.title, "ready": _is_ready(engine, store)}
            for engine in _all()
            if engine_id in ("", engine.id)
        ],
        "files": files,
        "folder": str(store.folders[0]),
        "folders": [str(folder) for folder in store.folders],
    }


def _all() -> list[Any]:
    """Everything that has weights: engines, enhancers, the measure of lips."""
    from ..sadtalker_core.engines.face_enhancer import FACE_ENHANCER
    from .lip_sync import LIP_JUDGE

    lips = [engine for engine in RELIPPERS if engine.needs_download]
    return [*ENGINES, *lips, FACE_ENHANCER, LIP_JUDGE]


def _is_ready(engine: Any, store: WeightStore) -> bool:
    """Whether it can run with its default options."""
    options = engine.render_options()
    sets = [engine.weights(options), engine.older_weights(options)]
    return not engine.needs_download or any(
        found and all(store.find(file) for file in found) for found in sets
    )


def _state(file: WeightFile, store: WeightStore) -> dict[str, Any]:
    path = store.find(file)
    other = None if path is not None else store.find(file, any_size=True)
    return {
        "name": file.name,
        "file": file.file,
        "what": file.description,
        "engines": list(file.engines),
        "state": _word(file, path, other),
        "path": str(path or other or ""),
        "bytes": file.size or (path.stat().st_size if path else 0),
        "licence": file.licence,
        "put_into": "" if path or file in BUNDLED else str(store.folders[0]),
        "address": address_of(file),
    }


def _word(file: WeightFile, path: Path | None, other: Path | None) -> str:
    if path is not None:
        return "in the package" if file in BUNDLED else "here"
    if other is not None:
        return "another size than the published file"
    # older files do in place of the new ones, nobody needs both
    return _OTHER_FORM if file in LEGACY else "missing"


def address_of(file: WeightFile) -> str:
    """Where a browser gets it; empty for files of the package."""
    if file.repository:
        return f"{_HUB}/{file.repository}/resolve/{file.revision}/{file.hub_path or file.file}"
    return next(iter(file.urls), "")


def weight_text(report: dict[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"{engine['title']}: {'ready' if engine['ready'] else 'files are missing'}"
        for engine in report["engines"]
    ]
    groups = (
        ("Found", ("here", "in the package")),
        ("Not here", ("missing",)),
        ("Damaged, or another version", ("another size than the published file",)),
        ("Older forms of the same networks, which do as well", (_OTHER_FORM,)),
    )
    for title, states in groups:
        entries = [entry for entry in report["files"] if entry["state"] in states]
        if entries:
            lines += ["", title, *(line for entry in entries for line in _entry_lines(entry))]
    absent = [entry for entry in report["files"] if entry["put_into"]]
    if absent:
        lines += ["", "Put files into", f"  {report['folder']}", "", "Their licences"]
        for terms in dict.fromkeys(entry["licence"] for entry in absent):
            names = ", ".join(entry["file"] for entry in absent if entry["licence"] == terms)
            lines += [f"  {names}:", f"      {terms}"]
    return "\n".join([*lines, "", "Looked in", *(f"  {folder}" for folder in report["folders"])])


def _entry_lines(entry: dict[str, Any]) -> list[str]:
    size = f"{entry['bytes'] / 1e6:.1f} MB" if entry["bytes"] else "size not known"
    lines = [f"  {entry['file']} ({size}): {entry['what']}"]
    if entry["path"]:
        lines.append(f"      at {entry['path']}")
    if entry["put_into"]:
        lines.append(f"      get {entry['address']}")
    return lines
