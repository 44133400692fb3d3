"""Where orbax's checkpoint manager keeps a run, its steps and their items."""

import numpy as np
import pytest

from jaxsim.models.google.open import find_checkpoint


@pytest.mark.parametrize("item", ["default", "my_weights"])
def test_a_run_a_step_and_an_item(tmp_path, item):
    import orbax.checkpoint as ocp

    tree = ocp.args.StandardSave({"params": {"a": np.zeros(3)}})
    with ocp.CheckpointManager(tmp_path) as manager:
        for step in (3, 20):
            manager.save(step, args=tree if item == "default" else ocp.args.Composite(my_weights=tree))
        manager.wait_until_finished()
    latest = tmp_path / "20" / item
    assert [find_checkpoint(path) for path in (tmp_path, tmp_path / "20", latest)] == [latest] * 3
    assert find_checkpoint(tmp_path / "3") == tmp_path / "3" / item
