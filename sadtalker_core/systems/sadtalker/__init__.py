"""The engine SadTalker."""
