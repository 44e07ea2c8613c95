"""Talking portraits: a still picture and a voice become a video. The library knows no host."""

from __future__ import annotations

__version__ = "0.1.0"
