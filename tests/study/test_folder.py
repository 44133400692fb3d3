from pathlib import Path

import pytest

from jaxsim.study.run.folder import check_writable, feature_folders


def test_checking_leaves_nothing_behind(tmp_path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").mkdir()
    check_writable(tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize("below", ["", "deeper/run"])
def test_a_file_in_the_way_is_refused(tmp_path, below) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match=r"cannot write to the output folder .*file.*choose another one"):
        check_writable(tmp_path / "file" / below)


def test_a_file_system_that_refuses_is_named(tmp_path, monkeypatch) -> None:
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ValueError, match="Permission denied; choose another one"):
        check_writable(tmp_path / "new")


def test_feature_folders_are_distinct_on_every_file_system(tmp_path) -> None:
    folders = feature_folders(tmp_path, ["ViT", "vit", "org/vit", "..", "vit-2"])
    names = [path.name for path in folders.values()]
    assert names == ["ViT", "vit-2", "org_vit", "model", "vit-2-2"]
    assert all(path.parent == tmp_path / "features" for path in folders.values())
