"""How much of a rate Lambda accepts in the request, by the duration of an invocation and the account's quotas."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tools.estimate.simulate.deployment import Deployment
from tools.estimate.simulate.model import Load, Model
from tools.estimate.simulate.platform import AWS, Platform
from tools.estimate.simulate.scenarios import uncollected
from tools.estimate.simulate.timing import Timing

SECONDS = 60.0
DURATIONS_MS = (10, 20, 50, 100)
# Above what the rate needs, for the arrivals of one second that are more than the average.
HEADROOM = 1.2


@dataclass(frozen=True, kw_only=True)
class Account:
    """What an account gives to ingestion.

    Attributes
    ----------
    name : str
        In words.
    reserved : int
        Of ingestion.
    platform : Platform
        With its quotas.
    """

    name: str
    reserved: int
    platform: Platform


def accounts(deployment: Deployment, rate: float) -> list[Account]:
    """Return the deployed reservation, the most that a default account can give, and what the rate needs."""
    most = AWS.account_concurrency - AWS.unreserved
    needed = int(rate / AWS.function_rate * HEADROOM)
    raised = replace(
        AWS,
        gateway_rate=max(AWS.gateway_rate, rate * HEADROOM),
        gateway_burst=max(AWS.gateway_burst, rate),
        account_concurrency=needed + (deployment.processing_reserved or 0) + AWS.unreserved,
    )
    return [
        Account(
            name=f"as deployed, {deployment.ingestion_reserved} reserved",
            reserved=deployment.ingestion_reserved or most,
            platform=AWS,
        ),
        Account(name=f"all of a default account, {most} reserved", reserved=most, platform=AWS),
        Account(
            name=f"the same, if only {AWS.account_rate:g} x the account's limit applied",
            reserved=most,
            platform=replace(AWS, function_rate=0.0),
        ),
        Account(
            name=f"quotas raised, {needed:,} reserved of {raised.account_concurrency:,}",
            reserved=needed,
            platform=raised,
        ),
    ]


def share_accepted(deployment: Deployment, timing: Timing, account: Account, rate: float, seed: int = 1) -> float:
    """Return the share of a rate, sent for a minute to functions that are cold, that is answered 202 at once."""
    model = Model(
        # What the account takes on top of its throttle is the platform's.
        replace(
            deployment,
            ingestion_reserved=account.reserved,
            throttle_rate=max(deployment.throttle_rate, account.platform.gateway_rate),
            throttle_burst=max(deployment.throttle_burst, account.platform.gateway_burst),
        ),
        timing,
        account.platform,
        only_ingestion=True,
        seed=seed,
    )
    with uncollected():
        outcome = model.run(Load(phases=[(SECONDS, rate)]))
    return outcome.accepted_at_once / outcome.sent


def rows(
    deployment: Deployment, timing: Timing, rate: float, durations_ms: Sequence[float] = DURATIONS_MS
) -> Iterator[list[str]]:
    """Yield the table: a head, and a row for each duration."""
    if deployment.ingest_queue is not None:
        # Nothing of Lambda is before the answer, so that neither durations nor reservations matter.
        account = Account(name="any", reserved=deployment.ingestion_reserved or 1, platform=AWS)
        yield ["accepted by", "share"]
        yield ["API Gateway and the ingest queue", f"{share_accepted(deployment, timing, account, rate):.1%}"]
        return
    given = accounts(deployment, rate)
    yield ["ingestion takes", *(account.name for account in given)]
    for duration in durations_ms:
        shares = [
            share_accepted(deployment, replace(timing, ingestion=duration / 1000), account, rate) for account in given
        ]
        yield [f"{duration:g} ms", *(f"{share:.1%}" for share in shares)]
