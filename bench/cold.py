"""What a cold start costs: import and client set-up in a fresh interpreter, and from there to the first answer."""

from collections.abc import Callable, Mapping

from bench.functions import BARE, FRAMEWORK
from bench.measure import Document, Series, interleaved, ratios
from bench.process import NOTHING, MeasuredFunction, Process
from bench.report import show
from bench.webhook import api_gateway_event

EMPTY = "empty interpreter"


def measure(
    functions: Mapping[str, MeasuredFunction], rounds: int, progress: Callable[[str], None]
) -> tuple[dict[str, dict[str, Series]], Document]:
    """Measure every function, and return the figures net of an empty interpreter, and the document.

    Functions that take webhooks also answer their first one: what is put off until then is paid for then.
    """
    event = api_gateway_event()

    def start(function: MeasuredFunction) -> Mapping[str, float]:
        with Process(function) as process:
            figures = {"cpu": process.cpu, "wall": process.wall}
            if function.module.split(".")[-1] in ("bare", "fastapi_mangum") or ".ingestion." in function.module:
                cpu, wall = process.run(1, event)
                figures |= {"firstCpu": process.cpu + cpu, "firstWall": process.wall + wall}
        return figures

    cases = {EMPTY: NOTHING, **functions}
    # Once before, so that every file has been read from the disk.
    for function in cases.values():
        start(function)
    gross = interleaved({name: (lambda f=f: start(f)) for name, f in cases.items()}, rounds, progress)  # type: ignore[misc]
    empty = gross.pop(EMPTY)["cpu"]
    # The time of an import is counted from after the interpreter's start, its CPU from before.
    net = {
        name: {figure: one.minus(empty) if figure.endswith(("cpu", "Cpu")) else one for figure, one in figures.items()}
        for name, figures in gross.items()
    }
    document = {
        "unit": "ms, net of an empty interpreter",
        "rounds": rounds,
        "emptyInterpreterCpu": empty.to_document(),
        "functions": {
            name: {
                **{figure: one.to_document() for figure, one in figures.items()},
                "ratios": ratios(figures, {peer: net[peer] for peer in (BARE, FRAMEWORK)}),
            }
            for name, figures in net.items()
        },
    }
    return net, document


def table(net: Mapping[str, Mapping[str, Series]], rounds: int) -> None:
    """Show the figures."""
    rows = []
    for name, figures in sorted(net.items(), key=lambda item: item[1]["cpu"].median):
        cpu, first = figures["cpu"], figures.get("firstCpu")
        rows.append(
            (
                name,
                f"{cpu.median:.0f}",
                f"{cpu.minimum:.0f} to {cpu.maximum:.0f}",
                f"{figures['wall'].median:.0f}",
                f"{cpu.ratio(net[BARE]['cpu']):.2f}",
                f"{cpu.ratio(net[FRAMEWORK]['cpu']):.2f}",
                f"{first.median:.0f}" if first else "",
                f"{first.ratio(net[FRAMEWORK]['firstCpu']):.2f}" if first else "",
            )
        )
    show(
        "Cold: import and client set-up in a fresh interpreter, CPU ms net of an empty one",
        ("function", "median", "min to max", "time", "of bare", "of FastAPI", "to first answer", "of FastAPI"),
        rows,
        f"{rounds} rounds, interleaved. The first answer includes the secret, TLS and SQS.",
    )
