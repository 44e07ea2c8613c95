"""The command line. Commands import what is heavy only when they run, so that help is quick."""

from __future__ import annotations

from .entry import main

__all__ = ["main"]
