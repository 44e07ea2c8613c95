"""The command measure: how well lips and sound of a video go together."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..faces.options import FaceOptions
from ..jobs.values import read_value
from ..options import option_specs
from .console import Console
from .flags import add_option_flags, given_values


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("video", metavar="VIDEO", help="Video with a speaking face.")
    parser.add_argument(
        "--audio", metavar="FILE", help="Compare with this sound instead of the video's own."
    )
    parser.add_argument(
        "--device", default="auto", metavar="TEXT", help="Where it is computed. [default auto]"
    )
    parser.add_argument(
        "--models-dir",
        default="",
        metavar="TEXT",
        help="Folder with downloaded weights, looked into before any other.",
    )
    add_option_flags(parser, only=("face",))


def run(args: argparse.Namespace, console: Console) -> int:
    """Measure and print; lines are in the words of those who know these measures."""
    from dataclasses import replace

    from ..jobs.devices import find_device
    from ..jobs.measure import MeasureJob, run_measure
    from ..runtime import Runtime

    given = given_values(args)
    face = FaceOptions(
        **{
            spec.name: read_value(spec, given[spec.name])
            for spec in option_specs(FaceOptions)
            if spec.name in given
        }
    )
    audio = Path(args.audio) if args.audio else None
    job = MeasureJob(Path(args.video), audio, args.device, args.models_dir, face)
    runtime = Runtime(device=find_device(args.device), progress=console.progress.update)
    runtime = replace(runtime, cancelled=lambda: console.stopped)
    found = run_measure(job, runtime)
    lines = [f"{job.video}: {found.frames} frames at 25 a second"]
    if found.frames_without_face:
        lines.append(f"The face was not seen in {found.frames_without_face} of them.")
    if (lse := found.lse) is not None:
        lines.append(
            f"SyncNet: LSE-D {lse.distance:.3f} (less is better), LSE-C {lse.confidence:.3f} (more "
            f"is better), {_offset(lse.offset_frames)}"
        )
    if (expert := found.expert) is not None:
        lines.append(
            f"Wav2Lip's lip expert: agreement {expert.agreement:.3f} of 1, "
            f"{_offset(expert.sync.offset_frames)}"
        )
    console.result(found.as_dict(), lines)
    return 0


def _offset(frames: int) -> str:
    if frames == 0:
        return "lips in step with the sound"
    which = "after" if frames > 0 else "before"
    return f"lips {abs(frames)} frame{'s' if abs(frames) > 1 else ''} {which} the sound"
