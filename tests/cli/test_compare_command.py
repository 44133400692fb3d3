import re

import numpy as np
import pytest
from typer.testing import CliRunner

import jaxsim.study.run.kept as kept_module
import jaxsim.study.run.measurement as measurement_module
from jaxsim.cli.app import app
from jaxsim.study import Study


@pytest.fixture
def jaxsim():
    return lambda *args, **options: CliRunner().invoke(app, [str(arg) for arg in args], **options)


def test_plan_summary_and_the_path_of_the_page(jaxsim, checkpoint, photos, tmp_path) -> None:
    out = tmp_path / "run"
    result = jaxsim(
        "compare",
        checkpoint(0),
        checkpoint(1),
        "--images",
        photos,
        "--out",
        out,
        "--k",
        "1,5",
        "--queries",
        12,
        "--findings",
    )
    assert result.exit_code == 0, result.output
    plan, summary = result.stdout.split("Smoothness", 1)
    assert re.search(r"images +24, queries: 12", plan)
    assert re.search(r"layers +8, so 64 ordered pairs", plan)
    assert re.search(rf"distances +{12 * 24 * 8:,}", plan)
    assert re.search(r"features +about 6\.1 kB on disk", plan)
    assert "vit0 | vit1" in summary
    assert result.stdout.splitlines()[-1] == str(out / "index.html")
    assert (out / "index.html").is_file()
    assert "features of vit1: 24/24" in result.stderr
    assert Study.load(out).imbalance.k.values.tolist() == [1, 5]
    # Readable in a file: no control characters in either stream.
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", result.output)


def test_a_second_run_says_what_it_reuses(jaxsim, checkpoint, photos, tmp_path) -> None:
    command = ("compare", checkpoint(0), "--images", photos, "--out", tmp_path / "run")
    assert "reused" not in jaxsim(*command).stdout
    second = jaxsim(*command)
    assert second.exit_code == 0, second.output
    assert "reused       features of vit0, imbalance" in second.stdout


def test_steps_and_ties_are_chosen(jaxsim, checkpoint, photos, tmp_path) -> None:
    result = jaxsim(
        *("compare", checkpoint(0), "--images", photos, "--out", tmp_path / "run", "--ties", "expected"),
        *("--steps", "block*", "--steps", "vit0/norm", "--drop-steps", "block01"),
    )
    assert result.exit_code == 0, result.output
    assert re.search(r"steps +block\*, vit0/norm without block01", result.stdout)
    study = Study.load(tmp_path / "run")
    assert study.imbalance.source_step.values.tolist() == ["block00", "norm"]
    assert study.results.attrs["ties"] == "expected"


