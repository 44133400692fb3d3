"""Models that the package ships, as Hugging Face directories: `load_model("embedded:vit_digits")`."""

from pathlib import Path

SCHEME = "embedded:"
# What a name begins with -> what the model is. Transformers without a class token are stored in the format of I-JEPA,
# whose objective they were not trained on.
_FAMILIES = {"vit": "vit", "cnn": "resnet", "resnet": "resnet"}


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


def embedded_family(source: str) -> str:
    """Returns the family of `embedded:NAME`, whichever family's format its files have.

    Example:
        >>> embedded_family("embedded:vit_classifier_0"), embedded_family("embedded:cnn_selfsup_1")
        ('vit', 'resnet')
    """
    return _FAMILIES[source.removeprefix(SCHEME).partition("_")[0]]
