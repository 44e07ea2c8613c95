"""Restoration of faces in pictures and videos, and enlargement of what is around them."""
