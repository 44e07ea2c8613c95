"""The generator made for inference: the same numbers with a quarter of the arithmetic."""
