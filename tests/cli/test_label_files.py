import json
import os

import numpy as np
import pytest

from jaxsim.cli.label_files import read_group_file, read_label_files, read_space_files
from jaxsim.cli.options import OPTIONS
from jaxsim.cli.reading import read_option


def read_labels(given: list[str]) -> dict:
    """Labels as the command line has them."""
    return read_label_files(read_option(OPTIONS["labels"], given))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "cat\ndog\ncat\n", ["cat", "dog", "cat"]),
        ("a.txt", "cat\n\ncat\n\n", ["cat", "", "cat"]),
        ("a.csv", "0.png,cat\ndeep/1.png, dog\n", {"0.png": "cat", "deep/1.png": "dog"}),
        ("a.csv", '"a,b.png",cat\r\nc.png,dog\r\n', {"a,b.png": "cat", "c.png": "dog"}),
        ("a.json", "[0, 1, 1]", [0, 1, 1]),
        ("a.json", '{"x": "cat"}', {"x": "cat"}),
    ],
)
def test_labels_in_order_or_by_id(tmp_path, name, content, expected) -> None:
    (tmp_path / name).write_text(content)
    assert read_labels([f"class={tmp_path / name}"]) == {"class": expected}


def test_arrays_of_integers_or_strings(tmp_path) -> None:
    for values in (np.array([0, 1, 1]), np.array(["cat", "dog", "dog"])):
        np.save(tmp_path / "a.npy", values)
        np.testing.assert_array_equal(read_labels([f"a={tmp_path / 'a.npy'}"])["a"], values)


def test_several_names(tmp_path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([1, 2]))
    assert list(read_labels([f"{name}={tmp_path / 'a.json'}" for name in ("class", "scene")])) == [
        "class",
        "scene",
    ]


@pytest.mark.parametrize(
    ("given", "content", "message"),
    [
        ("class", "", "--labels as NAME=FILE"),
        ("class={}.png", "", "ending in one of .csv, .txt, .json, .npy"),
        ("class={}.csv", None, "cannot read labels from .*No such file"),
        ("class={}.csv", "", "the file is empty"),
        ("class={}.csv", "a,b\nc\n", "line 2 has 1 cell$"),
        ("class={}.csv", "a,b,c\n", "line 1 has 3 cells"),
        (
            "class={}.csv",
            "a;cat\nb;dog\n",
            "labels from .*: its lines look separated by semicolons; expected commas, such as a,cat$",
        ),
        ("class={}.csv", "a\tcat\nb\tdog\n", "look separated by tabs"),
        ("class={}.csv", "id;label;note\na;cat;1,5\nb;dog;2\n", "look separated by semicolons"),
        ("class=s3://bucket/labels.csv", None, "on a disk, got 's3://bucket/labels.csv'; copy it here first"),
        ("class={}.csv", "a,b\na,c\n", "every id once, but 'a' comes twice"),
        ("class={}.json", "{", "cannot read labels"),
        ("class={}.json", "3", "a list with one entry for each image, or an object by id, got int"),
        ("class={}.npy", "no array", "cannot read labels"),
    ],
)
def test_what_cannot_be_read_is_a_value_error(tmp_path, given, content, message) -> None:
    given = given.format(tmp_path / "a")
    if content is not None and "=" in given:
        (tmp_path / given.partition("=")[2].rpartition("/")[2]).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_labels([given])


def test_semicolons_within_entries_separate_nothing(tmp_path) -> None:
    given = {"0.png,red;blue\n1.png,green;red\n": {"0.png": "red;blue", "1.png": "green;red"}}
    given |= {"red;blue\ngreen\n": ["red;blue", "green"], '"red;blue"\n"green;red"\n': ["red;blue", "green;red"]}
    for text, expected in given.items():
        (tmp_path / "a.csv").write_text(text)
        assert read_labels([f"a={tmp_path / 'a.csv'}"])["a"] == expected


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.json", "a.npy"])
def test_a_pipe_is_not_waited_for(tmp_path, name) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ValueError, match=rf"cannot read labels from .*{name}: expected a regular file, got a "):
        read_labels([f"class={tmp_path / name}"])
    with pytest.raises(ValueError, match=rf"cannot read groups from .*{name}: expected a regular file, got a "):
        read_group_file(str(tmp_path / name))


def test_labels_of_great_depth_and_arrays_that_are_not_there(tmp_path) -> None:
    (tmp_path / "a.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match=r"a\.json: nested more than 100 deep"):
        read_labels([f"class={tmp_path / 'a.json'}"])
    with (tmp_path / "a.npy").open("wb") as file:
        claim = {"descr": "<i8", "fortran_order": False, "shape": (2**40,)}
        np.lib.format.write_array_header_1_0(file, claim)
    with pytest.raises(ValueError, match=r"cannot read labels from .*a\.npy"):
        read_labels([f"class={tmp_path / 'a.npy'}"])


def test_a_name_comes_once(tmp_path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(ValueError, match="'class' twice"):
        read_labels([f"class={tmp_path / 'a.json'}"] * 2)


def test_groups_are_read_in_the_same_way(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("0.png,film\n1.png,film\n2.png,photo\n")
    assert read_group_file(str(tmp_path / "a.csv")) == {"0.png": "film", "1.png": "film", "2.png": "photo"}
    for word in ("near_duplicates", "column:film"):
        assert read_group_file(word) == word
    assert read_label_files({"class": "column:digit"}) == {"class": "column:digit"}
    with pytest.raises(ValueError, match="expected near_duplicates, column:NAME, or groups in a file ending"):
        read_group_file("near_duplicate")
    with pytest.raises(ValueError, match="cannot read groups from"):
        read_group_file(str(tmp_path / "b.csv"))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("a.txt", "0.5\n-1e3\n", [[0.5], [-1000]]),
        ("a.csv", "0.png,1,2\n1.png,3,4\n", {"0.png": [1, 2], "1.png": [3, 4]}),
        ("a.json", "[[1], [2]]", [[1], [2]]),
        ("a.json", '{"x": [1, 2]}', {"x": [1, 2]}),
    ],
)
def test_spaces_in_order_or_by_id(tmp_path, name, content, expected) -> None:
    (tmp_path / name).write_text(content)
    assert read_space_files({"pose": str(tmp_path / name)}) == {"pose": expected}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2\n3\n", "line 2 is otherwise"),
        ("a,1\nb,c\n", "line 2 is otherwise"),
        ("a\nb\n", "line 1 is otherwise"),
        ("a;1;2\nb;3;4\n", "look separated by semicolons; expected commas, such as a,1,2"),
        ("0,5;2\n1,5;3\n", "look separated by semicolons"),
        ("", "the file is empty"),
    ],
)
def test_spaces_that_are_no_numbers_are_refused(tmp_path, content, message) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(ValueError, match=rf"cannot read a space from .*{message}"):
        read_space_files({"pose": str(tmp_path / "a.csv")})
