"""Loops that make our own weights, for whoever wants to make them again."""
