"""Google-style checkpoints: Scenic (msgpack, orbax), vision_transformer and big_vision (`.npz`).

None of them carries a configuration: the architecture is read off names and shapes, and `overrides` says what
shapes cannot tell. `open` finds the checkpoint at a path; `tree` (`.npz`, msgpack) and `orbax` read it as
named arrays, among which the parameters of the image model are looked for; `vit`, `resnet` and `clip` know one
architecture each.

A new architecture: one file that defines a `GoogleArchitecture`, and its name in `open.ARCHITECTURES`.
"""
