"""VideoReTalking's networks; tensors are named as in the published checkpoints."""