def test_labels_and_groups_come_from_files(jaxsim, checkpoint, photos, tmp_path) -> None:
    (tmp_path / "labels.csv").write_text("".join(f"{i:02d}.png,{'cat' if i % 3 else 'dog'}\n" for i in range(24)))
    (tmp_path / "groups.txt").write_text("\n".join(str(i // 2) for i in range(24)))
    result = jaxsim(
        *("compare", checkpoint(0), "--images", photos, "--out", tmp_path / "run"),
        *("--labels", f"animal={tmp_path / 'labels.csv'}", "--groups", tmp_path / "groups.txt"),
        "--findings",
    )
    assert result.exit_code == 0, result.output
    shared = Study.load(tmp_path / "run").label_overlap.sel(k=1, label="animal")
    assert f"{shared.overlap.values[0]:.3f}" in result.stdout
    assert re.search(rf"by chance[ |]+{float(shared.chance):.3f}", result.stdout)
    # Of a pair only others are neighbours.
    kinds = np.array([i % 3 > 0 for i in range(24)])
    others = np.arange(24)[:, None] // 2 != np.arange(24) // 2
    assert shared.chance == pytest.approx((((kinds[:, None] == kinds) & others).sum(1) / 22).mean())


@pytest.mark.slow
def test_statistics_are_measured_and_told(jaxsim, checkpoint, photos, tmp_path) -> None:
    result = jaxsim(
        "compare", checkpoint(0), "--images", photos, "--out", tmp_path / "run", "--statistics", "--findings"
    )
    assert result.exit_code == 0, result.output
    assert "statistics   of the images" in result.stdout
    assert "What steps know of other spaces" in result.stdout
    known = Study.load(tmp_path / "run").information
    assert known is not None
    first = known.forward.sel(k=1).values[0]
    assert f"{first[0]:.3f}" in result.stdout


@pytest.mark.slow
def test_damaged_images_are_told(jaxsim, checkpoint, photos, tmp_path) -> None:
    (photos / "03.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    command = ("compare", checkpoint(0), "--images", photos, "--out")
    result = jaxsim(*command, tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "1 damaged image: 03.png" in result.stdout
    strict = jaxsim(*command, tmp_path / "strict", "--strict")
    assert strict.exit_code == 2
    assert "03.png" in strict.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--k", "0"), "every k to be an integer of at least 1, got 0"),
        (("--k", "one"), "expected --k as integers separated by commas"),
        (("--k", "23"), "at least k + 2 = 25 samples for k=23, got 24"),
        (("--samples", "99"), "99"),
        (("--ties", "random"), "one of index, expected, got 'random'"),
        (("--splits", "1"), "n_splits (--splits) to be an integer from 2 to 15"),
        (("--steps", "blok00"), "'blok00' matches none; nearest are: block00"),
        (("--labels", "class"), "expected --labels as NAME=FILE"),
        (("--metric", "manhattan"), "one of euclidean, cosine, correlation"),
        (("--pool", "median"), "median"),
        (("--image-size", "big"), "expected --image-size as 224"),
        (("--image-size", "8x8x8"), "expected --image-size as 224"),
        (("--images", "nowhere"), "nowhere"),
        (("--out", "{photos}/00.png/run"), "cannot write to the output folder"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(jaxsim, checkpoint, photos, tmp_path, change, message) -> None:
    options = {"--images": photos, "--out": tmp_path / "run"} | {change[0]: change[1].format(photos=photos)}
    result = jaxsim("compare", checkpoint(0), *(part for option in options.items() for part in option))
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output


def test_a_model_that_cannot_be_loaded_is_exit_code_2(jaxsim, photos, tmp_path) -> None:
    (tmp_path / "model").mkdir()
    result = jaxsim("compare", tmp_path / "model", "--images", photos, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "config.json" in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("by_option", [True, False])
def test_the_traceback_is_shown_when_asked_for(jaxsim, photos, tmp_path, by_option) -> None:
    result = jaxsim(
        *("compare", tmp_path, "--images", photos, "--out", tmp_path / "run", "--k", "0"),
        *(("--traceback",) if by_option else ()),
        env={} if by_option else {"JAXSIM_TRACEBACK": "1"},
    )
    assert isinstance(result.exception, ValueError)


def test_usage_errors_are_exit_code_2(jaxsim) -> None:
    result = jaxsim("compare")
    assert result.exit_code == 2
    assert "MODEL" in result.stderr


@pytest.mark.parametrize("overwrite", [False, True])
def test_ctrl_c_says_what_is_kept(jaxsim, checkpoint, photos, tmp_path, monkeypatch, overwrite) -> None:
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    out = tmp_path / "run"
    command = ("compare", checkpoint(0), "--images", photos, "--out", out)
    with monkeypatch.context() as patch:
        patch.setattr(measurement_module, "measure_layers", interrupt)
        result = jaxsim(*command, *(("--overwrite",) if overwrite else ()))
    assert result.exit_code == 130
    last = result.stderr.splitlines()[-1]
    assert last.startswith("interrupted: ")
    assert ("without it" in last) if overwrite else (f"kept in {out}" in last and "continues from there" in last)
    assert "reused       features of vit0\n" in jaxsim(*command).stdout


def test_a_full_disk_is_one_line_and_exit_code_1(jaxsim, checkpoint, photos, tmp_path, monkeypatch) -> None:
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_module, "save_measurement", fail)
    result = jaxsim("compare", checkpoint(0), "--images", photos, "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "error: [Errno 28] No space left on device"


@pytest.mark.filterwarnings("default")
def test_warnings_are_single_lines(jaxsim, checkpoint, photos, tmp_path) -> None:
    first, second = ((photos / name).read_bytes() for name in ("00.png", "01.png"))
    for place, path in enumerate(photos.iterdir()):
        path.write_bytes((first, second)[place % 2])
    result = jaxsim("compare", checkpoint(0), "--images", photos, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert lines
    assert ".py:" not in result.stderr
