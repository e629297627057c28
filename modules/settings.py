"""The settings of a stack: typed, validated, documented; presets, and what an environment changes of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lambdas.shared.providers.registry import REGISTRY
from modules.validation import SettingsError, Validated, setting

# Provider 5.100.0 knows these runtimes; 3.14 is not among them, and 3.11 is near its end on Lambda.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
RUNTIMES = ("python3.12", "python3.13")
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/cloudwatch_log_group
LOG_RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)

_ENVIRONMENT = re.compile(r"[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?", re.ASCII)
_PROVIDER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)
# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
_TAG_VALUE = re.compile(r"[\w .:/=+@-]{1,256}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ApiSettings(Validated):
    """Settings of the REST API."""

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
    max_body_bytes: int = setting(
        4 * 1024 * 1024,
        unit="bytes",
        low=1,
        high=4_500_000,
        doc="Largest payload accepted; a larger one is answered 413. Lambda takes 6 MB, in which base64 leaves 4.5 MB.",
    )
    api_key: bool = setting(
        False,
        doc="Ask for an API key on the webhook endpoints, with a usage plan of the stage's throttle.",
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
    memory: int = setting(512, unit="MB", low=128, high=10_240, doc="Memory, and the share of CPU that comes with it.")
    timeout: int = setting(
        30,
        unit="s",
        low=1,
        high=50,
        doc="Time-out. A sixth of the queue's visibility timeout at most, so that a message is not received again "
        "while it is being processed.",
    )
    ingestion_reserved_concurrency: int = setting(
        50,
        unit="executions",
        low=1,
        high=10_000,
        doc="Reserved for ingestion; 1,000 requests/s leave 50 ms each.",
    )
    processing_reserved_concurrency: int = setting(
        100,
        unit="executions",
        low=2,
        high=10_000,
        doc="Reserved for processing, and the most that its event source mapping uses.",
    )
    log_retention: int = setting(7, unit="days", choices=LOG_RETENTION_DAYS, doc="How long logs are kept.")
    log_level: str = setting("INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"), doc="Level of the functions' logs.")


@dataclass(frozen=True, kw_only=True)
class QueueSettings(Validated):
    """Settings of the main queue and its dead letter queue."""

    fifo: bool = setting(False, doc="FIFO queues, ordered by provider.")
    visibility_timeout: int = setting(
        300,
        unit="s",
        low=1,
        high=43_200,
        doc="How long a received message stays invisible to other receivers.",
    )
    max_receive_count: int = setting(
        3,
        unit="receives",
        low=1,
        high=1_000,
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
    batch_size: int = setting(10, unit="messages", low=1, high=10, doc="Messages in one invocation of processing.")


@dataclass(frozen=True, kw_only=True)
class StorageSettings(Validated):
    """Settings of the table and the archive bucket."""

    glacier_after: int = setting(30, unit="days", low=1, high=36_500, doc="When payloads move to Glacier.")
    glacier_minimum_size: int = setting(
        1,
        unit="bytes",
        low=1,
        high=1_099_511_627_776,
        doc="Only objects larger than this move; S3's own default of 131,072 would leave most payloads where they "
        "are. Each move costs a request, and each object in Glacier 40 KB of overhead, so that a larger value is the "
        "cheaper one for small payloads.",
    )
    noncurrent_versions: int = setting(
        30,
        unit="days",
        low=1,
        high=36_500,
        doc="How long overwritten or deleted versions are kept.",
    )


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


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(Validated):
    """Settings of the network."""

    vpc: bool = setting(False, doc="Run the functions in private subnets of a VPC, with endpoints instead of NAT.")


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


@dataclass(frozen=True, kw_only=True)
class BackendSettings(Validated):
    """Where Terraform's state is kept: an S3 bucket, locked by a file beside the state."""

    bucket: str = setting(doc="Bucket of the state; it must exist.")
    key: str = setting(doc="Object key of the state.")
    region: str = setting("us-east-1", doc="Region of the bucket.")

    def __post_init__(self) -> None:
        """Check that nothing is empty."""
        super().__post_init__()
        for name in ("bucket", "key", "region"):
            if not getattr(self, name):
                raise SettingsError(f"{name}: '' is not allowed; allowed: a text that is not empty")


