"""Faces in pictures and video: find, choose, track, crop, paste back, draw."""
