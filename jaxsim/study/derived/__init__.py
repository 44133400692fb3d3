"""What follows from a measurement: labels, smoothness, distances between models, alignment, paths, findings."""
