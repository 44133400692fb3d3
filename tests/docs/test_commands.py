"""Commands and settings files in the documentation are such as the command line takes, without running them."""

import re
import shlex
from typing import Any

import pytest
import typer

from jaxsim.cli.app import app
from jaxsim.cli.config import read_config

from .snippets import DOCS, ROOT

PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
GROUP: Any = typer.main.get_command(app)


def blocks(page, kind):
    return re.findall(rf"^ *```{kind}\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(text):
    """The calls of jaxsim in a block of shell, as lists of words."""
    joined = re.sub(r"\\\n\s*", " ", text).replace("'", " ")
    calls = re.split(r"&&|\n|;", joined)
    words = [shlex.split(each, comments=True) for each in calls]
    return [each[at:] for each in words for at, word in enumerate(each[:4]) if re.fullmatch(r"(\S*/)?jaxsim", word)]


def problems(words):
    """What the command line would not take of a call."""
    name = next((each for each in words[1:] if not each.startswith("-")), None)
    if name is None:
        known, given = {"--help", "--version"}, words[1:]
    elif name not in GROUP.commands:
        return [f"no command {name!r}"]
    else:
        parameters = GROUP.commands[name].params
        known = {flag for each in parameters for flag in (*each.opts, *each.secondary_opts)} | {"--help"}
        given = words[2:]
    return [each for each in given if each.startswith("--") and each.partition("=")[0] not in known]


@pytest.mark.parametrize("page", [each for each in PAGES if blocks(each, "bash")], ids=lambda page: page.stem)
def test_commands_exist_and_take_their_options(page):
    for block in blocks(page, "bash"):
        for words in commands(block):
            assert not problems(words), shlex.join(words)


def test_what_is_found():
    found = commands("pip install . &&\n  FEW=1 .venv/bin/jaxsim demo --out x\nsrun jaxsim compare a \\\n --sample 5\n")
    assert found == [[".venv/bin/jaxsim", "demo", "--out", "x"], ["jaxsim", "compare", "a", "--sample", "5"]]
    assert problems(found[1]) == ["--sample"]
    assert problems(["jaxsim", "compute"]) == ["no command 'compute'"]


def test_settings_files_are_read(tmp_path):
    found = [text for page in PAGES for text in blocks(page, "toml") if "entry-points" not in text]
    assert found
    for text in found:
        path = tmp_path / "study.toml"
        path.write_text(text)
        config = read_config(path)
        assert config.models
        assert config.images
        assert config.options
