"""Networks of the face enhancers: modules and their sizes, nothing else."""
