"""Every block of Python in the documentation runs, page by page, in an empty folder."""

import matplotlib as mpl
import pytest

from .snippets import ROOT, is_slow, pages, run, snippets

mpl.use("agg")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=str(page.relative_to(ROOT)), marks=[pytest.mark.slow] if is_slow(page) else [])
        for page in pages()
    ],
)
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(page)


def test_what_is_collected():
    text = (
        "<!-- setup\na = 1\n-->\n\n```python\nb = a\n```\n\n```bash\nls\n```\n"
        "<!-- not run: a hub -->\n```python\nc = 1\n```\n\n- an item\n\n  ```python\n  if b:\n      d = 2\n  ```\n"
    )
    assert [(each.line, each.code) for each in snippets(text)] == [
        (2, "a = 1\n"),
        (6, "b = a\n"),
        (20, "if b:\n    d = 2\n"),
    ]


def test_errors_name_the_line_of_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n```python\na = 1\n\nraise KeyError(a)\n```\n")
    with pytest.raises(KeyError) as caught:
        run(page)
    last = caught.traceback[-1]
    assert (str(last.path), last.lineno + 1) == (str(page), 6)
