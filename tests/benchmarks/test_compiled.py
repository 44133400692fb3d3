"""What compilers say of programs: read out of their text, held against what must move, compared, or absent."""

import jax
import jax.numpy as jnp
import pytest
from jaxsim_kernels import Placement

from benchmarks import compiled
from benchmarks.command_line import main
from benchmarks.compare import compared
from benchmarks.compiled_programs import WITHOUT_KERNELS, WORKLOADS, Sizes, make_program
from benchmarks.compiled_targets import TARGETS, worker_settings
from benchmarks.compiled_traffic import traffic
from benchmarks.compiled_worker import numbers
from benchmarks.peer_environments import FOLDER_VARIABLE, Absent
from benchmarks.tables import table

TOY = Sizes(1024, 16, 8, 2)

TPU_TEXT = """HloModule jit_f

%inside (p.0: f32[1024,512], p.1: s32[]) -> f32[8,512] {
  %p.0 = f32[1024,512]{1,0:T(8,128)} parameter(0)
  %p.1 = s32[]{:T(128)} parameter(1)
  %zero = s32[]{:T(128)} constant(0)
  ROOT %slice = f32[8,512]{1,0:T(8,128)S(1)} dynamic-slice(%p.0, %p.1, %zero), dynamic_slice_sizes={8,512}
}

%body (arg: (s32[], f32[1024,512])) -> (s32[], f32[1024,512]) {
  %arg = (s32[]{:T(128)}, f32[1024,512]{1,0:T(8,128)}) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%arg), index=0
  %strip = f32[1024,512]{1,0:T(8,128)} get-tuple-element(%arg), index=1
  %near = f32[8,512]{1,0:T(8,128)S(1)} fusion(%strip, %i), kind=kLoop, calls=%inside
  %sum = f32[8,512]{1,0:T(8,128)S(1)} add(%near, %near)
  ROOT %out = (s32[]{:T(128)}, f32[1024,512]{1,0:T(8,128)}) tuple(%i, %strip)
}

%condition (arg.1: (s32[], f32[1024,512])) -> pred[] {
  %turns = s32[]{:T(128)} constant(128)
  %arg.1 = (s32[]{:T(128)}, f32[1024,512]{1,0:T(8,128)}) parameter(0)
  %j = s32[]{:T(128)} get-tuple-element(%arg.1), index=0
  ROOT %less = pred[]{:T(512)} compare(%j, %turns), direction=LT
}

ENTRY %main (strip.1: f32[1024,512]) -> (s32[], f32[1024,512]) {
  %start = s32[]{:T(128)} constant(0)
  %strip.1 = f32[1024,512]{1,0:T(8,128)} parameter(0)
  %tuple.1 = (s32[]{:T(128)}, f32[1024,512]{1,0:T(8,128)}) tuple(%start, %strip.1)
  ROOT %while = (s32[]{:T(128)}, f32[1024,512]{1,0:T(8,128)}) while(%tuple.1), condition=%condition, body=%body
}
"""


def test_a_loop_over_slices_reads_the_whole_once_and_the_chips_own_memory_is_free():
    found = traffic(TPU_TEXT)
    slice_bytes, counter = 4 * 8 * 512, 4
    assert found.loops == [128]
    assert found.total == 128 * (slice_bytes + counter)
    assert found.in_later_turns == 127 * (slice_bytes + counter)


def test_a_loop_of_unknown_length_counts_once_and_is_told():
    found = traffic(TPU_TEXT.replace("direction=LT", "direction=NE"))
    assert found.loops == [None]
    assert found.total == 4 * 8 * 512 + 4


def test_an_update_in_place_writes_no_more_than_the_update():
    def step(strip, rows):
        return jax.lax.dynamic_update_slice_in_dim(strip, rows, 8, 0)

    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((4096, 512), (8, 512))]
    text = jax.jit(step, donate_argnums=0).lower(*shapes).compile().as_text()
    assert traffic(text).total < 4 * 4096 * 512


