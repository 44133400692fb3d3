"""Google-style checkpoints: Scenic (msgpack, orbax), vision_transformer and big_vision (`.npz`).

None of them carries a configuration: the architecture is read off names and shapes, and `overrides` says what
shapes cannot tell. `find` finds the checkpoint at a path; `npz`, `msgpack` and `orbax` read one format each into a
`tree` of named arrays, in which the parameters of the image model are looked for; `vit`, `resnet` and `clip` know
one architecture each, and `open` puts all this together.

A new architecture: one file that defines a `GoogleArchitecture`, and its name in `open.ARCHITECTURES`.
"""
