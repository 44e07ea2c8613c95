"""The command models: engines and weights, what is on disk, what each adds, under which terms."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..engines.engine import Engine
from ..engines.relip_engine import RelipEngine
from ..errors import OptionError, WeightsError
from ..registry import ENGINES, RELIPPERS
from ..weights.catalog import BUNDLED, WeightFile, file_sha256
from ..weights.published import LEGACY, PUBLISHED, SETS
from ..weights.store import WeightStore, is_downloaded
from .console import Console, table

ACTIONS = ("list", "download", "convert", "check")
_KNOWN = (*PUBLISHED, *LEGACY)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=ACTIONS,
        default="list",
        metavar="ACTION",
        help="list (when nothing is said): what there is and what is on disk. "
        "download NAME...: get a set or single files, going on where an earlier try stopped. "
        "convert IN... OUT: write what torch files hold as one safetensors file; nothing in them "
        "is run. check [NAME...]: compare files on disk with the published ones, byte by byte.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"Sets ({', '.join(SETS)}), names that list shows, or files to convert.",
    )
    parser.add_argument(
        "--models-dir",
        metavar="FOLDER",
        default="",
        help="Where to look first and download to. [default TALKING_PORTRAITS_MODELS in the "
        "environment, else the cache folder]",
    )
    parser.add_argument(
        "--mirror",
        metavar="URL",
        default="",
        help="Address in place of https://huggingface.co. [default HF_ENDPOINT in the environment]",
    )
    parser.add_argument(
        "--offline", action="store_true", help="Do not use the network; HF_HUB_OFFLINE=1 does so."
    )
    parser.add_argument(
        "--accept",
        action="store_true",
        help="With check NAME: take the file as it is from now on.",
    )


def run(args: argparse.Namespace, console: Console) -> int:
    """List, download, convert or check."""
    if args.accept and args.action != "check":
        raise OptionError("--accept belongs to models check NAME.")
    if args.action == "convert":
        from .convert import run as convert

        return convert(args.names, console)
    store = WeightStore(Path(args.models_dir).expanduser() if args.models_dir else None)
    if args.action == "download":
        return _download(args, store, console)
    if args.action == "check":
        return _check(args, store, console)
    if args.names:
        raise OptionError(f"models list takes no names; did you mean models check {args.names[0]}?")
    return _list(store, console)


def chosen(names: Sequence[str], known: Sequence[WeightFile]) -> list[WeightFile]:
    """The files that names of sets, of the catalog or of files mean, each once.

    Raises ``OptionError`` for a name that means nothing.
    """
    found: dict[str, WeightFile] = {}
    for name in names:
        files = SETS.get(name) or [file for file in known if name in (file.name, file.file)]
        if not files:
            choices = ", ".join([*SETS, *(file.name for file in known)])
            raise OptionError(f"{name} is no set and no file that is known. Known are: {choices}.")
        found |= {file.name: file for file in files}
    return list(found.values())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size else "?"


def _total(files: Sequence[WeightFile]) -> str:
    size = sum(file.size for file in files)
    known = all(file.size for file in files)
    return _megabytes(size) if known or not size else f"more than {_megabytes(size)}"


def _describe(file: WeightFile, store: WeightStore) -> dict[str, Any]:
    path = store.find(file)
    return {
        "name": file.name,
        "file": file.file,
        "description": file.description,
        "licence": file.licence,
        "origin": file.origin,
        "engines": list(file.engines),
        "bytes": file.size,
        "sha256": file.sha256,
        "present": path is not None,
        "path": str(path) if path else "",
        "repository": file.repository,
        "revision": file.revision if file.repository else "",
        "urls": list(file.urls),
        "older": file in LEGACY,
    }


def _engines(engines: Sequence[Engine | RelipEngine]) -> list[dict[str, Any]]:
    return [
        {
            "id": engine.id,
            "title": engine.title,
            "description": engine.description,
            "licence": engine.licence,
            "needs_download": engine.needs_download,
        }
        for engine in engines
    ]


def _list(store: WeightStore, console: Console) -> int:
    engines, relippers = _engines(ENGINES), _engines(RELIPPERS)
    weights: list[dict[str, Any]] = [
        {
            "name": file.name,
            "description": file.description,
            "licence": file.licence,
            "path": str(file.path),
            "present": file.path.is_file(),
            "bytes": file.path.stat().st_size if file.path.is_file() else 0,
            "sha256": file_sha256(file.path) if file.path.is_file() else "",
            "origin": file.origin,
            "engines": list(file.engines),
        }
        for file in BUNDLED
    ]
    downloads = [_describe(file, store) for file in _KNOWN]
    lines: list[str] = []
    for heading, listed in (("Engines", engines), ("Engines for new lips (relip)", relippers)):
        lines += ["", heading] if lines else [heading]
        for engine in listed:
            state = "needs a download" if engine["needs_download"] else "ready, nothing to download"
            lines += [f"  {engine['id']}: {engine['title']} ({state})"]
            lines += [f"      {engine['description']}", f"      {engine['licence']}"]
    lines += ["", "Weights in the package"]
    rows = [
        [
            f"  {entry['name']}",
            f"{entry['bytes'] / 1e6:.2f} MB" if entry["present"] else "MISSING",
            str(entry["licence"]),
            str(entry["origin"]),
            str(entry["sha256"])[:12],
            str(entry["description"]),
        ]
        for entry in weights
    ]
    lines += table(["  name", "size", "licence", "origin", "sha256", "what it does"], rows)
    lines += ["", "Weights to download"]
    rows = [
        [
            f"  {entry['name']}",
            _megabytes(entry["bytes"]),
            str(entry["path"] or "not here"),
            f"{entry['description']}{' (another form)' if entry['older'] else ''}",
        ]
        for entry in downloads
    ]
    lines += table(["  name", "size", "where", "what it does"], rows)
    lines += ["", "Licences of these"]
    for licence in dict.fromkeys(file.licence for file in _KNOWN):
        names = ", ".join(file.name for file in _KNOWN if file.licence == licence)
        lines += [f"  {names}:", f"      {licence}"]
    lines += ["", "Sets"]
    for name, files in SETS.items():
        total = _total(files)
        lines += [f"  {name}: {', '.join(file.name for file in files)} ({total})"]
    lines += ["", "Looked in"]
    lines += [f"  {folder}" for folder in store.folders]
    values = {
        "engines": engines,
        "relip_engines": relippers,
        "weights": weights,
        "downloads": downloads,
        "sets": {name: [file.name for file in files] for name, files in SETS.items()},
        "folders": [str(folder) for folder in store.folders],
        "download_folder": str(store.download_folder),
    }
    console.result(values, lines)
    return 0


def _download(args: argparse.Namespace, store: WeightStore, console: Console) -> int:
    if not args.names:
        raise OptionError(f"Say what to download, such as models download {next(iter(SETS))}.")
    files = chosen(args.names, _KNOWN)
    missing = [file for file in files if store.find(file) is None]
    if missing:
        total = _total(missing)
        console.note(f"{len(missing)} files, {total}, to {store.download_folder}")
        for licence in dict.fromkeys(file.licence for file in missing):
            names = ", ".join(file.file for file in missing if file.licence == licence)
            console.note(f"Licence of {names}: {licence}")
    announced: set[str] = set()

    def progress(stage: str, done: int, total: int) -> None:
        if stage not in announced:
            announced.add(stage)
            console.note(f"Downloading {stage.removesuffix(' (MB)')}")
        console.progress.update("megabytes", done, total)

    paths = store.download(
        files,
        progress=progress,
        cancelled=lambda: console.stopped,
        offline=args.offline,
        mirror=args.mirror,
    )
    fetched = {file.name for file in missing}
    entries = [
        {**_describe(file, store), "path": str(paths[file.name]), "fetched": file.name in fetched}
        for file in files
    ]
    lines = [
        f"{paths[file.name]} {'downloaded' if file.name in fetched else 'was here already'}"
        for file in files
    ]
    console.result({"downloads": entries, "folder": str(store.download_folder)}, lines)
    return 0


def _check(args: argparse.Namespace, store: WeightStore, console: Console) -> int:
    known = (*_KNOWN, *BUNDLED)
    if args.accept and not args.names:
        raise OptionError("Say which file to accept: models check --accept NAME.")
    files = chosen(args.names, known) if args.names else list(known)
    entries: list[dict[str, Any]] = []
    for number, file in enumerate(files):
        console.progress.update("check", number, len(files))
        path = store.find(file, any_size=True)
        if path is None and args.accept:
            folders = ", ".join(map(str, store.folders))
            raise WeightsError(
                f"There is no {file.file} to accept. Looked in: {folders}. Put it into one of them."
            )
        if path is None:
            entries.append({"name": file.name, "state": "not here", "path": "", "sha256": ""})
            continue
        digest = store.sha256(path, fresh=True)
        if args.accept and is_downloaded(file):
            store.accept(file, path)
        problem = store.check(file, path)
        pinned = file.sha256 or store.lock.pin(file.file)
        state = "damaged or another file" if problem else "good" if pinned else "nothing to compare"
        entry = {"name": file.name, "state": state, "path": str(path), "sha256": digest}
        entries.append({**entry, "problem": problem} if problem else entry)
    bad = [entry for entry in entries if "problem" in entry]
    rows = [
        [entry["name"], entry["state"], entry["sha256"][:12], entry["path"]] for entry in entries
    ]
    lines = table(["name", "state", "sha256", "where"], rows)
    lines += ["", *(entry["problem"] for entry in bad)] if bad else []
    console.result({"ok": not bad, "files": entries, "bad": len(bad)}, lines)
    return WeightsError.exit_code if bad else 0
