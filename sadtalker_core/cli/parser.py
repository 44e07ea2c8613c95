"""The commands and their flags."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from .. import __version__
from ..errors import OptionError
from ..jobs.drive_settings import DRIVE
from .enhance import add_flags as add_enhance_flags
from .flags import add_option_flags, flag
from .measure import add_flags as add_measure_flags
from .models import add_flags as add_models_flags
from .relip import add_flags as add_relip_flags
from .relip import add_options as add_relip_options
from .ui import add_flags as add_ui_flags
from .workflows import add_flags as add_workflows_flags

EXIT_CODES = (
    (0, "done"),
    (1, "some jobs of a batch failed"),
    (2, "wrong usage: unknown command or option, value out of range"),
    (3, "an input file is missing, damaged or of the wrong kind"),
    (4, "the output cannot be written: permission, disk full, same file as an input"),
    (5, "no face, or not the face that was asked for"),
    (6, "weights are missing or damaged"),
    (70, "a fault of the program itself: please report it"),
    (130, "stopped with Ctrl-C"),
)

REFERENCE_HELP = {
    "ref_eyeblink": "Video whose blinks and expression are borrowed. [engine sadtalker]",
    "ref_pose": "Video whose head motion is borrowed. [engine sadtalker]",
    "ref_all": "Video whose whole motion moves the portrait; without --audio its sound is taken. "
    "[engine sadtalker]",
}

MOTION_HELP = {
    "load_motion": "Motion file to use in place of made motion; one of another engine gives the "
    "motion of the head.",
    "save_motion": "Keep the motion in this .safetensors file, to edit it or use it again.",
}

_NEGATIVE = re.compile(r"-[0-9.][0-9.eE+-]*[s:,]")  # keyframes or a list of numbers

# What people call a command's first file, whatever the command itself calls it; and its sound.
_SAME_FILE = (
    ("--video", "--portrait", "--input", "--picture", "--image", "--source", "--face"),
    ("--audio", "--sound", "--voice", "--speech", "--driven-audio"),
)
_FILE_FIRST = ("faces", "measure")

_EXAMPLES = """\
examples:
  talking-portraits demo
  talking-portraits animate --portrait me.jpg --audio speech.mp3 --out me.mp4
  talking-portraits animate --portrait me.jpg --audio speech.mp3 --out me.mp4 --pose-style 12
  talking-portraits drive --portrait me.jpg --driving dance.mp4 --out me.mp4
  talking-portraits relip --video me.mp4 --audio german.mp3 --out dubbed.mp4
  talking-portraits edit --portrait me.jpg --smile 0.8 --rotate-yaw 10 --out smile.png
  talking-portraits faces group.jpg --overlay faces.png
