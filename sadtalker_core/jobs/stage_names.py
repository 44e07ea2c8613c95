"""The stages of a job in words, and how long it still takes, for every host that shows progress."""

from __future__ import annotations

STAGES = {
    "check": "Checking",
    "face": "Finding the face",
    "driver": "Reading the driver",
    "listen": "Reading the sound",
    "motion": "Making the motion",
    "prepare": "Preparing",
    "source": "Reading the video",
    "render": "Rendering",
    "enhance": "Restoring faces",
    "measure": "Measuring",
}


def stage_name(stage: str) -> str:
    """``render`` as ``Rendering``; an unknown one as it is written."""
    return STAGES.get(stage, stage.replace("_", " ").capitalize())


def time_left(seconds: float) -> str:
    """``75.0`` as ``1:15``, an hour as ``1:00:00``."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
