"""Dense motion and SPADE decoder for inference: the same numbers with far less arithmetic."""
