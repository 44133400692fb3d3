"""The reference shows every public name, each with a docstring; the site's pages are in its navigation."""

import ast
import importlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def generated():
    """The module that makes the site's generated pages."""
    spec = importlib.util.spec_from_file_location("docs_generated", DOCS / "generated.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("docs_generated", None)


def shown(page):
    return re.findall(r"^::: (\S+)$", page, re.MULTILINE)


def test_every_package_with_public_names_is_placed(generated):
    """On a page of its own, inside one that has a page, or known as internal."""
    placed = {"jaxsim", *generated.API, *generated.INTERNAL}
    for package in generated.packages():
        if not generated.public_names(package):
            continue
        names = generated.public_names(package)
        above = [package.rpartition(".")[0]]
        while above[-1] not in placed and above[-1]:
            above.append(above[-1].rpartition(".")[0])
        assert package in placed or above[-1] in placed - {"jaxsim"}, (package, names)


@pytest.mark.parametrize(
    "module",
    [
        "jaxsim.metrics",
        "jaxsim.models",
        "jaxsim.data",
        "jaxsim.features",
        "jaxsim.study",
        "jaxsim.study.inference",
        "jaxsim.study.constructed",
        "jaxsim.plot",
        "jaxsim.report",
        "jaxsim_kernels",
    ],
)
def test_the_reference_is_what_all_says(generated, module):
    """`__all__` as Python has it, against the page; and every class and function says what it is."""
    page = generated.api_pages()[f"reference/api/{module}.md"]
    there = importlib.import_module(module)
    assert shown(page) == [generated.home(module, name) for name in generated.public_names(module)]
    assert sorted(generated.public_names(module)) == sorted(there.__all__)
    for name in there.__all__:
        value = getattr(there, name)
        place, _, last = generated.home(module, name).rpartition(".")
        assert getattr(importlib.import_module(place), last) is value, name
        if callable(value) and str(getattr(value, "__module__", "")).startswith("jaxsim"):
            assert value.__doc__, f"{module}.{name} has no docstring"


def test_every_module_with_a_page_is_tested(generated):
    marks = test_the_reference_is_what_all_says.pytestmark
    assert list(generated.API) == list(marks[0].args[1])


def test_the_top_page_leads_to_every_name(generated):
    import jaxsim

    page = generated.api_pages()["reference/api/jaxsim.md"]
    linked = dict(re.findall(r"\[`jaxsim\.(\w+)`\]\[([\w.]+)\]", page))
    assert sorted(linked) == sorted(jaxsim.__all__)
    everywhere = {name for text in generated.api_pages().values() for name in shown(text)}
    assert set(linked.values()) <= everywhere


def test_all_pages_are_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"(\S+\.md)$", text.partition("\nnav:")[2], re.MULTILINE))
    written = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert written <= listed
    made = {
        "demo.md",
        *(f"reference/{name}.md" for name in ("command-line", "options", "measures", "models")),
        *(f"notebooks/{path.stem}.md" for path in (ROOT / "notebooks").rglob("*.py")),
    }
    assert listed - written == made | {each for each in listed if each.startswith("reference/api/")}


def test_tables_and_options_are_made_from_the_code(generated):
    from jaxsim.metrics.registry import all_measures
    from jaxsim.study.run.settings import SETTINGS
    from jaxsim.study.run.surroundings import SURROUNDINGS

    page = generated.options_page()
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == list(SETTINGS | SURROUNDINGS)
    measures = generated.measures_page()
    assert all(f"| `{name}` |" in measures for name in all_measures())
    assert "jaxsim compare" in generated.command_line_page()
    assert "| dinov2 |" in generated.models_page()


def test_nothing_of_mkdocs_is_needed_to_read_the_pages():
    """The tests run in an environment without the extra `docs`."""
    tree = ast.parse((DOCS / "generated.py").read_text(encoding="utf-8"))
    top = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    later = {"mkdocs", "nbconvert", "jupytext", "jaxsim"}
    assert later.isdisjoint(str(name).partition(".")[0] for name in top)


def test_the_page_on_architecture_knows_every_place():
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    places = [ROOT / "jaxsim", ROOT / "kernels" / "jaxsim_kernels"]
    names = [each.stem for each in places[0].iterdir() if each.suffix == ".py" or (each / "__init__.py").is_file()]
    names += [each.name for place in places for each in place.iterdir() if (each / "__init__.py").is_file()]
    # Where somebody who knows what it is about would look for it in vain.
    late = ("accelerator", "remote", "feature_folder", "sole_writer", "reading", "layer_source", "inner_products")
    missing = [name for name in (*names, *late) if name[0] != "_" and not re.search(rf"\b{name}\b", page)]
    assert missing == []


def test_pages_of_notebooks_do_without_the_names_of_axes(generated):
    told = {"output_type": "execute_result", "data": {"text/plain": "<Axes: xlabel='depth'>"}}
    assert generated._names_axes(told)
    assert not generated._names_axes(told | {"data": told["data"] | {"image/png": ""}})
    assert not generated._names_axes(told | {"data": {"text/plain": "0.5"}})
    assert not generated._names_axes({"output_type": "stream", "text": "<Axes"})
