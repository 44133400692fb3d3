"""Layers are read while devices work: told by the order of events, and with the values of layers read one by one."""

import threading

import jax
import numpy as np
import pytest
from jaxsim_kernels import Options, Placement, all_pairs, device_pass
from jaxsim_kernels.plan_costs import peak_bytes
from jaxsim_kernels.prepare import place_layer
from jaxsim_kernels.reading import ReadAhead, read_layer
from jaxsim_kernels.workload import Workload

N, LAYERS, PATIENCE = 600, 3, 30


@pytest.fixture
def on_mesh():
    return Placement(mesh=jax.make_mesh((1,), ("samples",)))


class OnDisk:
    """A layer that tells when it is read."""

    def __init__(self, number: int, events: "Events") -> None:
        self.rows = np.random.default_rng(number).standard_normal((N, 8)).astype(np.float32)
        self._number, self._events = number, events
        self.shape, self.dtype = self.rows.shape, self.rows.dtype

    def __getitem__(self, at):
        self._events.begin(("read", self._number))
        return self.rows[at]


class Events:
    """What happened, in order; anything can be waited for."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self._changed = threading.Condition()

    def begin(self, event: tuple[str, int]) -> None:
        with self._changed:
            self.seen.append(event)
            self._changed.notify_all()

    def times(self, event: tuple[str, int], at_least: int) -> bool:
        """Whether it happened so often, before patience ends."""
        with self._changed:
            return self._changed.wait_for(lambda: self.seen.count(event) >= at_least, PATIENCE)


def test_two_passes_read_a_layer_while_devices_work_on_the_one_before(on_mesh, monkeypatch):
    """Devices are done with a layer only when the next is being read: read after it, it would never come."""
    events = Events()
    layers = [OnDisk(number, events) for number in range(LAYERS)]
    readings = [*range(LAYERS)] * 2
    real, calls = device_pass.wait_for, []

    def wait_for(found):
        calls.append(found)
        place = len(calls)
        if place < len(readings):
            following = readings[place]
            assert events.times(("read", following), 1 + (place >= LAYERS)), f"layer {following} came too late"
        events.begin(("done", place - 1))
        real(found)

    # Enough for one layer and a block of all rows, not for all layers at once.
    budget = peak_bytes(Workload(N, N, (8,) * LAYERS, 1), "two-pass", "count", 1024, 1024, 4)
    # Layers of this precision are float32 as they are read: once in each pass.
    options = Options(passes="two-pass", budget=budget, precision="high")
    expected = all_pairs([x.rows for x in layers], options=options, placement=on_mesh)
    assert not expected.plan.keeps_layers
    assert expected.plan.rows >= N
    monkeypatch.setattr(device_pass, "wait_for", wait_for)
    found = all_pairs(layers, options=options, placement=on_mesh)
    assert sorted(number for what, number in events.seen if what == "read") == sorted(readings)
    np.testing.assert_array_equal(found.values, expected.values)
    assert [number for what, number in events.seen if what == "done"] == list(range(len(readings)))


def test_one_pass_reads_a_layer_while_the_one_before_is_placed(on_mesh, monkeypatch):
    events, placed = Events(), []
    layers = [OnDisk(number, events) for number in range(LAYERS)]
    real = Placement.place

    def place(self, host):
        if host.ndim == 2:
            placed.append(host)
            if len(placed) < LAYERS:
                assert events.times(("read", len(placed)), 1), f"layer {len(placed)} came too late"
        return real(self, host)

    monkeypatch.setattr(Placement, "place", place)
    all_pairs(layers, options=Options(passes="one-pass"), placement=on_mesh)
    assert len(placed) == LAYERS


def test_an_error_of_reading_is_raised_where_the_layer_is_asked_for():
    def read(number):
        if number == 1:
            raise OSError("the disk is gone")
        return number

    with ReadAhead(read, [0, 1, 2]) as layers:
        assert layers.take(0) == 0
        with pytest.raises(OSError, match="the disk is gone"):
            layers.take(1)


def test_no_thread_outlives_the_reading():
    before = threading.active_count()
    with ReadAhead(lambda number: number, range(3)) as layers:
        layers.take(0)
    assert threading.active_count() == before


def test_layers_out_of_order_are_read_when_they_are_asked_for():
    asked = []
    with ReadAhead(lambda number: asked.append(number) or number, [0, 1]) as layers:
        assert [layers.take(number) for number in (1, 0, 1, 1)] == [1, 0, 1, 1]
    assert asked == [1, 0, 1, 1]


def test_a_map_of_a_file_is_read_at_once_where_that_is_asked_for(tmp_path):
    x = np.random.default_rng(0).standard_normal((512, 16)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    on_disk = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert read_layer(on_disk, "euclidean", 512).features is on_disk
    read = read_layer(on_disk, "euclidean", 512, into_memory=True)
    assert not isinstance(read.features, np.memmap)
    layers = [
        place_layer(each, on_disk, "euclidean", jax.numpy.asarray) for each in (read, read_layer(x, "euclidean", 512))
    ]
    np.testing.assert_array_equal(layers[0].features, layers[1].features)
    assert read.features is None
