"""The settings of the inbound stack, a section for each service type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modules.settings.formats import (
    BUCKET,
    KMS_KEY,
    LOG_RETENTION,
    MEMORY,
    QUARANTINE_DAYS,
    RECEIVES,
    REGION,
    ROLE_ARN,
    STATE_KEY,
    TEXT,
)
from modules.settings.silence import Expectation, read_expectation
from modules.settings.validation import Validated, setting

# Provider 5.100.0 knows these runtimes; 3.14 is not among them, and 3.11 is near its end on Lambda.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
RUNTIMES = ("python3.12", "python3.13")


@dataclass(frozen=True, kw_only=True)
class ApiSettings(Validated):
    """Settings of the REST API."""

    ingest: str = setting(
        "function",
        choices=("function", "direct"),
        doc="What accepts requests. `function`: ingestion verifies each one before it answers 202. `direct`: API "
        "Gateway writes each one to the ingest queue and answers 202; ingestion verifies it later, drops and counts "
        "forged ones. The rate is then not limited by reserved concurrency, and a sender learns of no refusal. Needs a "
        "standard queue, and `api.max_body_bytes` of 180,000 at most.",
    )
    throttle_rate: int = setting(
        1_000,
        unit="requests/s",
        low=1,
        high=10_000,
        doc="Steady rate of the stage. The account's limit is 10,000, shared by all APIs of the region.",
    )
    throttle_burst: int = setting(
        2_000,
        unit="requests",
        low=1,
        high=10_000,
        doc="Burst of the stage. The account's limit is 5,000 unless it was raised.",
    )
    provider_rates: Mapping[str, int] = setting(
        factory=dict,
        doc='Requests/s of single providers, by deployed name: `{"shop": 100}`. Such a provider has a path and a '
        "throttle of its own, so that its flood leaves the others the rest. What it sends to `POST /webhook`, with the "
        "header `X-Provider-ID`, is not counted. 1 to 10,000.",
    )
    max_body_bytes: int = setting(
        4 * 1024 * 1024,
        unit="bytes",
        low=1,
        high=4_500_000,
        doc="Largest payload accepted. A larger one is answered 413; with `api.ingest` `direct`, if it fits into "
        "the ingest queue, 202, and is kept in that queue's dead letter queue if it is signed. Lambda "
        "takes 6 MB, in which base64 leaves 4.5 MB.",
    )
    api_key: bool = setting(
        False,
        doc="Ask for an API key in the header `x-api-key` on the webhook endpoints, with a usage plan of the stage's "
        "throttle. The key only meters: signatures authenticate.",
    )
    api_key_added_for: Sequence[str] = setting(
        (),
        doc="Deployed providers that cannot send a key themselves, but come through something that adds it, such as a "
        "CDN. Without a mention here they are refused together with `api.api_key`.",
    )
    execution_log_level: str = setting(
        "ERROR",
        choices=("ERROR", "INFO"),
        doc="API Gateway's execution log. Payloads are never logged.",
    )
    manage_account_log_role: bool = setting(
        True,
        doc="Create the account's CloudWatch role for API Gateway. There is one for each account and region: "
        "let one stack manage it, and set this to false in the others.",
    )


@dataclass(frozen=True, kw_only=True)
class FunctionSettings(Validated):
    """Settings of the Lambda functions."""

    runtime: str = setting("python3.13", choices=RUNTIMES, doc="Runtime of every function.")
    memory: int = setting(512, rule=MEMORY, doc="Memory, and the share of CPU that comes with it.")
    timeout: int = setting(
        30,
        unit="s",
        low=1,
        high=50,
        doc="Time-out. Six times this and the batch window fit into the queue's visibility timeout, so that a message "
        "is not received again while it is being processed.",
    )
    ingestion_budget: int = setting(
        50,
        unit="ms",
        low=1,
        high=29_000,
        doc="What one request may take in ingestion: `api.throttle_rate` times this is reserved. A ceiling and not an "
        "average: if requests took this long on average, one in ten would find no execution free and be told to try "
        "again.",
    )
    processing_budget: int = setting(
        100,
        unit="ms",
        low=1,
        high=30_000,
        doc="What one event may take in processing: `api.throttle_rate` times this is reserved, and is the most that "
        "the event source mapping uses. A batch of ten may take ten times as long. What comes faster waits in the "
        "queue.",
    )
    ingestion_reserved_concurrency: int | None = setting(
        None, unit="executions", low=1, high=10_000, doc="Reserved for ingestion, instead of what its budget asks for."
    )
    processing_reserved_concurrency: int | None = setting(
        None,
        unit="executions",
        low=2,
        high=10_000,
        doc="Reserved for processing, instead of what its budget asks for.",
    )
    account_concurrency: int = setting(
        1_000,
        unit="executions",
        low=200,
        high=1_000_000,
        doc="The account's limit of concurrent executions in the region, of which 100 stay unreserved. New accounts "
        "have less than the usual 1,000.",
    )
    log_retention: int = setting(7, rule=LOG_RETENTION, doc="How long logs are kept.")
    log_level: str = setting("INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"), doc="Level of the functions' logs.")
    system_log_level: str = setting(
        "WARN",
        choices=("WARN", "INFO"),
        doc="Level of what Lambda itself logs. INFO adds lines for the start and the end of each invocation, with the "
        "memory that it used; logs are paid for by the byte.",
    )


@dataclass(frozen=True, kw_only=True)
class QueueSettings(Validated):
    """Settings of the main queue and its dead letter queue."""

    fifo: bool = setting(False, doc="FIFO queues, which keep the order of `queue.ordered_by`.")
    ordered_by: str = setting(
        "provider",
        choices=("provider", "transaction"),
        doc="What a FIFO queue keeps in order. `provider`: every event of a provider waits for the one before it, "
        "which makes three calls to AWS, so that one provider has some 20 events/s; a poisoned event holds up its "
        "provider until its last receive. `transaction`: only the events of one transaction wait for each other, and "
        "throughput grows with the number of transactions. SQS looks for groups that do not wait among the first "
        "120,000 messages only, so that a backlog beyond that holds up every group.",
    )
    visibility_timeout: int = setting(
        300,
        unit="s",
        low=1,
        high=43_200,
        doc="How long a received message stays invisible to other receivers.",
    )
    max_receive_count: int = setting(
        3,
        rule=RECEIVES,
        doc="Receives before a message goes to the dead letter queue.",
    )
    retention: int = setting(
        345_600,
        unit="s",
        low=60,
        high=1_209_599,
        doc="How long the main queue keeps a message. The dead letter queue keeps it for 14 days, counted from the "
        "same moment, so this must be less.",
    )
    batch_size: int = setting(
        100,
        unit="messages",
        low=1,
        high=10_000,
        doc="Messages in one invocation of processing; Lambda hands out fewer when they are 6 MB together. What is "
        "charged for each batch and not for each event, such as `storage.archive_by` saves, falls with it. More than "
        "10 need `queue.batch_window`; a FIFO queue takes 10 at most.",
    )
    batch_window: int = setting(
        1,
        unit="s",
        low=0,
        high=300,
        doc="How long Lambda gathers messages for a batch that is not full; so much later is an event routed while "
        "little comes in. 0 takes what is there. A FIFO queue takes no other.",
    )


@dataclass(frozen=True, kw_only=True)
class StorageSettings(Validated):
    """Settings of the table and the archive bucket."""

    archive_by: str = setting(
        "batch",
        choices=("batch", "event"),
        doc="What has an object of its own in the archive. `batch`: the payloads of a batch lie in one object, and the "
        "record says key, offset and size, so that S3's price for each PUT, and later for each move to Glacier, is "
        "paid once for a batch; to erase one payload, its bytes are overwritten there. `event`: each payload, at "
        "a PUT each.",
    )
    glacier_after: int = setting(30, unit="days", low=1, high=36_500, doc="When payloads move to Glacier.")
    glacier_minimum_size: int = setting(
        1,
        unit="bytes",
        low=1,
        high=1_099_511_627_776,
        doc="Only objects larger than this move; S3's own default of 131,072 would leave most payloads where they "
        "are. Each move costs a request, and each object in Glacier 40 KB of overhead, so that a larger value is the "
        "cheaper one for small payloads. With `storage.archive_by` `batch` objects are as large as their batch.",
    )
    noncurrent_versions: int = setting(
        30,
        unit="days",
        low=1,
        high=36_500,
        doc="How long overwritten or deleted versions are kept.",
    )


@dataclass(frozen=True, kw_only=True)
class QuarantineSettings(Validated):
    """Settings of the quarantine, which keeps webhooks that were refused for their signature."""

    enabled: bool | None = setting(
        None,
        doc="Keep what is refused for its signature, so that nothing is lost while a secret is wrong. By default with "
        "`api.ingest` `direct` only, where the sender has received 202. A sender that receives 401 sends again, and "
        "true makes its answer wait until the webhook is kept.",
    )
    days: int = setting(14, rule=QUARANTINE_DAYS, doc="How long it is kept.")
    webhooks_per_hour: int = setting(
        36_000,
        unit="webhooks",
        low=1_000,
        high=3_600_000,
        doc="How many are kept of each provider in an hour, of which a webhook counts one for each 32 KB that it "
        "begins. It bounds what a flood of forgeries costs; what comes beyond is counted, and is lost.",
    )

    def is_on(self, ingest: str) -> bool:
        """Tell whether there is a quarantine, with a value of `api.ingest`."""
        return ingest == "direct" if self.enabled is None else self.enabled


@dataclass(frozen=True, kw_only=True)
class RoutingSettings(Validated):
    """Settings of the event bus."""

    archive_retention: int = setting(
        7,
        unit="days",
        low=0,
        high=36_500,
        doc="How long the bus's archive keeps events; 0 keeps them for ever.",
    )
    modes: Mapping[str, str] = setting(
        factory=dict,
        doc='Providers of which only live events are routed, by deployed name: `{"stripe": "live"}`. Test events, and '
        "those that do not say it, are archived and recorded, and end as `HELD`.",
    )
    subscribers: Mapping[str, Any] = setting(
        factory=dict,
        doc="Queues that this stack attaches to the bus: the subscriber's name, and the deployed provider whose events "
        'it gets; or `{"provider": "stripe", "match": {"mode": ["live"], "amount": [{"numeric": [">=", 100000]}]}}`, '
        "to get only events of which each member has one of the values, or a filter of EventBridge. Each is of the "
        "main queue's kind and has dead letter queues of its own. Of a FIFO subscriber all messages are one group, in "
        "order whatever `queue.ordered_by` says, which SQS gives out at 300 batches/s.",
    )

    @property
    def provider_of(self) -> Mapping[str, str]:
        """Subscriber to the deployed provider whose events it gets."""
        return {
            name: given["provider"] if isinstance(given, Mapping) else given for name, given in self.subscribers.items()
        }

    @property
    def matches(self) -> Mapping[str, Mapping[str, Any]]:
        """Subscriber to what its events must match, for those that do not get all events of their provider."""
        return {name: given["match"] for name, given in self.subscribers.items() if isinstance(given, Mapping)}


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(Validated):
    """Settings of the network."""

    vpc: bool = setting(False, doc="Run the functions in private subnets of a VPC, with endpoints instead of NAT.")
    cidr: str = setting("10.0.0.0/23", doc="Addresses of the VPC, halved into two subnets; private, /16 to /27.")
    zones: Sequence[str] = setting(("a", "b"), doc="Letters of the two availability zones of the region.")


@dataclass(frozen=True, kw_only=True)
class MonitoringSettings(Validated):
    """Settings of the alarms."""

    error_rate: int = setting(
        1, unit="%", low=1, high=100, doc="Share of failed invocations above which a function alarms."
    )
    minimum_invocations: int = setting(
        20,
        unit="invocations in 5 min",
        low=1,
        high=1_000_000,
        doc="Below this number the error rate alarms only when five or more invocations failed, so that one failure at "
        "night does not flap.",
    )
    refused_requests: int = setting(
        100,
        unit="requests in 5 min",
        low=0,
        high=100_000_000,
        doc="Requests that were answered 4xx, by API Gateway or by ingestion, above which the API alarms.",
    )
    refused_of_provider: int = setting(
        5,
        unit="webhooks in 1 h",
        low=0,
        high=100_000_000,
        doc="Refused webhooks of one provider, for any reason, above which its own alarm goes off.",
    )
    expect_every: Mapping[str, Any] = setting(
        factory=dict,
        doc='How long nothing may be accepted of a provider before its alarm goes off, by deployed name: `{"stripe": '
        '"2h"}`; or `{"shop": {"every": "6h", "except_hours": "22-6", "except_weekdays": ["sat", "sun"]}}`, in UTC. '
        "5m to 7d, in steps of 5 minutes up to a day and of an hour beyond.",
    )
    backlog_age: int = setting(
        600,
        unit="s",
        low=60,
        high=1_209_600,
        doc="Age of the oldest waiting message above which the backlog alarms.",
    )
    backlog_depth: int = setting(
        10_000,
        unit="messages",
        low=1,
        high=100_000_000,
        doc="Waiting messages above which the backlog alarms.",
    )

    @property
    def expectations(self) -> Mapping[str, Expectation]:
        """Provider to how long it may be silent."""
        return {
            name: read_expectation(f"monitoring.expect_every.{name}", given)
            for name, given in self.expect_every.items()
        }


@dataclass(frozen=True, kw_only=True)
class BackendSettings(Validated):
    """Where Terraform's state is kept: an S3 bucket, locked by a file beside the state."""

    bucket: str = setting(doc="Bucket of the state; it must exist.", rule=BUCKET)
    key: str = setting(
        doc="Object key of the inbound stack's state. That of the delivery stack has `-delivery` before its suffix.",
        rule=STATE_KEY,
    )
    region: str = setting("us-east-1", doc="Region of the bucket.", rule=REGION)
    kms_key_id: str | None = setting(
        None, doc="KMS key that encrypts the state; without it, it is S3's own key.", rule=KMS_KEY
    )
    role_arn: str | None = setting(None, doc="Role that Terraform assumes to read and write the state.", rule=ROLE_ARN)
    profile: str | None = setting(
        None, doc="Profile of the shared AWS configuration with which Terraform reads and writes the state.", rule=TEXT
    )
    use_path_style: bool = setting(
        False, doc="Put the bucket's name into the path of the URL, as S3-compatible stores other than AWS want it."
    )
