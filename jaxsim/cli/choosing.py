"""Which part of a study is reported, and under which names, from the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jaxsim.arguments import whole_number
from jaxsim.study import Study


def chosen_by(
    *,
    models: Sequence[str] | None,
    steps: Sequence[str] | None,
    drop_steps: Sequence[str] | None,
    k: str | None,
    rename: Sequence[str] | None,
) -> Callable[[Study], Study] | None:
    """What is done to a study before it is reported; None for nothing.

    Args:
        models: Names or globs of models.
        steps: Names or globs of steps.
        drop_steps: The same, to leave out.
        k: Numbers of neighbours, such as "1,10".
        rename: "OLD=NEW" of models and steps.

    Raises:
        ValueError: If something is written otherwise.

    Example:
        >>> chosen_by(models=None, steps=None, drop_steps=None, k=None, rename=["vit"])
        Traceback (most recent call last):
        ...
        ValueError: expected --rename as OLD=NEW, such as _bn1=stem; got 'vit'
    """
    if not any((models, steps, drop_steps, k, rename)):
        return None
    ks = None if k is None else [whole_number(part.strip()) or 0 for part in k.split(",")]
    names: dict[str, str] = {}
    for text in rename or ():
        old, equals, new = text.partition("=")
        if not (old and equals and new):
            raise ValueError(f"expected --rename as OLD=NEW, such as _bn1=stem; got {text!r}")
        names[old] = new

    def change(study: Study) -> Study:
        if models or steps or ks:
            study = study.select(models=models or None, steps=steps or None, k=ks)
        if drop_steps:
            study = study.select_steps(drop_steps=drop_steps)
        return study.rename(names) if names else study

    return change
