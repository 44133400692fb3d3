"""The families of models, one a file; a new file is found without being listed anywhere.

How to add one:

1. Write `jaxsim/models/families/NAME.py` with `FAMILY = Family(name, title, model_types, build)`
   (`FAMILIES` for several). Files that start with another name are free: nothing else has to be edited.
2. `build(config, shapes) -> Architecture` reads the configuration and makes module, weight table, image
   size and default preprocessing. `config("attr")` reads an attribute, `config.pair("patch_size")` a size,
   `config.require("attr", value, ...)` refuses other values, `config.ignore("attr", ...)` states that it
   does not matter, `config.part("vision_config")` opens a nested one. What nobody asked for is an error, by
   name. `shapes` maps the checkpoint's tensor names to shapes (empty for a random twin): use it to see
   which optional heads are there.
3. The module is a Linen module with fields `dtype` and `precision` (give both to every Dense, Conv and
   einsum) that takes images `[B, H, W, 3]`, calls `recorder.add(name, state, layout, kind=..., hidden=...)`
   for each step in order and returns `recorder.finish()`. `hidden=True` marks the next entry of Hugging
   Face's hidden_states; `block=False` hides a state from `granularity="block"`; `recorder.output("logits",
   ...)` is for heads. Vision transformers subclass `vit_core.VisionTransformer` or only configure it; see
   `vit.py`. Normalisation needs `use_fast_variance=False`; strided convolutions need explicit padding.
4. The weight table lists `linear`, `fused_linear`, `conv`, `norm`, `batch_norm` and `param` rules from the
   names in the file (what `save_pretrained` writes and the hub holds) to paths in the variables; `prefixes`
   are optional and stripped; `extras` are tensors that may stay unused (heads of other tasks,
   `mask_token`).
5. Test: `tests/models/families/test_NAME.py`, one call of the `parity` fixture for each configuration; see
   `test_vit.py` and the docstring in `tests/models/conftest.py`.
"""
