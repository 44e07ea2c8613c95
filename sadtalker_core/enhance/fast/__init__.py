"""The enhancers' networks for inference on a CPU: the same numbers, two to three times as fast."""
