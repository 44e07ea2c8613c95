"""SadTalker's networks; attribute names are the checkpoint's."""
