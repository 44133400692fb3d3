"""The table of what can be loaded follows the registries, and the README follows the table."""

from pathlib import Path

import jaxsim
from jaxsim.models.family import families
from jaxsim.models.google.open import ARCHITECTURES
from jaxsim.models.supported import COLUMNS, PARITY, supported
from jaxsim.models.timm.names import FAMILIES

README = Path(jaxsim.__file__).parent.parent / "README.md"


def markdown(rows):
    """The table as the README has it."""
    head = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    return "\n".join([*head, *(f"| {' | '.join(cells)} |" for cells in rows)])


def test_readme_shows_the_table():
    assert markdown(row.cells for row in supported()) in README.read_text(encoding="utf-8")


def test_every_registry_is_in_the_table():
    rows = supported()
    assert {kind for row in rows for kind in row.model_types} == {
        kind for family in families() for kind in family.model_types
    }
    assert sum("timm" in row.formats for row in rows) == len(FAMILIES)
    written = {(family, name) for each in ARCHITECTURES for family, names in each.codebases.items() for name in names}
    others = {"Hugging Face", "timm"}
    assert sum(len(set(row.formats) - others) for row in rows) == len(written)


def test_who_preprocesses():
    own = {kind for row in supported() if row.processor == "own" for kind in row.model_types}
    assert own == {"dinov3_vit", "dinov3_convnext", "imagegpt", "siglip2", "siglip2_vision_model"}


def test_the_bound_is_that_of_the_tests(parity_bound):
    assert parity_bound == PARITY
    assert {bound for row in supported() for bound in row.parity.values()} == {PARITY, 1e-4}


def test_every_family_has_a_test_against_its_original():
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    tests = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("test_*.py")]
    compared = "\n".join(text for text in tests if "parity(" in text)
    for family in families():
        assert any(CONFIG_MAPPING_NAMES[kind] in compared for kind in family.model_types), family.name
