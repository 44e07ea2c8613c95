"""Maps between the engines' motions, and editing of motion."""
