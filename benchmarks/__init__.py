"""The throughput suite of jaxsim: how fast, how large, how exact, and against whom. `python -m benchmarks --help`."""
