"""How AWS behaves by default, as its documents have it; MiniStack behaves otherwise, and has its own."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any


def _limit(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Limits and habits of the services; a rate of 0 is no limit."""

    gateway_rate: float = _limit(
        10_000.0,
        "requests/s of all APIs of an account: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
    )
    gateway_burst: float = _limit(5_000.0, "their burst; same page")
    account_concurrency: int = _limit(
        1_000, "executions at once: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
    )
    unreserved: int = _limit(
        100,
        "of which so many cannot be reserved: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
    )
    scaling: float = _limit(
        1_000.0,
        "new environments of a function in 10 s, refilled all the time: "
        "https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html",
    )
    scaling_s: float = _limit(10.0, "see above")
    account_rate: float = _limit(
        10.0,
        "requests/s for each unit of the account's concurrency, however short they are: "
        "https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html",
    )
    function_rate: float = _limit(
        10.0,
        "the same of a function's reserved concurrency: "
        "https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html and https://aws.amazon.com/blogs/compute/understanding-aws-lambdas-invoke-throttle-limits/",
    )
    rate_window_s: float = _limit(0.1, "within which these requests may come at once; not documented, assumed")
    integration_timeout_s: float = _limit(
        29.0,
        "after which API Gateway answers 504: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
    )
    direct_answer_s: float = _limit(
        0.015,
        "from a request to API Gateway's own answer, once SQS has it; assumed. SQS takes any rate: "
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html",
    )
    pollers: int = _limit(
        5, "batches at once when messages come: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"
    )
    pollers_per_minute: float = _limit(300.0, "more of them while messages wait; same page")
    most_pollers: int = _limit(1_250, "of them; same page")
    throttled_s: float = _limit(
        1.0,
        "between two invocations of a batch that Lambda throttles, assumed; until its visibility timeout: "
        "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
    )
    poll_s: float = _limit(0.01, "between two batches of a poller; assumed")

    def printed(self) -> Iterator[tuple[str, Any, str]]:
        """Yield each limit's name, value and source."""
        for each in fields(self):
            yield each.name, getattr(self, each.name), each.metadata["doc"]


AWS = Platform()
