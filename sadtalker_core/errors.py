"""Exceptions of the library.

Every message is one sentence or two for a person: what arrived, what was expected, what to do.
Hosts show ``str(error)`` and nothing else; the command line exits with ``error.exit_code``.
"""

from __future__ import annotations


class TalkingPortraitsError(Exception):
    """Base of every error that a user can cause and mend. Never raised itself."""

    exit_code = 1


class OptionError(TalkingPortraitsError, ValueError):
    """An option has an unknown name, the wrong type, or a value outside its range."""

    exit_code = 2


class StructureError(TalkingPortraitsError, ValueError):
    """A data structure was built from tensors whose shapes or values do not fit together."""

    exit_code = 2


class MediaError(TalkingPortraitsError):
    """A picture, sound or video file cannot be read or decoded."""

    exit_code = 3


class OutputError(TalkingPortraitsError):
    """The result cannot be written: no permission, disk full, or it would overwrite its input."""

    exit_code = 4


class FaceError(TalkingPortraitsError):
    """The faces in a picture do not allow the job."""

    exit_code = 5


class NoFaceError(FaceError):
    """No face was found where one is needed."""


class FaceIndexError(FaceError):
    """A face was asked for that the picture does not have."""


class WeightsError(TalkingPortraitsError):
    """Weights are absent, damaged, or not of a known architecture."""

    exit_code = 6


class Cancelled(TalkingPortraitsError):
    """The user stopped the job. Nothing is left under the final name."""

    exit_code = 130