@dataclass(frozen=True, kw_only=True)
class Settings(Validated):
    """All settings of one stack.

    Raises
    ------
    SettingsError
        When a value is wrong, alone or together with another.
    """

    environment: str = setting(
        "dev",
        doc="Environment suffix: lower-case letters, digits and inner hyphens, 16 at most. Ends every name.",
    )
    preset: str = setting(
        "standard",
        choices=("standard", "ordered", "burst"),
        doc="The preset that the other settings start from.",
    )
    region: str = setting("us-east-1", doc="AWS region.")
    service: str = setting("webhooks", doc="Value of the tag Service.")
    providers: Mapping[str, str] = setting(
        factory=lambda: {name: name for name in ("stripe", "github", "standard-webhooks", "generic")},
        doc="Deployed providers: the name in the URL, and the entry of the registry behind it.",
    )
    backend: BackendSettings | None = setting(None, doc="Remote state; without it, state is a local file.")
    api: ApiSettings = setting(factory=ApiSettings, doc="The REST API.")
    functions: FunctionSettings = setting(factory=FunctionSettings, doc="The Lambda functions.")
    queue: QueueSettings = setting(factory=QueueSettings, doc="The main queue and its dead letter queue.")
    storage: StorageSettings = setting(factory=StorageSettings, doc="The table and the archive bucket.")
    routing: RoutingSettings = setting(factory=RoutingSettings, doc="The event bus.")
    network: NetworkSettings = setting(factory=NetworkSettings, doc="The network.")
    monitoring: MonitoringSettings = setting(factory=MonitoringSettings, doc="The alarms.")

    def __post_init__(self) -> None:
        """Check every field, and those that depend on each other."""
        super().__post_init__()
        if not _ENVIRONMENT.fullmatch(self.environment):
            raise SettingsError(
                f"environment: {self.environment!r} is not allowed; allowed: 1 to 16 lower-case letters, digits "
                "and inner hyphens"
            )
        if not _TAG_VALUE.fullmatch(self.service):
            raise SettingsError(
                f"service: {self.service!r} is not allowed; allowed: 1 to 256 letters, digits, blanks and any of "
                "+ - = . _ : / @"
            )
        if not _REGION.fullmatch(self.region):
            raise SettingsError(f"region: {self.region!r} is not the name of an AWS region")
        self._check_providers()
        self._check_queue()

    def _check_queue(self) -> None:
        if 6 * self.functions.timeout > self.queue.visibility_timeout:
            raise SettingsError(
                f"queue.visibility_timeout: {self.queue.visibility_timeout} s is less than six times "
                f"functions.timeout, {self.functions.timeout} s: a message would be received again while it is being "
                "processed"
            )
        in_flight = self.queue.visibility_timeout * self.queue.max_receive_count
        if self.queue.retention <= in_flight:
            raise SettingsError(
                f"queue.retention: {self.queue.retention} s is no longer than queue.max_receive_count times "
                f"queue.visibility_timeout, {in_flight} s: a message would expire before its last receive, and be lost"
            )

    def _check_providers(self) -> None:
        if not self.providers:
            raise SettingsError("providers: none is given, and a stack without one receives nothing")
        for name, registered in self.providers.items():
            if not _PROVIDER_NAME.fullmatch(name):
                raise SettingsError(
                    f"providers: {name!r} is not allowed; allowed: 1 to 32 lower-case letters, digits and inner hyphens"
                )
            if not isinstance(registered, str) or registered not in REGISTRY:
                raise SettingsError(f"providers.{name}: {registered!r} is none of {', '.join(REGISTRY)}")
