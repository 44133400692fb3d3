"""Checkpoints of timm on the hub: `config.json` with `architecture`, and `model.safetensors`; timm is not needed.

The name of the architecture tells what the tensors' shapes do not: the number of heads, activations, strides.
`names` lists the names, each of the other files builds the architectures of one kind, `preprocess` repeats timm's
evaluation transform on Pillow, and `open` puts this together.
"""