"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are exceptions with a sentence."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting, so that --json can report it."""
        raise OptionError(f"{message[:1].upper()}{message[1:]}. See {self.prog} --help.")


def exit_code_text() -> str:
    """The exit codes, one a line."""
    return "exit codes:\n" + "\n".join(f"  {code:>3}  {text}" for code, text in EXIT_CODES)


def build_parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="talking-portraits",
        description="One portrait and one voice become a talking video.",
        epilog=f"{_EXAMPLES}\n{exit_code_text()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"talking-portraits {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    animate = _command(
        commands, "animate", "make a portrait speak", "--portrait FILE --audio FILE --out FILE"
    )
    animate.add_argument(
        "--portrait",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="Picture with a face: PNG, JPEG, WebP and others.",
    )
    animate.add_argument(
        "--audio",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="Speech: any sound file, or a video with sound.",
    )
    for name, text in {**REFERENCE_HELP, **MOTION_HELP}.items():
        animate.add_argument(flag(name), metavar="FILE", default=argparse.SUPPRESS, help=text)
    animate.add_argument(
        "--out",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="Video to write: .mp4, .webm, .mkv (lossless) or a folder for PNGs. "
        "An old file of that name is replaced.",
    )
    _add_job_flags(animate)
    add_option_flags(animate)

    _add_drive(commands)

    relip = _command(
        commands,
        "relip",
        "give a video new lips that say another sound; all else is kept",
        "--video FILE --audio FILE --out FILE",
    )
    add_relip_flags(relip)
    _add_job_flags(relip)
    add_relip_options(relip)

    demo = _command(commands, "demo", "make the bundled sample speak: outputs/demo.mp4")
    demo.add_argument(
        "--out",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="Video to write. [default outputs/demo.mp4]",
    )
    _add_job_flags(demo)
    add_option_flags(demo)

    batch = _command(
        commands, "batch", "run many jobs from a file; a failed one stops no other", "JOBS.jsonl"
    )
    batch.add_argument(
        "jobs",
        metavar="JOBS.jsonl",
        help="One JSON object a line, with portrait, audio, out and options by name, "
        'such as {"portrait": "a.jpg", "audio": "a.mp3", "out": "a.mp4", "seed": 3}. '
        "Options given as flags apply to every line that does not set them.",
    )
    add_option_flags(batch)

    add_enhance_flags(
        _command(
            commands,
            "enhance",
            "restore faces in a picture or a video, calmly over time; enlarge it",
            "--input FILE --out FILE",
        )
    )

    faces = _command(commands, "faces", "list the faces of a picture with their numbers", "PICTURE")
    faces.add_argument("picture", metavar="PICTURE", help="Picture file.")
    faces.add_argument(
        "--overlay",
        metavar="FILE",
        help="Write the picture with faces, landmarks and numbers drawn in.",
    )
    add_option_flags(faces, only=("face",))

    add_measure_flags(
        _command(commands, "measure", "how well lips and sound of a video go together", "VIDEO")
    )

    models = _command(
        commands,
        "models",
        "list engines and weights: what is here, what each adds, licences; get and check weights",
        "[list | download NAME... | convert IN... OUT | check [NAME...]]",
    )
    add_models_flags(models)
    add_workflows_flags(
        _command(
            commands,
            "workflows",
            "rewrite saved ComfyUI graphs of abandoned packs for our nodes",
            "convert OLD.json NEW.json",
        )
    )
    add_ui_flags(_command(commands, "ui", "open the page with controls in the browser"))
    _command(commands, "info", "versions, devices and folders, for a report of a fault")
    return parser


def _add_drive(commands: Any) -> None:
    """The commands drive, edit and template."""
    for name, text, usage in (
        (
            "drive",
            "move a portrait or a video by somebody's video, picture or motion",
            "--portrait FILE --driving FILE --out FILE",
        ),
        (
            "edit",
            "change the face of a picture or a video with sliders, also over time",
            "--portrait FILE --smile 0.8 --out FILE",
        ),
    ):
        command = _command(commands, name, text, usage)
        command.add_argument(
            "--portrait",
            metavar="FILE",
            default=argparse.SUPPRESS,
            help="Picture with a face, or a video each of whose frames is moved.",
        )
        if name == "drive":
            command.add_argument(
                "--driving",
                metavar="FILE",
                nargs="+",
                action="extend",
                default=argparse.SUPPRESS,
                help="Who drives: a video, a picture, or a motion file (.safetensors, .pkl); one "
                "for all faces that move, or one for each.",
            )
            command.add_argument(
                "--save-motion",
                metavar="FILE",
                default=argparse.SUPPRESS,
                help="Keep the driver's motion: .safetensors, or .pkl for programs that read "
                "LivePortrait's templates.",
            )
        command.add_argument(
            "--out",
            metavar="FILE",
            default=argparse.SUPPRESS,
            help="Video to write, or a picture where there is one frame. An old file of that name "
            "is replaced.",
        )
        _add_job_flags(command)
        skipped = ("drive",) if name == "edit" else ()
        add_option_flags(command, DRIVE, skip=skipped)

    template = _command(
        commands,
        "template",
        "keep the motion of a video in a file, or change the form of a motion file",
        "--driving FILE --out FILE",
    )
    template.add_argument(
        "--driving", metavar="FILE", required=True, help="Video or picture, or a motion file."
    )
    template.add_argument(
        "--out",
        metavar="FILE",
        required=True,
        help="Motion to write: .safetensors, or .pkl for programs that read LivePortrait's "
        "templates.",
    )
    add_option_flags(template, DRIVE, only=("run", "drive"))


def _command(commands: Any, name: str, text: str, usage: str = "") -> Parser:
    parser: Parser = commands.add_parser(
        name,
        help=text,
        description=text[:1].upper() + text[1:] + ".",
        epilog=exit_code_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage=f"talking-portraits {name} {usage} [options]".replace("  ", " "),
    )
    group = parser.add_argument_group("this command")
    group.add_argument("--json", action="store_true", help="Print one JSON object on stdout.")
    group.add_argument("--quiet", action="store_true", help="No progress on stderr.")
    group.add_argument("--debug", action="store_true", help="Show where an error comes from.")
    return parser


def _add_job_flags(parser: Parser) -> None:
    parser.add_argument(
        "--preview",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="Also write a contact sheet of the video as a PNG.",
    )
    parser.add_argument(
        "--config", metavar="FILE", help="Settings from a TOML file; flags beat it."
    )
    parser.add_argument("--save-config", metavar="FILE", help="Write all settings to a TOML file.")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse, and name the nearest flag for one that does not exist.

    Raises:
        OptionError: the command line is wrong.
        SystemExit: after --help and --version.
    """
    parser = build_parser()
    args, rest = parser.parse_known_args(_joined(argv))
    if args.command == "models":
        # argparse loses names that come after a flag: models download --offline NAME
        args.names += [word for word in rest if not word.startswith("-")]
        rest = [word for word in rest if word.startswith("-")]
    if rest:
        raise OptionError(
            f"{rest[0]} is not known to the command {args.command}"
            f"{_hint(parser, args.command, rest[0].split('=')[0])} "
            f"See talking-portraits {args.command or ''} --help."
        )
    return args


def _hint(parser: argparse.ArgumentParser, command: str | None, name: str) -> str:
    """What was meant by a flag that a command does not have."""
    actions = _actions_of(parser, command)
    known = [flag for action in actions for flag in action.option_strings]
    for names in _SAME_FILE:
        if name in names:
            meant = [flag for flag in known if flag in names]
            if meant:
                return f"; did you mean {meant[0]}?"
            first = [str(action.metavar) for action in actions if not action.option_strings]
            if first and command in _FILE_FIRST:
                return f"; give the file without a flag: {command} {first[0]}."
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else "."


def _joined(argv: Sequence[str]) -> list[str]:
    """``--smile -1:0,2:1`` as one word: argparse takes values that begin with - for flags."""
    words: list[str] = []
    for word in argv:
        is_value = _NEGATIVE.match(word) is not None
        if is_value and words and words[-1].startswith("--") and "=" not in words[-1]:
            words[-1] = f"{words[-1]}={word}"
        else:
            words.append(word)
    return words


def _actions_of(parser: argparse.ArgumentParser, command: str | None) -> list[argparse.Action]:
    actions = parser._actions  # pyright: ignore[reportPrivateUsage]  # there is no public list
    for action in actions:
        choices: Any = action.choices
        if isinstance(choices, dict) and command in choices:
            return _actions_of(choices[command], None)
    return actions
