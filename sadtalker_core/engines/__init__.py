"""Each engine's steps in the form that all engines share (``engine.Engine``)."""
