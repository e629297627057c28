"""A simulated load as a picture."""

from pathlib import Path

import matplotlib as mpl

from tools.estimate.simulate.outcome import Outcome
from tools.estimate.simulate.scenarios import Scenario

mpl.use("Agg")

from matplotlib import pyplot


def draw(name: str, scenario: Scenario, outcome: Outcome, busy_status: int, path: Path) -> None:
    """Write a PNG with what senders see, what waits, and what runs, second by second."""
    seconds = [second.at for second in outcome.seconds]
    figure, (answers, backlog, running) = pyplot.subplots(3, 1, figsize=(10, 9), sharex=True, layout="constrained")
    figure.suptitle(f"{name}: {scenario.title}")
    answers.stackplot(
        seconds,
        [second.accepted for second in outcome.seconds],
        [second.throttled for second in outcome.seconds],
        [second.busy for second in outcome.seconds],
        [second.timed_out for second in outcome.seconds],
        labels=["202", "429, over the throttle", f"{busy_status}, no execution free", "504"],
        colors=["#2a7f62", "#e0a030", "#c0504d", "#404040"],
    )
    answers.set_ylabel("answers a second")
    answers.legend(loc="upper right")
    backlog.fill_between(seconds, [second.backlog for second in outcome.seconds], color="#4f6d9a")
    backlog.set_ylabel("events that wait\nor are processed")
    running.plot(seconds, [second.ingestion for second in outcome.seconds], label="ingestion", color="#2a7f62")
    running.plot(seconds, [second.processing for second in outcome.seconds], label="processing", color="#4f6d9a")
    running.set_ylabel("executions")
    running.set_xlabel("seconds")
    running.legend(loc="upper right")
    for axes in (answers, backlog, running):
        axes.axvline(scenario.since, color="#808080", linewidth=0.8, linestyle="--")
        axes.set_ylim(bottom=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without the date and version that a PNG would carry, the same run gives the same file.
    figure.savefig(path, dpi=100, metadata={"Software": None})
    pyplot.close(figure)
