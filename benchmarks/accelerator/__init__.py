"""What `python -m benchmarks gpu` measures on a GPU or TPU, one subject a file."""
