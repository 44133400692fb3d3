"""Pages that are made from the code when the site is built: reference, tables, notebooks, the page of the demo.

mkdocs calls `on_files`. Everything else here needs no part of mkdocs, so that the tests can ask what the site shows.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FOLDERS = {"jaxsim": ROOT / "jaxsim", "jaxsim_kernels": ROOT / "kernels" / "jaxsim_kernels"}

#: Packages with a page of their own, and what each is for.
API = {
    "jaxsim.metrics": "Arrays in, numbers out.",
    "jaxsim.models": "A checkpoint in, a function from images to every processing step out.",
    "jaxsim.data": "Images in, decoded and in a fixed order, each with an id.",
    "jaxsim.features": "Steps pooled to `[samples, features]`, in memory or on disk, with sample identity.",
    "jaxsim.study": "Measures over the steps of several models, as labelled results.",
    "jaxsim.study.inference": "How sure a study's numbers are, and what chance alone would have given.",
    "jaxsim.study.constructed": "Made-up studies, to try pages and figures on.",
    "jaxsim.plot": "One function for each figure of a study.",
    "jaxsim.report": "Labelled results in, one self-contained page out.",
    "jaxsim_kernels": "Device code: exact neighbours, ranks and sums over pairs of samples, streamed.",
}

#: Packages whose `__all__` is for other packages of this repository, not for users.
INTERNAL = ("jaxsim.cli", "jaxsim.files", "jaxsim.training")

NOTEBOOKS = ROOT / "notebooks"
EXECUTED = ROOT / "build" / "notebooks"
DEMO = ROOT / "build" / "demo" / "index.html"


def source_of(module: str) -> Path | None:
    """The file of a module or package of ours; None where there is none."""
    package, *parts = module.split(".")
    place = FOLDERS[package].joinpath(*parts)
    return next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None)


def _parsed(path: Path) -> tuple[ast.Module, dict[str, list[tuple[int, str | None, str]]]]:
    """A file as it is now, parsed once (`mkdocs serve` goes on while files change), and what it imports anywhere.

    Name -> every import of it: its level, the module, and the name there.
    """
    return _parsed_at(path, path.stat().st_mtime_ns)


@cache
def _parsed_at(path: Path, _changed: int) -> tuple[ast.Module, dict[str, list[tuple[int, str | None, str]]]]:
    tree, imports = ast.parse(path.read_text(encoding="utf-8")), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for each in node.names:
                imports.setdefault(each.asname or each.name, []).append((node.level, node.module, each.name))
    return tree, imports


def public_names(module: str) -> list[str]:
    """The names in `__all__` of a module, read without importing it; empty where it has none."""
    path = source_of(module)
    if path is None:
        raise ValueError(f"expected a module of this repository, got {module!r}")
    values = {
        target.id: node.value
        for node in _parsed(path)[0].body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    listed = values.get("__all__")
    if listed is None:
        return []
    if isinstance(listed, ast.Call):  # sorted(_HOMES)
        (name,) = listed.args
        return sorted(ast.literal_eval(values[name.id if isinstance(name, ast.Name) else ""]))
    return list(ast.literal_eval(listed))


def home(module: str, name: str) -> str:
    """The dotted name under which a public name of a module is defined, following imports without running them.

    `jaxsim.metrics.cka` is a function; a module `cka` lies beside it, which a reader of the source would take for it.
    """
    path = source_of(module)
    if path is None:
        return f"{module}.{name}"
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for level, imported, own in _parsed(path)[1].get(name, ()):
        above = ".".join(package.split(".")[: len(package.split(".")) - level + 1])
        source = imported if not level else ".".join(filter(None, (above, imported)))
        if source and source.partition(".")[0] in FOLDERS and source != module:
            return home(source, own)
    return f"{module}.{name}"


def packages() -> Iterator[str]:
    """All packages of the repository's two distributions' folders, by dotted name."""
    for name, folder in FOLDERS.items():
        for path in sorted(folder.rglob("__init__.py")):
            yield ".".join([name, *path.parent.relative_to(folder).parts])


def api_pages() -> dict[str, str]:
    """Address -> Markdown of every page of the API."""
    pages = {}
    for module, purpose in API.items():
        names = public_names(module)
        body = "\n".join(f"::: {home(module, name)}\n" for name in names)
        pages[f"reference/api/{module}.md"] = f"# {module}\n\n{purpose}\n\n{body}"
    pages["reference/api/jaxsim.md"] = _top_page()
    return pages


def _top_page() -> str:
    tree = ast.parse((FOLDERS["jaxsim"] / "__init__.py").read_text(encoding="utf-8"))
    homes: dict[str, list[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "_HOMES":
            for name, room in ast.literal_eval(node.value).items():
                homes.setdefault(room, []).append(name)
    text = ["# jaxsim", "", "What `import jaxsim` gives. Every name leads to its description.", ""]
    for room, names in homes.items():
        text += [f"## From jaxsim.{room}", ""]
        text += [f"- [`jaxsim.{name}`][{home(f'jaxsim.{room}', name)}]" for name in sorted(names, key=str.lower)]
        text += [""]
    return "\n".join(text)


def options_page() -> str:
    """The options of a study, from where they are declared."""
    from jaxsim.study.run.settings import SETTINGS
    from jaxsim.study.run.surroundings import SURROUNDINGS

    text = [
        "# Options of a study",
        "",
        "Keyword arguments of `jaxsim.compare`, flags of `jaxsim compare`, and keys of a settings file.",
        "",
    ]
    for name, each in (SETTINGS | SURROUNDINGS).items():
        flag = "" if each.kind is None else f"On the command line `{each.on_command_line}`. "
        text += [f"## {name}", "", f"{flag}Default `{each.default!r}`.", "", each.text, ""]
    return "\n".join(text)


def command_line_page() -> str:
    """What every command says of itself."""
    import typer
    from typer.testing import CliRunner

    from jaxsim.cli.app import app

    group: Any = typer.main.get_command(app)
    environment = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    text = ["# Command line", ""]
    for name in ("", *group.commands):
        said = CliRunner().invoke(app, [*([name] if name else []), "--help"], env=environment).output
        plain = re.sub(r"\x1b\[[0-9;]*m", "", said).strip()
        text += [f"## jaxsim {name}".rstrip(), "", "```text", plain, "```", ""]
    return "\n".join(text)


def measures_page() -> str:
    """The table of measures, as `jaxsim metrics` prints it."""
    from jaxsim.metrics.table import markdown

    return (
        "---\nhide: [toc]\n---\n\n# Measures\n\n"
        "Numbers are those of N = 1,000, k = 10 and 384 features. Equal: the value for two equal layers. "
        "Chance: the expected value for independent ones. [What each measure answers](../explanation/measures.md) "
        f"helps to choose.\n\n{markdown()}\n"
    )


def models_page() -> str:
    """The table of what can be loaded, as `jaxsim models` prints it."""
    from jaxsim.models.supported import COLUMNS, supported

    head = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    rows = [f"| {' | '.join(row.cells)} |" for row in supported()]
    return (
        "---\nhide: [toc]\n---\n\n# Models\n\n"
        "What `jaxsim.load_model` opens. The last column is the largest error that the tests allow between "
        "a port and its original, state by state, on perturbed random weights: "
        "max |difference| / max(1, max |original|).\n\n" + "\n".join([*head, *rows]) + "\n"
    )


def _names_axes(output: Any) -> bool:
    return set(output.get("data", ())) == {"text/plain"} and "".join(output["data"]["text/plain"]).startswith("<Axes")


def notebook_pages() -> dict[str, str | bytes]:
    """Every notebook as Markdown, with what it prints and draws.

    That is taken from `build/notebooks` where it was executed into there, else from what is committed: those notebooks
    that need no download are committed without.
    """
    import jupytext
    from nbconvert import MarkdownExporter

    pages: dict[str, str | bytes] = {}
    for path in sorted(NOTEBOOKS.rglob("*.py"), key=lambda path: path.name):
        executed = EXECUTED / f"{path.stem}.ipynb"
        notebook = jupytext.read(executed if executed.is_file() else path.with_suffix(".ipynb"))
        for cell in (each for each in notebook.cells if each.cell_type == "code"):
            # A figure is shown; what Python calls its axes is for nobody.
            cell["outputs"] = [each for each in cell.get("outputs", []) if not _names_axes(each)]
        text, resources = MarkdownExporter().from_notebook_node(notebook)
        pages[f"notebooks/{path.stem}.md"] = text.replace("](output_", f"]({path.stem}_output_")
        for name, content in (resources.get("outputs") or {}).items():
            pages[f"notebooks/{path.stem}_{name}"] = content
    return pages


def demo_pages() -> dict[str, str | bytes]:
    """The report of `jaxsim demo`, where it was made with `--out build/demo`, and the page that shows it."""
    head = "# The report of the demo\n\n"
    if not DEMO.is_file():
        return {"demo.md": head + "Run `jaxsim demo` and open the path that it prints last.\n"}
    frame = '<iframe class="report" src="demo/report.html" title="The report of the demo"></iframe>\n'
    return {
        "demo.md": head + "[On a page of its own](demo/report.html).\n\n" + frame,
        "demo/report.html": DEMO.read_bytes(),
    }


def pages() -> dict[str, str | bytes]:
    """Address -> content of everything that is generated."""
    return {
        **api_pages(),
        "reference/options.md": options_page(),
        "reference/command-line.md": command_line_page(),
        "reference/measures.md": measures_page(),
        "reference/models.md": models_page(),
        **notebook_pages(),
        **demo_pages(),
    }


def on_files(files: Any, config: Any) -> Any:
    """Adds the generated pages; called by mkdocs."""
    from mkdocs.structure.files import File

    for address, content in pages().items():
        files.append(File.generated(config, address, content=content))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Leads from `compare` to its options, which are declared elsewhere; called by mkdocs."""
    return html.replace("All of what follows", 'The <a href="../options.html">options of a study</a>')


def renew_readme() -> None:
    """Puts both tables as they are now into the README; `python docs/generated.py` from the repository's folder."""
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    for start, end, page in (
        ("<!-- measures -->\n", "<!-- /measures -->", measures_page()),
        ("<!-- models -->\n", "<!-- /models -->", models_page()),
    ):
        before, _, rest = text.partition(start)
        table = page[page.index("\n| ") + 1 :].strip()
        text = f"{before}{start}{table}\n{end}{rest.partition(end)[2]}"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew_readme()
