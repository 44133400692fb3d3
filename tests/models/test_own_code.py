"""Code that comes with a checkpoint: never asked for on a terminal, never run."""

import json
import os
import select
import sys

import pytest
import torch
import transformers

from jaxsim.models import load_model
from jaxsim.models.preprocessing.preprocessors import TransformersPreprocessor

SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
OWN = {"AutoImageProcessor": "own.OwnProcessor"}


@pytest.fixture
def checkpoint(tmp_path):
    """A model directory with a module that leaves a file behind when it is run."""
    directory = tmp_path / "own-code"
    torch.manual_seed(0)
    transformers.ViTModel(transformers.ViTConfig(**SMALL, image_size=16, patch_size=8)).save_pretrained(directory)
    (directory / "own.py").write_text(
        f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n"
        "from transformers import ViTImageProcessor\nclass OwnProcessor(ViTImageProcessor): pass\n"
    )
    return directory


@pytest.fixture
def terminal(monkeypatch):
    """A pseudo-terminal as stdin and stdout on which somebody has typed `y`; returns what was written to it."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "r", closefd=False) as stdin, os.fdopen(theirs, "w") as stdout:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stdout", stdout)
        os.write(ours, b"y\ny\n")
        os.read(ours, 100)  # the terminal's echo of what was typed

        def told():
            stdout.flush()
            return os.read(ours, 10_000) if select.select([ours], [], [], 0.1)[0] else b""

        yield told
        assert stdin.readline() == "y\n", "somebody read the answer"
    os.close(ours)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("preprocessor_config.json", {"auto_map": OWN}),
        ("preprocessor_config.json", {"auto_map": OWN, "image_processor_type": "OwnProcessor"}),
        ("preprocessor_config.json", {"auto_map": {"AutoProcessor": "own.OwnProcessor"}}),
        ("preprocessor_config.json", {"auto_map": "own.OwnProcessor"}),
        ("processor_config.json", {"image_processor": {"auto_map": OWN}}),
        ("processor_config.json", {"auto_map": OWN, "image_processor": {"do_resize": True}}),
    ],
)
def test_code_of_a_processor_is_refused(checkpoint, terminal, tmp_path, file, content):
    (checkpoint / file).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"code that comes with the checkpoint, which is\s+not supported"):
        load_model(checkpoint)
    assert terminal() == b""
    assert not (tmp_path / "ran").exists()


def test_code_named_in_the_configuration_is_not_run_for_the_processor(checkpoint, terminal, tmp_path):
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps({**config, "auto_map": OWN}))
    (checkpoint / "preprocessor_config.json").write_text(
        json.dumps({"image_processor_type": "ViTImageProcessor", "size": 16})
    )
    assert TransformersPreprocessor(checkpoint).description["processor"] == "ViTImageProcessorPil"
    assert terminal() == b""
    assert not (tmp_path / "ran").exists()
