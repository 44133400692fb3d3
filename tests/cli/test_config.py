"""Files of settings that no random search is needed for."""

import pytest

from jaxsim.cli.config import Config, as_toml, read_config


def test_a_file_without_models_is_read_again(tmp_path):
    (tmp_path / "study.toml").write_text(as_toml(Config((), "digits", {"k": (1, 10)}), "1"))
    found = read_config(tmp_path / "study.toml")
    assert (found.models, found.images, found.options["k"]) == ((), "digits", (1, 10))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("k = " + "[" * 5000, "nested too deep"),
        ("seed = " + "9" * 5000, "expected TOML"),
        ("k = [", "expected TOML"),
        ("#" * 2**20 + "\n", "at most 1,048,576 bytes"),
    ],
)
def test_what_is_not_read(tmp_path, text, said):
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(ValueError, match=rf"study\.toml.*{said}"):
        read_config(tmp_path / "study.toml")


def test_line_ends_of_windows(tmp_path):
    (tmp_path / "study.toml").write_bytes(b"# settings\r\nk = [0]\r\n")
    with pytest.raises(ValueError, match="line 2"):
        read_config(tmp_path / "study.toml")
