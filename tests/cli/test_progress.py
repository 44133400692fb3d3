import io
import sys

import pytest
from rich.console import Console

from jaxsim.data.stage_times import tell_stages
from jaxsim.study.progress import LineProgress, asked_progress, shown_progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lines_of(*events: tuple[float, int, int]) -> list[str]:
    """What is printed for events (seconds, done, total)."""
    stream, clock = io.StringIO(), Clock()
    progress = LineProgress(Console(file=stream, width=200), clock)
    for now, done, total in events:
        clock.now = now
        progress(done, total, "work")
    return stream.getvalue().splitlines()


def test_a_line_at_the_start_every_ten_seconds_and_at_the_end() -> None:
    lines = lines_of((0, 0, 1000), (5, 50, 1000), (10, 100, 1000), (15, 150, 1000), (100, 1000, 1000))
    assert lines == [
        "work: 0/1,000",
        "work: 100/1,000, 10.0/s, about 90 s left".replace("90 s", "2 min"),
        "work: 1,000/1,000, 10.0/s, done",
    ]


def test_what_was_there_before_is_not_speed() -> None:
    lines = lines_of((0, 900, 1000), (10, 950, 1000))
    assert lines == ["work: 900/1,000", "work: 950/1,000, 5.0/s, about 10 s left"]


def test_the_end_is_told_once() -> None:
    assert lines_of((0, 5, 5), (1, 5, 5), (30, 5, 5)) == ["work: 5/5"]


def test_a_terminal_gets_bars_with_rate_and_remaining_time() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    with shown_progress(console) as progress:
        for done in range(0, 101, 10):
            progress(done, 100, "features of vit")
    text = stream.getvalue()
    assert "features of vit" in text
    assert "100/100" in text
    assert "/s" in text


def test_lines_and_bars_say_where_the_time_goes() -> None:
    seconds = {"decode": 3.0, "preprocess": 1.0, "wait": 9.0, "device": 0.8, "write": 0.2}
    for terminal in (False, True):
        stream = io.StringIO()
        with shown_progress(Console(file=stream, force_terminal=terminal, width=200)) as progress:
            progress(0, 10, "features of vit")
            tell_stages("features of another", {"decode": 1.0})
            tell_stages("features of vit", seconds)
            progress(10, 10, "features of vit")
        assert "decode 60 %, preprocess 20 %, device 16 %, write 4 %" in stream.getvalue()
        assert "decode 100 %" not in stream.getvalue()
    stream = io.StringIO()
    with shown_progress(Console(file=stream, width=200)) as progress:
        progress(1, 10, "work")
    tell_stages("work", seconds)  # nobody listens any more
    assert stream.getvalue() == "work: 1/10\n"


class TestAsked:
    def test_true_shows_and_false_does_not(self, capsys) -> None:
        with asked_progress(True) as progress:
            assert progress is not None
            progress(2, 2, "statistics of the images")
        assert "statistics of the images: 2/2" in capsys.readouterr().err
        with asked_progress(False) as progress:
            assert progress is None

    def test_by_default_in_interactive_sessions_alone(self, monkeypatch) -> None:
        with asked_progress(None) as progress:
            assert progress is None
        monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
        with asked_progress(None) as progress:
            assert progress is not None

    def test_a_callable_is_itself_and_anything_else_is_refused(self) -> None:
        with asked_progress(print) as progress:
            assert progress is print
        with pytest.raises(ValueError, match="expected progress to be called as"), asked_progress("yes"):
            pass
