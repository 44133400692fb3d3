"""The table of what can be loaded: families, formats, image processors, and how closely each port was tested."""

from __future__ import annotations

import dataclasses

from jaxsim.models.family import Family, families
from jaxsim.models.google.open import ARCHITECTURES
from jaxsim.models.loading.config import ConfigReader, with_defaults
from jaxsim.models.timm.names import FAMILIES, TITLES

COLUMNS = ("family", "model_type", "formats", "processor", "tested parity")

# Largest max |difference| / max(1, max |original|) that the tests of ports allow, over all states.
PARITY = 2e-5

_TRANSFORMERS, _OWN = "transformers (PIL)", "own"


@dataclasses.dataclass(frozen=True)
class SupportedFamily:
    """A family of models that `load_model` opens.

    Attributes:
        family: For people, `"ViT, DINO"`.
        model_types: In config.json; none where only timm's format has the family.
        formats: `"Hugging Face"`, `"timm"`, `"Scenic"`, `"vision_transformer"`, `"big_vision"`.
        processor: What preprocesses a Hugging Face checkpoint that brings settings for it: transformers' processor
            on Pillow, or one of our own. The other formats always have our own.
        parity: The original that every state was compared with -> largest error allowed, as
            max |difference| / max(1, max |original|).
    """

    family: str
    model_types: tuple[str, ...]
    formats: tuple[str, ...]
    processor: str
    parity: dict[str, float]

    @property
    def cells(self) -> tuple[str, ...]:
        """One text for each of `COLUMNS`.

        Example:
            >>> SupportedFamily("VGG", (), ("timm",), "own", {"timm": 2e-5}).cells
            ('VGG', '-', 'timm', 'own', '2e-5 (timm)')
        """
        bounds: dict[float, list[str]] = {}
        for original, bound in self.parity.items():
            bounds.setdefault(bound, []).append(original)
        return (
            self.family,
            ", ".join(self.model_types) or "-",
            ", ".join(self.formats),
            self.processor,
            "; ".join(f"{_plain(bound)} ({', '.join(originals)})" for bound, originals in bounds.items()),
        )


def _plain(bound: float) -> str:
    """Returns a bound as people write it: `2e-5`, not `2e-05`."""
    return f"{bound:.0e}".replace("e-0", "e-")


def supported() -> tuple[SupportedFamily, ...]:
    """Returns every family that can be loaded, in the order of their files.

    Example:
        >>> row = next(row for row in supported() if "resnet" in row.model_types)
        >>> row.formats, row.parity["transformers"]
        (('Hugging Face', 'timm', 'Scenic'), 2e-05)
    """
    rows = [_row(family.name, family.title, family) for family in families()]
    elsewhere = set(FAMILIES) - {family.name for family in families()}
    return (*rows, *(_row(name, TITLES.get(name, name), None) for name in sorted(elsewhere)))


def _row(name: str, title: str, family: Family | None) -> SupportedFamily:
    formats: dict[str, float] = {}
    parity: dict[str, float] = {}
    if family is not None:
        formats["Hugging Face"] = parity["transformers"] = PARITY
    if name in FAMILIES:
        formats["timm"] = parity["timm"] = PARITY
    for architecture in ARCHITECTURES:
        for codebase in architecture.codebases.get(name, ()):
            formats[codebase] = parity[codebase] = architecture.parity
    types = () if family is None else family.model_types
    return SupportedFamily(title, types, tuple(formats), _processor(family), parity)


def _processor(family: Family | None) -> str:
    if family is None:
        return _OWN
    kind = family.model_types[-1]  # the vision tower alone, where the first is a pair with a text model
    built = family.build(ConfigReader(with_defaults({"model_type": kind}, kind), kind), {})
    return _TRANSFORMERS if built.processor is None else _OWN
