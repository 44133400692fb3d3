"""Models that the package ships, as Hugging Face directories: `load_model("embedded:vit_digits")`."""

from pathlib import Path

SCHEME = "embedded:"


def embedded_names() -> tuple[str, ...]:
    """Names of the shipped models.

    Example:
        >>> "vit_digits" in embedded_names()
        True
    """
    return tuple(sorted(path.parent.name for path in Path(__file__).parent.glob("*/model.safetensors")))


def embedded_directory(source: str) -> Path:
    """Returns the directory of `embedded:NAME`.

    Raises:
        ValueError: There is no such model; the message lists those there are.

    Example:
        >>> embedded_directory("embedded:vit_digits").name
        'vit_digits'
    """
    name = source.removeprefix(SCHEME)
    if name not in embedded_names():
        known = ", ".join(SCHEME + known for known in embedded_names())
        raise ValueError(f"{source!r}: no such embedded model. There are: {known}.")
    return Path(__file__).parent / name
