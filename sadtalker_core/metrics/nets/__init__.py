"""Networks that judge: whether lips and sound belong together."""
