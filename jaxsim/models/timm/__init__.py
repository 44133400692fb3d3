"""Checkpoints of timm on the hub: `config.json` with `architecture`, and `model.safetensors`; timm is not needed.

The name of the architecture tells what the tensors' shapes do not: the number of heads, activations, strides.
`names` lists the names as patterns, each of the other files builds the architectures of one kind, `preprocess` repeats
timm's evaluation transform on Pillow, and `open` puts this together.

A new architecture: a builder that reads sizes off the shapes, its line in `names.COVERED` and in `open`, and a case in
`tests/models/checkpoints/timm/make.py`, which timm itself computes.
"""
