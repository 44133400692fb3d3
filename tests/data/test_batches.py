import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from jaxsim.data import DamagedImage, ImageSource, load_batches, open_images


def scaled(images):
    return np.stack(images).astype(np.float32) / 255


class Faulty(ImageSource):
    """Images of one colour, their own position, of which some are damaged."""

    def __init__(self, n, damaged=()):
        self._n, self._damaged = n, set(damaged)

    ids = property(lambda self: tuple(f"{i}.png" for i in range(self._n)))
    description = property(lambda self: {"fingerprint": ""})

    def load(self, index):
        if index in self._damaged:
            raise DamagedImage(self.ids[index], "torn")
        return np.full((2, 2, 3), index, np.uint8)


@pytest.mark.parametrize("threads", [0, 1, 3, None])
def test_all_samples_in_order_without_the_damaged(threads):
    batches = list(load_batches(Faulty(11, {1, 4, 5, 6, 7}), scaled, 4, threads=threads))
    assert [(b.start, b.stop) for b in batches] == [(0, 4), (4, 8), (8, 11)]
    assert [b.positions.tolist() for b in batches] == [[0, 2, 3], [], [8, 9, 10]]
    assert batches[1].pixels is None
    assert [p for b in batches for p, _ in b.damaged] == [1, 4, 5, 6, 7]
    for batch in (batches[0], batches[2]):
        np.testing.assert_array_equal(np.rint(batch.pixels[:, 0, 0, 0] * 255), batch.positions)


def test_start_in_the_middle():
    batches = list(load_batches(Faulty(10), scaled, 4, start=7))
    assert [b.positions.tolist() for b in batches] == [[7, 8, 9]]
    assert list(load_batches(Faulty(10), scaled, 4, start=10)) == []


def test_an_image_that_cannot_be_prepared_is_named():
    def prepare(images):
        if any(image[0, 0, 0] == 5 for image in images):
            raise ValueError("too small")
        return scaled(images)

    with pytest.raises(ValueError, match=r"image 5.png: too small"):
        list(load_batches(Faulty(10), prepare, 4))


def test_threads_end_when_the_iterator_is_closed():
    before = threading.active_count()
    batches = load_batches(open_images("digits"), scaled, 4, threads=3)
    next(batches)
    batches.close()
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before


@pytest.mark.parametrize(("arguments", "words"), [((0,), "batch_size"), ((4, -1), "start"), ((4, 11), "start")])
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        load_batches(Faulty(10), scaled, arguments[0], start=arguments[1] if len(arguments) > 1 else 0)


def test_interrupt_stops_at_once():
    program = """
        import signal, time, numpy as np
        from jaxsim.data import load_batches, open_images
        # A test run in the background of a shell starts with Ctrl-C switched off.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        def slow(images):
            time.sleep(0.05)
            return np.stack(images).astype(np.float32)
        for batch in load_batches(open_images("digits"), slow, 64, threads=2):
            print(batch.stop, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )
    try:
        assert process.stdout.readline().strip() == "64"
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert time.monotonic() - sent < 10
    assert "KeyboardInterrupt" in errors


def test_every_image_is_decoded_once_for_several_models():
    source, asked = Faulty(21, {4}), []
    load = source.load

    def counted(index):
        asked.append(index)
        return load(index)

    source.load = counted
    batches = list(load_batches(source, [scaled, lambda images: -scaled(images)], 6, threads=2))
    assert sorted(asked) == list(range(21))
    for batch in batches:
        np.testing.assert_array_equal(batch.views[0], -batch.views[1])
        assert batch.pixels is batch.views[0]


def test_images_that_cannot_be_prepared_together_are_prepared_alone():
    sizes = []

    def one_only(images):
        sizes.append(len(images))
        if len(images) > 1:
            raise ValueError("one at a time")
        return scaled(images)

    batches = list(load_batches(Faulty(5), one_only, 5, threads=0))
    assert sizes == [5, 1, 1, 1, 1, 1]
    np.testing.assert_array_equal(batches[0].pixels, next(load_batches(Faulty(5), scaled, 5)).pixels)
