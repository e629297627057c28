"""Waiting for what is looked for, on a clock of the test's."""

from types import SimpleNamespace

import pytest

from tools.local import calls
from tools.local.calls import wait_for


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=0.0)

    def pass_by(seconds):
        clock.now += seconds

    clock.sleep = pass_by
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(calls, "time", clock)
    return clock


def test_what_a_look_finds_after_one_that_took_all_of_the_time_is_found(clock):
    def look():
        clock.now += 90
        return "found" if clock.now > 90 else None

    assert wait_for("it", look, 60) == "found"


def test_what_is_never_found_is_told(clock):
    with pytest.raises(TimeoutError, match="waited 60 s for it"):
        wait_for("it", lambda: None, 60)
    assert 60 < clock.now < 61
