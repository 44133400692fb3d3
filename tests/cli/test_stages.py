"""A study in stages, with settings from a file: the same to the last bit, and what the user sees of it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from rich.console import Console
from typer.testing import CliRunner

import jaxsim as jaxsim_package
import jaxsim.study.run.extraction as extraction_module
from jaxsim.cli.app import app
from jaxsim.cli.config import Config, as_toml, line_of, read_config
from jaxsim.cli.options import OPTIONS
from jaxsim.cli.reading import read_model, read_option
from jaxsim.cli.terminal import print_table
from jaxsim.data.stage_times import STAGES
from jaxsim.files import OwnedFiles
from jaxsim.study import Study
from jaxsim.study.saved import CONFIG

ASKED = ("--images", "digits", "--samples", "70", "--splits", "2", "--k", "1,3")
MODELS = ("vit=embedded:vit_digits", "embedded:resnet_digits")


@pytest.fixture
def jaxsim():
    return lambda *args, **options: CliRunner().invoke(app, [str(arg) for arg in args], **options)


@pytest.fixture
def no_page(monkeypatch):
    """Writes a page of one word: how pages look is told elsewhere."""

    def write(self, out):
        Path(out).mkdir(exist_ok=True)
        OwnedFiles(Path(out)).write("index.html", " ".join(self.models).encode())
        return Path(out) / "index.html"

    monkeypatch.setattr(Study, "report", write)


def well(result):
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def assert_equal(one: Path, other: Path) -> None:
    a, b = Study.load(one), Study.load(other)
    assert a.models == b.models
    assert list(a.measured) == list(b.measured)
    for name, part in a.measured.items():
        xr.testing.assert_equal(part, b.measured[name])
    for name in ("created", "plan"):
        a.results.attrs.pop(name), b.results.attrs.pop(name)
    assert a.results.attrs == b.results.attrs
    if a.untrained is not None:
        assert_equal(one / "untrained", other / "untrained")


@pytest.mark.usefixtures("no_page")
@pytest.mark.parametrize("more", [(), pytest.param(("--statistics", "--untrained"), marks=pytest.mark.slow)])
def test_extract_measure_and_report_give_what_compare_gives(jaxsim, tmp_path, monkeypatch, more) -> None:
    models, more = ("vit=embedded:vit_digits", "embedded:vit_digits"), (*more, "--pool", "mean", "--pool", "vit=cls")
    well(jaxsim("compare", *models, *ASKED, *more, "--out", tmp_path / "whole"))
    out = tmp_path / "stages"
    assert well(jaxsim("extract", *models, *ASKED, *more, "--out", out, "--quiet")) == f"{out}\n"
    assert not (out / "study.nc").exists()

    def refuse(*args, **kwargs):
        raise AssertionError("a model was run")

    monkeypatch.setattr(extraction_module, "extract_together", refuse)
    monkeypatch.setattr("jaxsim.study.run.inputs.load_model", refuse)
    well(jaxsim("measure", "--out", out))
    assert not (out / "index.html").exists()
    assert well(jaxsim("report", out, "--quiet")) == f"{out / 'index.html'}\n"
    assert_equal(tmp_path / "whole", out)
    assert Study.load(out).results.attrs["pool"] == "cls (vit), mean (vit_digits)"


@pytest.mark.slow
@pytest.mark.usefixtures("no_page")
def test_the_settings_that_a_run_leaves_make_the_same_study_elsewhere(jaxsim, photos, tmp_path, monkeypatch) -> None:
    (tmp_path / "kinds.csv").write_text("".join(f"{i:02d}.png,{i % 3}\n" for i in range(24)))
    np.save(tmp_path / "size.npy", np.arange(48.0).reshape(24, 2))
    monkeypatch.chdir(tmp_path)
    asked = ("--images", "photos", "--labels", "kind=kinds.csv", "--space", "size=size.npy", "--splits", "0")
    more = ("--steps", "*block*", "--drop-steps", "vit/block01", "--ties", "expected", "--clip", "0.05,0.95")
    well(jaxsim("compare", *MODELS, *asked, *more, "--groups", "kinds.csv", "--seed", "3", "--out", "here"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    well(jaxsim("compare", "--config", tmp_path / "here" / CONFIG, "--out", "there"))
    one, other = Study.load(tmp_path / "here"), Study.load("there")
    for name in ("results", "information", "label_overlap"):
        xr.testing.assert_equal(getattr(one, name), getattr(other, name))
    assert other.results.attrs["ties"] == "expected"
    assert (tmp_path / "here" / CONFIG).read_text() == Path("there", CONFIG).read_text()
    # What is written on the command line goes before the file.
    well(jaxsim("extract", "--config", Path("there") / CONFIG, "--seed", "4", "--out", "third", "--quiet"))
    assert tomllib.loads(Path("third", CONFIG).read_text())["seed"] == 4


def test_settings_are_written_without_a_run(jaxsim, tmp_path) -> None:
    text = well(jaxsim("compare", *MODELS, *ASKED, "--write-config", "-"))
    assert tomllib.loads(text)["models"] == ["vit=embedded:vit_digits", "embedded:resnet_digits"]
    file = tmp_path / "study.toml"
    well(jaxsim("compare", *MODELS, *ASKED, "--write-config", file))
    assert file.read_text() == text
    assert "exists; choose another name" in jaxsim("compare", *MODELS, "--write-config", file).stderr
    assert list(tmp_path.iterdir()) == [file]


def test_every_option_survives_a_file(tmp_path) -> None:
    given = {
        "count": ("3", 3), "flag": (True, True), "counts": ("1,10", (1, 10)), "names": ("cka", ("cka",)),
        "globs": (["block*", 'odd"name'], ("block*", 'odd"name')), "quantiles": ("0.05,0.95", (0.05, 0.95)),
        "text by model": (["cls", "a b=mean"], {"*": "cls", "a b": "mean"}),
        "size by model": (["vit=224x160", "cnn=96"], {"vit": (224, 160), "cnn": 96}),
    }  # fmt: skip
    texts = {"metric": "cosine", "ties": "expected", "granularity": "hf", "precision": "float64", "plan": "two-pass"}
    texts["dtype"] = "bfloat16"
    options = {}
    for name, option in OPTIONS.items():
        if option.kind == "text":
            options[name] = texts[name]
        elif option.kind in given and name != "describe":
            written, expected = given[option.kind]
            written = int(written) if option.kind == "count" else written
            assert read_option(option, written) == (int(expected) if option.kind == "count" else expected)
            options[name] = read_option(option, written)
    config = Config((("a=b", "embedded:vit_digits"),), "digits", options | {"groups": "near_duplicates"})
    (tmp_path / "x.toml").write_text(as_toml(config, "1"))
    back = read_config(tmp_path / "x.toml")
    assert back.models == config.models
    lists = {name: list(value) if isinstance(value, tuple) else value for name, value in back.options.items()}
    for name, value in config.options.items():
        expected = list(value) if isinstance(value, tuple) else value
        if isinstance(value, dict):
            expected = {key: list(each) if isinstance(each, tuple) else each for key, each in value.items()}
        assert lists[name] == expected, name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('images = "digits"\nimage = 3', "line 2: there is no setting 'image'; did you mean images"),
        ("k = 1\n\nn_samples = 0", "line 3: expected n_samples to be an integer of at least 1, got 0"),
        ('metric = "manhattan"', "line 1: expected metric to be one of euclidean"),
        ("[pool]\nvit = 3", "line 1: expected pool as 'mean'"),
        ('seed = 1\nmeasures = ["ckaa"]', "line 2: unknown measure 'ckaa'"),
        ('seed = 1\nlabels = "a.csv"', "line 2: expected labels as a table from names to files"),
        ("models = []", "line 1: expected models as a list of sources"),
        ('untrained = "yes"', "line 1: expected untrained to be True or False"),
        ("k = [1\nseed = 2", "line 2: expected TOML, got "),
        ('# k\n"k" = "1"', "line 2: expected every k to be an integer"),
    ],
)
def test_a_setting_that_is_wrong_is_told_with_its_line(jaxsim, tmp_path, text, said) -> None:
    (tmp_path / "study.toml").write_text(text)
    result = jaxsim("compare", MODELS[0], "--config", tmp_path / "study.toml", "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert f"study.toml, {said}" in result.stderr
    assert not (tmp_path / "run").exists()


def test_lines_of_keys() -> None:
    text = '# k = 1\nk = 1\n[labels]\nk = "a"\n[pool.x]\n'
    assert [line_of(text, key) for key in ("k", "labels", "pool")] == [2, 3, 5]


def test_paths_of_a_file_are_relative_to_it(tmp_path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "study.toml").write_text('images = "photos"\nmodels = ["a=photos", "org/vit"]\n[labels]\nx = "x.csv"')
    found = read_config(tmp_path / "study.toml")
    assert found.images == str(tmp_path / "photos")
    assert found.models == (("a", str(tmp_path / "photos")), ("", "org/vit"))
    assert found.options["labels"] == {"x": str(tmp_path / "x.csv")}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compare", "--out", "x"), "expected MODEL..."),
        (("compare", MODELS[0]), f"report, got none: jaxsim compare {MODELS[0]} --out study"),
        (("extract", "x=a b", MODELS[0]), f"got none: jaxsim extract 'x=a b' {MODELS[0]} --out study"),
        (("measure",), "that jaxsim extract has written to, got none: jaxsim measure --out FOLDER"),
        (("measure", "a.npz", "b.npz"), "got none: jaxsim measure a.npz b.npz --out FOLDER"),
        (
            ("compare", *MODELS, *ASKED, "--out", "s3://bucket/x"),
            "on a disk, got 's3://bucket/x'; a bucket holds features",
        ),
        (("inspect", "gs://bucket/x"), "on a disk, got 'gs://bucket/x'; a bucket"),
        (("report", "gs://bucket/x"), "on a disk, got 'gs://bucket/x'; a bucket"),
        (("compare", "--config", "s3://b/study.toml", "--out", "x"), "on a disk, got 's3://b/study.toml'; copy it"),
        (("compare", *MODELS, "--write-config", "s3://b/study.toml"), "on a disk, got 's3://b/study.toml'; copy it"),
        (("compare", "nofile.h5", *ASKED, "--out", "x"), "nofile.h5: there is no such file; expected a directory"),
        (("extract", "a/model.safetensors", *ASKED, "--out", "x"), "a/model.safetensors: there is no such file"),
        (("compare", "models/", *ASKED, "--out", "x"), "models/: no such directory"),
        (("compare", "ftp://host/a", *ASKED, "--out", "x"), "a model as a directory on a disk or a hub id, got 'ftp:"),
        (("compare", MODELS[0], "--images", "no.npz", "--out", "x"), "images, came a file that does not exist: no.npz"),
        (("compare", MODELS[0], "--samples", "0", *ASKED[:2], "--out", "x"), "expected n_samples (--samples) to be an"),
        (("compare", "=x", "--out", "x"), "expected a model as SOURCE or NAME=SOURCE"),
        (("compare", MODELS[0], MODELS[0], *ASKED, "--out", "x"), "models of different names, got 'vit' twice"),
        (("compare", *MODELS, *ASKED, "--pool", "cnn=cls", "--out", "x"), "pool to name models of the comparison (vit"),
        (("compare", MODELS[0], "--pool", "cls", "--pool", "mean", "--out", "x"), "--pool once for every model"),
        (("compare", MODELS[1], *ASKED, "--image-size", "vit=96", "--out", "x"), "models by name where image_size"),
        (("measure", "--out", "x"), "no finished features in"),
        (
            ("measure", MODELS[0], "--out", "x", "--images", "digits"),
            "no finished features of 'vit' with pooling",
        ),
        (("report", "nowhere"), "expected a folder written by Study.save, but there is none at nowhere"),
        (("report", "."), "expected a folder written by Study.save, but . has no study.nc"),
        (("report", "nowhere", "--rename", "a=b"), "expected --to FOLDER"),
        (("inspect", "nowhere"), "there is none at nowhere"),
        (("inspect", "."), "was written by jaxsim; give the folder of a study"),
    ],
)
def test_what_cannot_be_done_is_one_line(jaxsim, tmp_path, monkeypatch, arguments, said) -> None:
    monkeypatch.chdir(tmp_path)
    result = jaxsim(*arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_measuring_what_was_extracted_is_told_with_its_folder(jaxsim, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my run" / "features").mkdir(parents=True)
    result = jaxsim("measure", "my run")
    assert result.exit_code == 2
    assert result.stderr.endswith("has written to, got none: jaxsim measure --out 'my run'\n")


def test_features_that_exist_are_no_models_that_were_extracted(jaxsim, tmp_path) -> None:
    np.savez(tmp_path / "a.npz", one=np.eye(5))
    result = jaxsim("measure", tmp_path / "a.npz", "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "a.npz', which holds features itself: jaxsim.compare (jaxsim compare) measures" in result.stderr


@pytest.mark.usefixtures("no_page")
def test_features_alone_are_told_as_samples_with_the_numbers_of_the_page(jaxsim, tmp_path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4))
    for name, width in (("a", 2), ("b", 3)):
        np.savez(
            tmp_path / f"{name}.npz",
            one=x,
            two=x[:, :width],
            three=x @ rng.normal(size=(4, 4)) + rng.normal(size=x.shape),
        )
    asked = ("--splits", "2", "--findings", "--out", tmp_path / "run")
    text = well(jaxsim("compare", tmp_path / "a.npz", tmp_path / "b.npz", *asked))
    assert "samples      60, queries: all of them" in text
    assert "features     as given, none to extract" in text
    assert "2 models, 60 samples, information imbalance at k = 1" in text
    assert "every change the mean of both directions" in " ".join(text.split())
    told = text.partition("output  ")[2].partition("results  ")[0]
    assert re.findall(r".*\bimages?\b.*", told) == []
    # Three decimals, or two digits of what is smaller, and as many for an interval as it needs.
    assert [each for each in re.findall(r"\d\.\d+", told) if len(each) > 5 and not each.startswith("0.00")] == []
    assert (
        well(jaxsim("report", tmp_path / "run", "--models", "a", "--to", tmp_path / "x"))
        .lstrip()
        .startswith("1 model, 60")
    )


def test_files_and_columns_go_by_their_own_names(tmp_path) -> None:
    read = lambda *texts: read_option(OPTIONS["labels"], list(texts))  # noqa: E731
    expected = {"kind": "a.csv", "scene": "runs/scene.csv", "film": "column:film"}
    assert read("kind=a.csv", "runs/scene.csv", "column:film") == expected
    help_text = " ".join(CliRunner().invoke(app, ["compare", "--help"]).stdout.split())
    assert "--labels [NAME=]FILE" in help_text
    assert "by its own name without NAME" in help_text
    with pytest.raises(ValueError, match=r"as NAME=FILE, such as class=labels\.csv, or as a file that goes by its own"):
        read("column:")


@pytest.mark.slow
@pytest.mark.usefixtures("no_page")
def test_verdicts_fit_one_screen_and_are_json_too(jaxsim, tmp_path) -> None:
    out = tmp_path / "run"
    text = well(jaxsim("compare", *MODELS, *ASKED, "--out", out))
    summary = text.partition("2 models, 70 images")[2].splitlines()
    assert len(summary) <= 24
    assert sum(line.startswith(("Do ", "Does ")) for line in summary) == 3
    assert summary[-1] == str(out / "index.html")
    # Two numbers a sentence; the line of the number itself has it with its interval, its control and p.
    sentences = [each for line in summary if line.endswith(".") for each in line.split(". ")]
    assert len(sentences) >= 3
    assert all(len(re.findall(r"\d+", each)) <= 2 for each in sentences), sentences
    numbers = [line for line in summary if line.startswith("  ") and line.strip().startswith("vit")]
    assert [line.count(":") for line in numbers] == [1, 1]
    assert "decided" not in text
    assert "Smoothness" not in text
    assert "alignment: vit | resnet_digits" in well(jaxsim("report", out, "--findings"))

    again = json.loads(well(jaxsim("compare", *MODELS, *ASKED, "--out", out, "--json", "--findings")))
    study = Study.load(out)
    assert again["page"] == str(out / "index.html")
    assert again["reused"] == ["features of vit", "features of resnet_digits", "imbalance"]
    assert [(each["k"], each["claim"], each["verdict"]) for each in again["verdicts"]] == [
        (int(k), str(c), str(study.verdicts.verdict.sel(k=k, claim=c).item()))
        for k in study.verdicts.k.values
        for c in study.verdicts.claim.values
    ]
    assert len(again["findings"]) == study.findings.sizes["finding"] * 2
    assert well(jaxsim("compare", *MODELS, *ASKED, "--out", out, "--quiet")) == f"{out / 'index.html'}\n"


@pytest.mark.usefixtures("no_page")
def test_a_folder_is_inspected(jaxsim, tmp_path, monkeypatch) -> None:
    out = tmp_path / "run"
    well(jaxsim("extract", *MODELS, *ASKED, "--out", out, "--quiet"))
    before = json.loads(well(jaxsim("inspect", out, "--json")))
    assert [(each["folder"], each["state"]) for each in before["features"]] == [
        ("features/resnet_digits", "whole"),
        ("features/vit", "whole"),
    ]
    assert before["study"] is None
    assert all(set(each["seconds"]) == set(STAGES) for each in before["features"])
    monkeypatch.setattr(sys, "argv", ["/usr/bin/jaxsim", "measure", "--out", "my run", "--quiet"])
    well(jaxsim("measure", "--out", out, "--quiet"))
    text = well(jaxsim("inspect", out))
    assert "features/vit" in text
    assert "command      jaxsim measure --out 'my run' --quiet" in text
    assert re.search(
        r"time of features/vit: decode \d+\.\d s, preprocess .* device .* \(waited .* s for images\)", text
    )
    found = json.loads(well(jaxsim("inspect", out, "--json")))
    assert found["study"]["state"] == "whole"
    assert found["study"]["models"] == {"vit": 10, "resnet_digits": 9}
    assert found["study"]["made"]["command"] == Study.load(out).results.attrs["command"]
    assert found["files"]["changed"] == []
    assert found["settings"] == str(out / CONFIG)
    # A later run without intervals removes what rests on them; what somebody else took away is gone.
    well(jaxsim("measure", "--out", out, "--quiet", "--splits", "0"))
    assert not (out / "halves.nc").exists()
    assert json.loads(well(jaxsim("inspect", out, "--json")))["files"]["gone"] == []
    assert "gone" not in well(jaxsim("inspect", out))
    (out / "verdicts.csv").unlink()
    assert "gone: verdicts.csv" in " ".join(well(jaxsim("inspect", out)).split())
    well(jaxsim("measure", "--out", out, "--quiet", "--splits", "2"))
    (out / "halves.nc").write_bytes(b"x")
    (out / "features" / "vit" / "manifest.json").write_text("{")
    damaged = json.loads(well(jaxsim("inspect", out, "--json")))
    assert damaged["files"]["changed"] == ["halves.nc"]
    assert damaged["study"]["state"].startswith("damaged: ")
    assert [each["state"][:8] for each in damaged["features"]] == ["whole", "damaged:"]
    assert (
        json.loads(well(jaxsim("inspect", out / "features" / "resnet_digits", "--json")))["features"][0]["steps"] == 9
    )


@pytest.mark.slow
@pytest.mark.usefixtures("no_page")
def test_a_page_of_a_part_under_other_names(jaxsim, tmp_path) -> None:
    well(jaxsim("extract", *MODELS, *ASKED, "--out", tmp_path / "run", "--quiet"))
    well(jaxsim("measure", "--out", tmp_path / "run", "--quiet"))
    page = tmp_path / "page"
    well(jaxsim("report", tmp_path / "run", "--to", page, "--models", "v*", "--rename", "vit=ViT-S/16", "--k", "3"))
    assert (page / "index.html").read_text() == "ViT-S/16"


@pytest.mark.parametrize("command", ["models", "metrics", "info"])
def test_tables_are_json_too(jaxsim, command) -> None:
    found = json.loads(well(jaxsim(command, "--json")))
    expected = {"models": "families", "metrics": "Measures of two layers", "info": "versions"}
    assert found[expected[command]]


def test_version_and_short_help(jaxsim) -> None:
    assert well(jaxsim("--version")).strip() == jaxsim_package.__version__
    for words in (["-h"], ["compare", "-h"], ["report", "-h"]):
        assert well(jaxsim(*words)).startswith("Usage: ")


def test_every_option_is_on_the_command_line(jaxsim) -> None:
    text = well(jaxsim("compare", "-h"))
    assert all(option.on_command_line in text for option in OPTIONS.values())
    assert "[default: euclidean]" in " ".join(text.split())


def test_a_shell_completes_commands() -> None:
    program = "import sys; sys.argv = ['jaxsim']; from jaxsim.cli import main; main()"
    asked = {"_JAXSIM_COMPLETE": "complete_bash", "COMP_WORDS": "jaxsim m", "COMP_CWORD": "1"}
    found = subprocess.run([sys.executable, "-c", program], env=os.environ | asked, capture_output=True, text=True)
    assert found.stdout.split() == ["measure", "models", "metrics"], found.stderr


def test_a_file_alone_goes_by_its_own_name() -> None:
    assert read_option(OPTIONS["labels"], ["a/kind.csv", "x=b.csv"]) == {"kind": "a/kind.csv", "x": "b.csv"}


def test_names_of_models() -> None:
    assert read_model("a=b=c") == ("a", "b=c")
    assert read_model("org/model") == ("", "org/model")


def test_no_cell_of_a_table_is_broken(capsys) -> None:
    name = "org/a_very_long_name_of_a_model-" + "x" * 200
    print_table(Console(width=40, force_terminal=True, color_system=None), "T", ("model", "<b"), [(name, name)])
    assert name in capsys.readouterr().out
