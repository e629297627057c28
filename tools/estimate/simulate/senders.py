"""How senders try again what was not accepted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, kw_only=True)
class Retries:
    """A provider's way to try again.

    Attributes
    ----------
    name : str
        What it is asked for by.
    waits : Sequence[float]
        Seconds before each further attempt.
    source : str
        Where that is written.
    """

    name: str
    waits: Sequence[float]
    source: str


RETRIES: Mapping[str, Retries] = {
    each.name: each
    for each in (
        Retries(
            name="adyen",
            waits=(9.0, 18.0, 27.0, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR),
            source="9, 18 and 27 s, then from 2 minutes on at growing intervals: "
            "https://docs.adyen.com/development-resources/webhooks/troubleshoot",
        ),
        Retries(
            name="standard-webhooks",
            waits=(5.0, 5 * MINUTE, 30 * MINUTE, 2 * HOUR),
            source="the specification's schedule: "
            "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
        ),
        Retries(
            name="never",
            waits=(),
            source="as GitHub: https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries",
        ),
    )
}
