"""What a webhook costs once ingestion runs: one HTTP event in, one SQS call out."""

from collections.abc import Callable, Mapping

from bench.functions import BARE, FRAMEWORK
from bench.measure import Document, Series, interleaved, ratios
from bench.process import MeasuredFunction, Process
from bench.report import show
from bench.webhook import api_gateway_event

BEFORE = 150
OF_A_ROUND = 100


def measure(
    functions: Mapping[str, MeasuredFunction], rounds: int, progress: Callable[[str], None]
) -> tuple[dict[str, dict[str, Series]], Document]:
    """Measure every function in a new process in each round, and return the figures and the document.

    One process may be faster than another of the same function for all its life, by where its memory came to lie.
    """
    event = api_gateway_event()

    def run(function: MeasuredFunction) -> Mapping[str, float]:
        with Process(function) as process:
            process.run(BEFORE, event)
            cpu, wall = process.run(OF_A_ROUND, event)
        return {"cpu": cpu * 1e3, "wall": wall * 1e3}

    measured = interleaved(
        {name: (lambda f=f: run(f)) for name, f in functions.items()},  # type: ignore[misc]
        rounds,
        progress,
    )
    document = {
        "unit": "microseconds a webhook",
        "rounds": rounds,
        "webhooksOfARound": OF_A_ROUND,
        "functions": {
            name: {
                **{figure: one.to_document() for figure, one in figures.items()},
                "ratios": ratios(figures, {peer: measured[peer] for peer in (BARE, FRAMEWORK)}),
            }
            for name, figures in measured.items()
        },
    }
    return measured, document


def table(measured: Mapping[str, Mapping[str, Series]], rounds: int) -> None:
    """Show the figures."""
    show(
        "Warm: one webhook in, one SQS call out, CPU in microseconds",
        ("function", "median", "min to max", "time", "of bare", "of FastAPI"),
        [
            (
                name,
                f"{figures['cpu'].median:.0f}",
                f"{figures['cpu'].minimum:.0f} to {figures['cpu'].maximum:.0f}",
                f"{figures['wall'].median:.0f}",
                f"{figures['cpu'].ratio(measured[BARE]['cpu']):.2f}",
                f"{figures['cpu'].ratio(measured[FRAMEWORK]['cpu']):.2f}",
            )
            for name, figures in sorted(measured.items(), key=lambda item: item[1]["cpu"].median)
        ],
        f"{rounds} rounds, each a new process with {OF_A_ROUND} webhooks after {BEFORE}; interleaved, over TLS to a "
        "process on this machine that answers at once.",
    )
