"""The settings of delivery: typed, validated, documented like those of the inbound stack."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.delivery.domain.ids import is_tenant_id
from lambdas.delivery.domain.quotas import MAX_ENDPOINTS, STANDARD_PLAN
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.domain.retry_schedules import STANDARD_WEBHOOKS
from lambdas.delivery.sending.urls import PUBLIC_HTTPS
from lambdas.delivery_api.environment import ApiEnvironment
from lambdas.delivery_worker.environment import WorkerEnvironment
from lambdas.inbound.providers.fields import is_identifier
from modules.settings.formats import BUCKET, CERTIFICATE_ARN, EVENT_BUS, HOST, MEMORY
from modules.settings.validation import SettingsError, Validated, setting
from modules.settings.variables import check_room

_MAX_RATE = 10_000
_PLAN = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
# Variables of functions besides a text that grows with a setting, with the longest names and numbers.
_OTHERS_OF_WORKER, _OTHERS_OF_OPERATOR, _OTHERS_OF_DOCS = 900, 960, 260
# An origin as a content security policy has it, whose port and path stay as they are.
# https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy/frame-ancestors
_FRAME = re.compile(rf"https://{HOST.pattern}(:[0-9]{{1,5}})?", re.ASCII)
_LOCAL_FRAME = re.compile(r"https?://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?", re.ASCII)
_REFUSED_HOST = re.compile(r"[a-z0-9.*-]{1,253}", re.ASCII)
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
TARGETS_OF_A_RULE = 5
# Each account has a rule, which the policies of two queues name, and one pattern names all accounts of a provider.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html
_MAX_ACCOUNTS = 40
_MAX_ACCOUNTS_CHARS = 1_500
# What starting, reading a batch and recording what came of it may take besides the attempts.
WORKER_OVERHEAD_SECONDS = 15
ORIGINAL = "original"


@dataclass(frozen=True, kw_only=True)
class DomainSettings(Validated):
    """A custom domain of the delivery API, with a certificate that exists."""

    name: str = setting(
        doc="Host name of the API, such as `hooks.example.com`. Its DNS record is yours to make; the output "
        "`domain_target` is what it points to.",
        rule=HOST,
    )
    certificate_arn: str = setting(
        doc="ARN of its certificate in ACM, in the stack's own region. Neither certificate nor DNS is managed here.",
        rule=CERTIFICATE_ARN,
    )


@dataclass(frozen=True, kw_only=True)
class TenantRate(Validated):
    """How much one tenant may send."""

    rate: int = setting(unit="requests/s", low=1, high=_MAX_RATE, doc="Steady rate.")
    burst: int = setting(unit="requests", low=1, high=_MAX_RATE, doc="Requests that may come at once.")


@dataclass(frozen=True, kw_only=True)
class DeliverySettings(Validated):
    """Settings of the delivery stack.

    Raises
    ------
    SettingsError
        When a value is wrong, alone or together with another.
    """

    throttle_rate: int = setting(
        1_000,
        unit="requests/s",
        low=1,
        high=10_000,
        doc="Steady rate of the API's stage, for all tenants together.",
    )
    throttle_burst: int = setting(2_000, unit="requests", low=1, high=10_000, doc="Burst of the API's stage.")
    tenant_throttle: bool = setting(
        True,
        doc="Give each tenant a rate of its own, by usage plans of API Gateway. False where the API is emulated by "
        "something that takes no API key from an authorizer, as the local AWS is, and in the first deployment that "
        "upgrades a stack without them.",
    )
    tenant_rate: int = setting(
        100,
        unit="requests/s",
        low=1,
        high=10_000,
        doc="Steady rate of a tenant in the plan `standard`, in which a new tenant is. API Gateway keeps to it about.",
    )
    tenant_burst: int = setting(200, unit="requests", low=1, high=10_000, doc="Burst of such a tenant.")
    tenant_plans: Mapping[str, Any] = setting(
        factory=dict,
        doc="Other plans, to which an operator's call assigns a tenant: name to rate and burst, such as "
        '`{"large": {"rate": 500, "burst": 1000}}`.',
    )
    tenant_events_per_day: int = setting(
        ApiEnvironment.tenant_events_per_day,
        unit="events",
        low=1,
        high=1_000_000_000,
        doc="Events that a tenant may hand in on a day, in UTC, unless an operator's call says otherwise. Inbound "
        "events are not counted.",
    )
    tenant_endpoints: int = setting(
        ApiEnvironment.tenant_endpoints,
        unit="endpoints",
        low=1,
        high=MAX_ENDPOINTS,
        doc="Endpoints of a tenant, unless an operator's call says otherwise.",
    )
    refused_hosts: Sequence[str] = setting(
        (),
        doc="Hosts that no endpoint may have, besides the API's own; `*` stands for any characters. Name the inbound "
        "API's host here if a tenant could sign requests to it.",
    )
    max_event_bytes: int = setting(
        ApiEnvironment.max_event_bytes,
        unit="bytes",
        low=1_024,
        high=350_000,
        doc="Largest payload of an event; a larger one is answered 413. An item of the events table holds 400 KB.",
    )
    memory: int = setting(512, rule=MEMORY, doc="Memory of the functions behind the API.")
    timeout: int = setting(
        15, unit="s", low=3, high=29, doc="Time-out of the functions behind the API, which waits for 29 s at most."
    )
    worker_memory: int = setting(
        1_024, unit="MB", low=256, high=10_240, doc="Memory of the worker, which makes the attempts of a batch at once."
    )
    worker_timeout: int = setting(60, unit="s", low=20, high=300, doc="Time-out of the worker.")
    worker_concurrency: int = setting(
        50,
        unit="executions",
        low=2,
        high=1_000,
        doc="Workers at once: reserved, and the most that the event source mapping uses.",
    )
    docs: bool = setting(
        True,
        doc="Serve the API's document, at `/openapi.json`, and the pages that show it, `/docs` and `/redoc`, to "
        "everybody. The public keys are there in any case.",
    )
    docs_concurrency: int = setting(
        5,
        unit="executions",
        low=1,
        high=1_000,
        doc="Reserved for the function that serves documents, the portal's pages and public keys, and the most that it "
        "gets, so that nobody uses up the account's executions with it. Each serves ten requests a second.",
    )
    portal: bool = setting(
        True,
        doc="Serve the portal, at `/portal`: with a link that the operators' API makes, a tenant manages its endpoints "
        "there. False also refuses links, and tokens of links that were made before.",
    )
    portal_frames: Sequence[str] = setting(
        (),
        doc="Sites that may show the portal in a frame, such as `https://app.example.com`; `https://*.example.com` for "
        "all below a name.",
    )
    batch_size: int = setting(10, unit="messages", low=1, high=10, doc="Messages in one invocation of the worker.")
    visibility_timeout: int = setting(
        180,
        unit="s",
        low=60,
        high=43_200,
        doc="How long a message that a worker received stays invisible to others. Three times "
        "`delivery.worker_timeout` at least: six times, as for other queues, is not needed here, since a "
        "delivery that a worker has claimed is nobody else's until its lease ends.",
    )
    max_receive_count: int = setting(
        5,
        unit="receives",
        low=2,
        high=1_000,
        doc="Receives before a message goes to the dead letter queue, which only faults of the pipeline itself reach: "
        "an endpoint that fails is a state of its delivery.",
    )
    retention: int = setting(
        345_600, unit="s", low=3_600, high=1_209_599, doc="How long the delivery queue keeps a message."
    )
    attempt_timeout: int = setting(
        int(WorkerEnvironment.attempt_timeout),
        unit="s",
        low=1,
        high=60,
        doc="How long an endpoint may take to answer. Of a body that takes longer, what came by then is kept.",
    )
    retry_schedule: str = setting(
        STANDARD_WEBHOOKS.name,
        choices=("standard-webhooks", "minutes"),
        doc="When a failed delivery is tried again, unless its endpoint says otherwise: `standard-webhooks` from "
        "seconds to days, `minutes` after 1, 2, 4, 8 and 16.",
    )
    endpoint_rules: str = setting(
        PUBLIC_HTTPS,
        choices=("public-https", "local"),
        doc="Which endpoints tenants may name. `local` allows plain HTTP and loopback addresses, for tests and use on "
        "one machine only: in AWS it lets tenants reach what must not be reached.",
    )
    disable_after: int = setting(
        int(WorkerEnvironment.disable_after_hours),
        unit="hours",
        low=1,
        high=720,
        doc="Nothing but failures for so long, and an endpoint is disabled.",
    )
    delivered_ttl: int = setting(
        Retention.delivered_days,
        unit="days",
        low=1,
        high=365,
        doc="How long what was delivered is kept, its payload included.",
    )
    dead_ttl: int = setting(
        Retention.dead_days, unit="days", low=1, high=365, doc="How long what was given up is kept for a requeue."
    )
    tenant_metrics: bool = setting(
        WorkerEnvironment.tenant_metrics,
        doc="Count deliveries by tenant, too, and by tenant and provider. Each of these with traffic in a month is "
        "three custom metrics that CloudWatch bills.",
    )
    receiver: bool = setting(
        False,
        doc="Deploy the receiver: public routes that verify the signatures of a tenant's endpoint and simulate faults, "
        "for tests of your own.",
    )
    bus_name: str | None = setting(
        None,
        rule=EVENT_BUS,
        doc="Event bus whose events `delivery.subscriptions` hands to tenants; without it, that of the inbound stack "
        "of the same environment.",
    )
    subscriptions: Mapping[str, Any] = setting(
        factory=dict,
        doc="Inbound events that become events of tenants, with no code between: deployed provider, and the id of the "
        f'tenant, or a list of up to {TARGETS_OF_A_RULE}; or, by account, `{{"acct_1": "acme", "acct_2": "globex"}}`: '
        "events of no listed account go to no tenant, and an alarm tells of them.",
    )
    subscription_payload: str = setting(
        ORIGINAL,
        choices=(ORIGINAL, "reference"),
        doc="What such an event carries: `original`, the payload as the provider sent it, which the worker reads from "
        "the archive bucket; or `reference`, the inbound event as it is, which says where the payload is.",
    )
    archive_bucket: str | None = setting(
        None,
        rule=BUCKET,
        doc="Archive bucket of the inbound stack that `delivery.bus_name` belongs to; without it, that of the same "
        "environment.",
    )
    domain: DomainSettings | None = setting(None, doc="A custom domain; without it, the API has the one of AWS.")

    def __post_init__(self) -> None:
        """Check every field, and those that depend on each other."""
        super().__post_init__()
        self._check_times()
        self._check_subscriptions()
        self._check_plans()
        for host in self.refused_hosts:
            if not _REFUSED_HOST.fullmatch(host):
                raise SettingsError(
                    f"refused_hosts: {host!r} is not allowed; allowed: host names in lower case, with *"
                )
        hosts = ",".join((*([self.domain.name] if self.domain else []), *self.refused_hosts))
        check_room(f"refused_hosts: {len(self.refused_hosts)}", hosts, others=_OTHERS_OF_WORKER)
        names = ",".join((*([self.domain.name] if self.domain else []), *self.plans))
        check_room(f"tenant_plans: {len(self.tenant_plans)}", names, others=_OTHERS_OF_OPERATOR)
        self._check_frames()

    @property
    def plans(self) -> Mapping[str, TenantRate]:
        """Usage plan to the rate of a tenant in it; none where tenants have no rates of their own."""
        if not self.tenant_throttle:
            return {}
        others = {name: TenantRate(**plan) for name, plan in self.tenant_plans.items()}
        return {STANDARD_PLAN: TenantRate(rate=self.tenant_rate, burst=self.tenant_burst), **others}

    @property
    def tenants_of(self) -> Mapping[str, Mapping[str | None, tuple[str, ...]]]:
        """Deployed provider to account to the tenants that get its events; None is any account."""
        return {
            provider: {account: tuple(_listed(tenants)) for account, tenants in given.items()}
            if isinstance(given, Mapping)
            else {None: tuple(_listed(given))}
            for provider, given in self.subscriptions.items()
        }

    def by_account(self, provider: str) -> bool:
        """Return whether the tenants that get a provider's events depend on the account."""
        return isinstance(self.subscriptions[provider], Mapping)

    @property
    def reads_archive(self) -> bool:
        """Whether the worker reads payloads from the archive bucket."""
        return bool(self.subscriptions) and self.subscription_payload == ORIGINAL

    def _check_times(self) -> None:
        if self.visibility_timeout < 3 * self.worker_timeout:
            raise SettingsError(
                f"visibility_timeout: {self.visibility_timeout} s is less than three times delivery.worker_timeout, "
                f"{self.worker_timeout} s"
            )
        if self.attempt_timeout + WORKER_OVERHEAD_SECONDS > self.worker_timeout:
            raise SettingsError(
                f"attempt_timeout: {self.attempt_timeout} s leaves less than {WORKER_OVERHEAD_SECONDS} s of "
                f"delivery.worker_timeout, {self.worker_timeout} s, to record what came of an attempt"
            )
        in_flight = self.visibility_timeout * self.max_receive_count
        if self.retention <= in_flight:
            raise SettingsError(
                f"retention: {self.retention} s is no longer than delivery.max_receive_count times "
                f"delivery.visibility_timeout, {in_flight} s: a message would expire before its last receive, and be "
                "lost"
            )

    def _check_frames(self) -> None:
        local = self.endpoint_rules != PUBLIC_HTTPS
        for frame in self.portal_frames:
            if not (_FRAME.fullmatch(frame) or (local and _LOCAL_FRAME.fullmatch(frame))):
                raise SettingsError(
                    f"portal_frames: {frame!r} is not allowed; allowed: https:// and a host name in lower case, with a "
                    "port or not; localhost only where delivery.endpoint_rules is 'local'"
                )
        check_room(f"portal_frames: {len(self.portal_frames)}", " ".join(self.portal_frames), others=_OTHERS_OF_DOCS)

    def _check_plans(self) -> None:
        for name, plan in self.tenant_plans.items():
            if not _PLAN.fullmatch(name) or name in (STANDARD_PLAN, "shared"):
                raise SettingsError(
                    f"tenant_plans: {name!r} is not allowed; allowed: up to 32 small letters, digits and "
                    f"underscores, and neither {STANDARD_PLAN} nor shared"
                )
            try:
                TenantRate(**plan)
            except (TypeError, SettingsError) as error:
                raise SettingsError(
                    f"tenant_plans.{name}: {plan!r} is not allowed; allowed: rate and burst, each 1 to {_MAX_RATE}"
                ) from error

    def _check_subscriptions(self) -> None:
        for provider, accounts in self.tenants_of.items():
            if not accounts:
                raise SettingsError(f"subscriptions.{provider}: {self.subscriptions[provider]!r} names no tenant")
            for account, tenants in accounts.items():
                check_tenants(f"subscriptions.{provider}", account, tenants)
            if len(json.dumps([*accounts])) > _MAX_ACCOUNTS_CHARS:
                raise SettingsError(
                    f"subscriptions.{provider}: {len(accounts)} accounts are too many for the pattern of a rule; "
                    f"allowed: as many as take {_MAX_ACCOUNTS_CHARS:,} characters together"
                )
        if (
            count := sum(len(accounts) for accounts in self.tenants_of.values() if None not in accounts)
        ) > _MAX_ACCOUNTS:
            raise SettingsError(f"subscriptions: {count} accounts are not allowed; allowed: up to {_MAX_ACCOUNTS}")


def check_tenants(field: str, account: Any, tenants: Sequence[Any]) -> None:
    """Check who gets the events of an account, or of any where it is None."""
    if account is not None:
        if not is_identifier(account):
            raise SettingsError(f"{field}: {account!r} is not an account; allowed: texts without blanks")
        field += f".{account}"
    if not tenants:
        raise SettingsError(f"{field}: {list(tenants)!r} names no tenant")
    for tenant in tenants:
        if not isinstance(tenant, str) or not is_tenant_id(tenant):
            raise SettingsError(f"{field}: {tenant!r} is not the id of a tenant")
    if len(set(tenants)) < len(tenants) or len(tenants) > TARGETS_OF_A_RULE:
        raise SettingsError(
            f"{field}: {len(tenants)} tenants are not allowed; allowed: up to "
            f"{TARGETS_OF_A_RULE} different ones, as many as a rule has targets"
        )


def _listed(tenants: Any) -> Iterator[Any]:
    """Yield one tenant, or those of a list."""
    yield from tenants if isinstance(tenants, list | tuple) else (tenants,)