@pytest.mark.parametrize("text", ["", "HloModule nothing"])
def test_text_that_is_no_program_is_refused(text):
    with pytest.raises(ValueError, match="found no ENTRY"):
        traffic(text)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_program_compiles_where_the_tests_run(workload):
    found = numbers(make_program(workload, TOY, Placement()))
    assert found["strip_bytes"] == 4 * 8 * 1024
    assert found["bytes"] >= found["least_bytes"] / 2
    assert found["compile_seconds"] > 0


def line(workload="counts of k=1", kernels="xla", **changes):
    found = {
        "bytes": 300 * 2**20, "device_memory_bytes": 260 * 2**20, "least_bytes": 256 * 2**20,
        "temporaries": 0, "strip_bytes": 256 * 2**20,
        "estimate": 1e-3, "product_estimate": 1.1e-3, "compile_seconds": 1.0, **changes,
    }  # fmt: skip
    sizes = Sizes(65_536, 384, 1024, 24)
    return compiled.line_of(TARGETS["v5e"], {"workload": workload, "devices": 1, "kernels": kernels}, sizes, found)


def test_compare_flags_programs_that_move_or_hold_more():
    before = line()
    assert before["reached"]
    assert before["environment"]["device"]["kind"] == "TPU v5 lite, compiled for"
    for worse, name in [
        ({"bytes": 350 * 2**20}, "bytes over least"),
        ({"temporaries": 2**28}, "temporaries over strip"),
        ({"estimate": 2e-3}, "estimate over product"),
    ]:
        (flagged,) = [change for change in compared([before], [line(**worse)]) if change.regression]
        assert flagged.before.name == name
    assert not any(change.regression for change in compared([before], [line()]))
    assert not line(bytes=400 * 2**20)["reached"]


def test_a_program_without_an_estimate_is_shown_without():
    shown = table("compiled", [line(estimate=None), line("block of k=1", kernels="pallas")])
    assert "| counts of k=1 | xla | 1 |" in shown
    assert "0.91" in shown


def test_without_a_compiler_there_is_a_sentence(lines_of, monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "none"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    lines = lines_of("compiled", "--targets", "v5e,h100", "--kernels", "xla")
    assert [found["key"]["target"] for found in lines] == ["v5e", "h100"]
    assert "pip install '.[tpu]'" in lines[0]["absent"]
    assert "pip install '.[cuda]'" in lines[1]["absent"]


@pytest.mark.parametrize(
    ("words", "said"), [(("--devices", "8"), "at most 4 devices"), (("--samples", "1000"), "multiple of 512")]
)
def test_sizes_that_no_program_has_are_refused(capsys, words, said):
    assert main(["compiled", *words]) == 2
    assert said in capsys.readouterr().err


def compiler_of(name):
    try:
        TARGETS[name].interpreter(install=False)
    except Absent as reason:
        return str(reason)
    return None


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("target", TARGETS)
def test_every_program_and_kernel_compiles_for_accelerators(target):
    reason = compiler_of(target)
    if reason:
        pytest.skip(reason)
    sizes = Sizes(4096, 64, 64, 3)
    for kernels in ("xla", "pallas"):
        lines = list(compiled.compiled_for(TARGETS[target], kernels, (1, 4), list(WORKLOADS), sizes))
        assert not [found["absent"] for found in lines if "absent" in found]
        assert len(lines) == 2 * (len(WORKLOADS) - (len(WITHOUT_KERNELS) if kernels == "pallas" else 0))
        # The strip is read once where Pallas counts.
        for found in lines:
            if kernels == "pallas" and found["key"]["workload"].startswith("counts") and found["key"]["devices"] == 1:
                assert found["compiled"]["bytes over least"] < 2


def test_workers_are_told_which_kernels_and_find_the_sources():
    settings = worker_settings(TARGETS["v6e"], "pallas")
    assert settings["JAXSIM_KERNELS"] == "pallas"
    assert settings["TPU_ACCELERATOR_TYPE"] == "v6e-4"
    assert settings["JAX_PLATFORMS"] == "cpu"
