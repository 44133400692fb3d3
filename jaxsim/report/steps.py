"""Steps that need a word: those that are the same for every sample, and those that a warning is about."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

DAGGERS = ("†", "‡", "§", "¶")
SAME = "same for all samples"


def constant_mask(results: xr.Dataset) -> np.ndarray:
    """Which steps are the same for every sample, `[n_steps]` along `source`; none where the study did not look."""
    if "source_constant" not in results.coords:
        return np.zeros(results.sizes["source"], dtype=bool)
    return results["source_constant"].values.astype(bool)


def describe_constant(results: xr.Dataset) -> list[str]:
    """The steps without information: their names, why they have none, and what became of them.

    Args:
        results: Checked results dataset.

    Returns:
        One line for every reason, none where all steps tell images apart.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> results = constructed_study(constant=("vit/embeddings",), pool="cls")[0]
        >>> describe_constant(results)[0].partition(":")[0]
        'vit/embeddings'
    """
    pool, kinds = str(results.attrs.get("pool", "")), results["source_kind"].values.astype(str)
    named: dict[str, list[str]] = {}
    for place in np.flatnonzero(constant_mask(results)):
        class_token = pool == "cls" and kinds[place] == "embeddings"
        what = "the class token before the first block" if class_token else "the representation"
        named.setdefault(what, []).append(str(results["source"].values[place]))
    return [
        f"{', '.join(labels)}: {what} is the same for every sample, or differs by rounding only, so it says nothing "
        f"about "
        "them; left out of every curve and summary, hatched in the heat maps."
        for what, labels in named.items()
    ]


@dataclass(frozen=True)
class Flags:
    """The steps that warnings are about.

    Attributes:
        texts: Label of a step -> text of its warning, in the order of the study.
    """

    texts: dict[str, str] = field(default_factory=dict)

    @property
    def signs(self) -> dict[str, str]:
        """Text of a warning -> the sign that stands for it."""
        distinct = dict.fromkeys(self.texts.values())
        return {
            text: DAGGERS[place] if place < len(DAGGERS) else f"{DAGGERS[0]}{place + 1}"
            for place, text in enumerate(distinct)
        }

    def sign(self, label: str) -> str:
        """The sign of a step, empty where no warning is about it.

        Example:
            >>> flags = Flags({"vit/block03": "3 % of the rows have a tie"})
            >>> flags.sign("vit/block03"), flags.sign("vit/block04")
            ('†', '')
        """
        return self.signs.get(self.texts.get(label, ""), "")

    def marked(self, model: str, step: str) -> str:
        """Name of a step with its sign behind it."""
        sign = self.sign(f"{model}/{step}")
        return f"{step} {sign}" if sign else step

    def notes(self, labels: Iterable[str] | None = None) -> list[str]:
        """The footnotes of the steps shown: sign, steps, text; of all flagged steps by default.

        Example:
            >>> Flags({"vit/a": "ties", "vit/b": "ties", "cnn/c": "lost"}).notes(["vit/a", "vit/b"])
            ['† vit/a, vit/b: ties']
        """
        shown = list(self.texts) if labels is None else [each for each in dict.fromkeys(labels) if each in self.texts]
        notes = []
        for text, sign in self.signs.items():
            about = [label for label in shown if self.texts[label] == text]
            if about:
                notes.append(f"{sign} {', '.join(about)}: {text}")
        return notes


def read_flags(results: xr.Dataset) -> Flags:
    """The flags of a study: the coordinate `source_flag` of its results, where there is one."""
    if "source_flag" not in results.coords:
        return Flags()
    texts = zip(results["source"].values, results["source_flag"].values, strict=True)
    return Flags({str(label): str(text) for label, text in texts if str(text)})
