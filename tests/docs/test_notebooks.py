"""Every notebook says what its source says, and only those that need downloads are committed with their output."""

import json

import pytest

from .snippets import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.py"))
NEED_DOWNLOADS = ROOT / "notebooks" / "trained"
#: Of a file in a repository that everyone clones.
MOST_BYTES = 1_500_000


def cells(path):
    import jupytext

    return [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_the_pair_of_its_source(source):
    assert cells(source) == cells(source.with_suffix(".ipynb"))


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_output_is_committed_where_the_everyday_checks_make_none(source):
    path = source.with_suffix(".ipynb")
    code = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    if source.parent != NEED_DOWNLOADS:
        assert not any(cell["outputs"] for cell in code)
        return
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "executed from top to bottom"
    kinds = {output["output_type"] for cell in code for output in cell["outputs"]}
    assert "display_data" in kinds or "execute_result" in kinds
    assert "error" not in kinds
    assert path.stat().st_size < MOST_BYTES
    assert str(ROOT) not in path.read_text(encoding="utf-8")
