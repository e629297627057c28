"""A simulated load as text: what senders see, what waits, and for how long."""

from collections.abc import Iterator, Sequence

from tools.estimate.simulate.deployment import Deployment
from tools.estimate.simulate.needs import Needs, ingest_queue_limit, processing_limit, request_limit
from tools.estimate.simulate.outcome import Outcome
from tools.estimate.simulate.platform import Platform
from tools.estimate.simulate.scenarios import Scenario
from tools.estimate.simulate.senders import Retries
from tools.estimate.simulate.timing import Timing

_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH = 72


def deployed(name: str, deployment: Deployment, timing: Timing, platform: Platform, needed: Needs) -> Iterator[str]:
    """Yield what was read from the stack, and what follows from it before anything is simulated."""
    order = f"FIFO ({deployment.groups} groups)" if deployment.groups else "FIFO" if deployment.fifo else "standard"
    yield f"Simulation of {name}"
    yield (
        f"  from the stack   throttle {deployment.throttle_rate:,g}/s, burst {deployment.throttle_burst:,g}; reserved "
        f"{deployment.ingestion_reserved} for ingestion, {deployment.processing_reserved} for processing; {order} "
        f"queue, batches of {deployment.batch_size}, visibility {deployment.visibility_s:g} s, "
        f"{deployment.max_receives} receives"
    )
    yield (
        f"  durations        ingestion {timing.ingestion * 1000:.0f} ms, processing {timing.batch * 1000:.0f} ms and "
        f"{timing.event * 1000:.0f} ms for each event, cold start {timing.cold_start * 1000:.0f} ms (assumed from the "
        "calls that the functions make, see make cost)"
    )
    behind = ""
    if deployment.ingest_queue is not None:
        limit = ingest_queue_limit(deployment.ingest_queue, deployment, timing, platform)
        behind = f", {limit:,.0f} webhooks/s behind the ingest queue (functions.ingestion_reserved_concurrency)"
    yield (
        f"  so it takes      {request_limit(deployment, timing, platform):,.0f} webhooks/s in the request{behind} and "
        f"{processing_limit(deployment, timing, platform):,.0f} events/s behind the queue, at most"
    )
    yield (
        f"  its throttle     of {deployment.throttle_rate:,g}/s needs {needed.ingestion:,} executions of ingestion "
        f"({needed.by_duration:,} by duration, {needed.by_rate:,} because a function takes "
        f"{platform.function_rate:g} requests/s for each), {needed.processing:,} of processing to keep up, and "
        f"an account with {needed.account:,}"
    )
    yield f"  quotas to raise  {', '.join(_to_raise(deployment, platform)) or 'none of those simulated'}"
    yield ""


def _to_raise(deployment: Deployment, platform: Platform) -> Iterator[str]:
    reserved = (deployment.ingestion_reserved or 0) + (deployment.processing_reserved or 0) + platform.unreserved
    for quota, has, wants in (
        ("API Gateway's rate", platform.gateway_rate, deployment.throttle_rate),
        ("API Gateway's burst", platform.gateway_burst, deployment.throttle_burst),
        ("Lambda's concurrent executions", platform.account_concurrency, reserved),
    ):
        if wants > has:
            yield f"{quota} from {has:,g} to {wants:,g}"


def scenario(what: Scenario, outcome: Outcome, deployment: Deployment, retries: Retries) -> Iterator[str]:
    """Yield what a run came to."""
    yield f"{what.title}; senders try again {_again(retries)}"
    attempts = outcome.total("attempts")
    busy = outcome.total("busy")
    yield from _table(
        [
            ["webhooks sent", f"{outcome.sent:,}", ""],
            ["  accepted at once (202)", *_share(outcome.accepted_at_once, outcome.sent)],
            ["  accepted at a later attempt", *_share(outcome.queued - outcome.accepted_at_once, outcome.sent)],
            ["  given up by their senders", *_share(outcome.given_up, outcome.sent)],
            ["  still being tried at the end", *_share(outcome.unanswered, outcome.sent)],
            ["attempts", f"{attempts:,}", ""],
            ["  429, over the throttle", *_share(outcome.total("throttled"), attempts)],
            [f"  {deployment.busy_status}, no execution free", *_share(busy, attempts)],
            ["  504, timed out", *_share(outcome.total("timed_out"), attempts)],
            ["answered 202 within", f"{outcome.answer_s(0.5) * 1000:,.0f} ms", "for one half"],
            ["", f"{outcome.answer_s(0.99) * 1000:,.0f} ms", "for 99 of 100"],
            [
                "executions, at most",
                f"{outcome.most_ingestion:,}",
                f"of ingestion, {outcome.cold_starts:,} cold starts",
            ],
            ["", f"{outcome.most_processing:,}", "of processing"],
            ["backlog, at most", f"{outcome.most_backlog:,}", "events"],
            ["all processed", _drained(what, outcome), "after its end, with later attempts"],
            ["dead-lettered", f"{outcome.dead:,}", "events"],
        ]
    )
    yield ""
    yield from _curves(outcome)
    yield ""


def _again(retries: Retries) -> str:
    if not retries.waits:
        return "never"
    first = ", ".join(f"{wait:g}" for wait in retries.waits[:4])
    return f"after {first}{', …' if len(retries.waits) > 4 else ''} s (SENDERS={retries.name})"


def _share(part: int, whole: int) -> tuple[str, str]:
    return f"{part:,}", f"{part / whole:.1%}" if whole else ""


def _drained(what: Scenario, outcome: Outcome) -> str:
    drained = outcome.drained_after(what.since)
    return f"{outcome.left:,} left" if drained is None else f"{drained:,.0f} s"


def _curves(outcome: Outcome) -> Iterator[str]:
    width = min(_WIDTH, len(outcome.seconds))
    for label, kind in (
        ("attempts/s", "attempts"),
        ("202/s", "accepted"),
        ("429 throttle/s", "throttled"),
        ("no execution/s", "busy"),
        ("backlog", "backlog"),
        ("ingestion", "ingestion"),
        ("processing", "processing"),
    ):
        values = [getattr(second, kind) for second in outcome.seconds]
        yield f"  {label:>15} |{sparkline(values, width)}| {max(values, default=0):,} at most"
    yield f"  {'seconds':>15}  0{len(outcome.seconds):>{width - 1},}"


def sparkline(values: Sequence[float], width: int) -> str:
    """Return values as a line of blocks; each shows the largest of its stretch."""
    if not values or width < 1:
        return ""
    most = max(values)
    stretches = [values[len(values) * n // width : max(len(values) * (n + 1) // width, 1)] for n in range(width)]
    return "".join(
        _BLOCKS[0 if most == 0 else -(-int(max(stretch, default=0) * 8) // int(most * 1 + 0.5) if most >= 1 else 1)]
        for stretch in stretches
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for label, value, note in rows:
        yield f"  {label.ljust(widths[0])}  {value.rjust(widths[1])}  {note}".rstrip()


def lambda_capacity(table: Sequence[Sequence[str]], rate: float) -> Iterator[str]:
    """Yield the table of how much of a rate Lambda accepts."""
    yield f"{rate:,g} webhooks/s for a minute, from cold: share answered 202 at the first attempt"
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        yield "  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
