"""Layers that two systems share: equal names in the checkpoints and equal maths.

The goldens of both systems prove it. ``fast`` computes the same with less work.
"""
