"""Measures of pictures and motion."""
