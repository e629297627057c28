"""All settings of an environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modules.settings import rules
from modules.settings.delivery import DeliverySettings
from modules.settings.formats import ENVIRONMENT, REGION
from modules.settings.presets import PRESETS
from modules.settings.reconciliation import Reconciled, read_reconciled
from modules.settings.sections import (
    ApiSettings,
    BackendSettings,
    FunctionSettings,
    MonitoringSettings,
    NetworkSettings,
    QuarantineSettings,
    QueueSettings,
    RoutingSettings,
    StorageSettings,
)
from modules.settings.validation import SettingsError, Validated, setting

# How long a dead letter queue keeps a message.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
MAX_RETENTION_DAYS = 14


@dataclass(frozen=True, kw_only=True)
class Settings(Validated):
    """All settings of an environment: of its inbound stack, and of its delivery stack where it has one.

    Raises
    ------
    SettingsError
        When a value is wrong, alone or together with another.
    """

    environment: str = setting(
        "dev",
        doc="Environment suffix, which ends every name.",
        rule=ENVIRONMENT,
    )
    preset: str = setting(
        "standard",
        choices=("standard", "ordered", "burst"),
        doc="The preset that the other settings start from.",
    )
    region: str = setting("us-east-1", doc="AWS region.", rule=REGION)
    service: str = setting(
        "webhooks",
        doc="Value of the tag Service.",
        # https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
        pattern=r"[\w .:/=+@-]{1,256}",
        words="1 to 256 letters, digits, blanks and any of + - = . _ : / @",
    )
    tags: Mapping[str, str] = setting(
        factory=dict, doc="Tags of every resource, besides `Environment`, `Service`, `ManagedBy` and `Version`."
    )
    inbound: bool = setting(
        True, doc="Deploy the inbound stack. Without it, `delivery` must be there; what is said of providers is unused."
    )
    providers: Mapping[str, str] = setting(
        factory=lambda: {name: name for name in ("stripe", "github", "standard-webhooks", "generic")},
        doc="Deployed providers: the name in the URL, and the entry of the registry behind it.",
    )
    provider_options: Mapping[str, Mapping[str, str]] = setting(
        factory=dict,
        doc="What a provider's entry must or may know besides its secret, such as the URL that Square signs: deployed "
        "name, then option, see the table of providers.",
    )
    backend: BackendSettings | None = setting(None, doc="Remote state; without it, state is a local file.")
    api: ApiSettings = setting(factory=ApiSettings, doc="The REST API.")
    functions: FunctionSettings = setting(factory=FunctionSettings, doc="The Lambda functions.")
    queue: QueueSettings = setting(factory=QueueSettings, doc="The main queue and its dead letter queue.")
    storage: StorageSettings = setting(factory=StorageSettings, doc="The table and the archive bucket.")
    quarantine: QuarantineSettings = setting(
        factory=QuarantineSettings, doc="The webhooks that were refused for their signature."
    )
    reconciliation: Mapping[str, Any] = setting(
        factory=dict,
        doc='Providers of which the own list of events is compared with the records, by deployed name: `{"stripe": '
        '{"every": "1h", "overlap": "2h", "types": ["charge.*"]}}`. `types` are those that the endpoint is '
        "subscribed to; Stripe and Square list others too. GitHub needs `hook`, such as `repos/acme/shop/hooks/123`. "
        "`url` is where the provider sends to, if that is not the API's own address; for Square its option "
        "`url` says it.",
    )
    statement: bool | None = setting(
        None,
        doc="Write a statement of each day into the archive bucket: what each provider has, what was received, routed, "
        "refused and recovered, and what is open, by account. By default where `reconciliation` has a provider.",
    )
    routing: RoutingSettings = setting(factory=RoutingSettings, doc="The event bus.")
    network: NetworkSettings = setting(factory=NetworkSettings, doc="The network.")
    monitoring: MonitoringSettings = setting(factory=MonitoringSettings, doc="The alarms.")
    delivery: DeliverySettings | None = setting(None, doc="The delivery stack; without it, there is none.")

    def __post_init__(self) -> None:
        """Check every field, and those that depend on each other."""
        super().__post_init__()
        self._check_preset()
        rules.check_tags(self.tags)
        rules.check_providers(self.providers)
        rules.check_provider_options(self.providers, self.provider_options)
        rules.check_variables(self.providers, self.provider_options, environment=self.environment)
        rules.check_expectations(self.providers, self.monitoring)
        rules.check_api_key(self.providers, self.api)
        rules.check_provider_rates(self.providers, self.api)
        rules.check_ingest(self.api, self.functions, self.queue, environment=self.environment)
        rules.check_queue(self.queue)
        rules.check_queue_timeout(self.queue, self.functions)
        rules.check_modes(self.providers, self.provider_options, self.routing)
        rules.check_subscribers(self.providers, self.routing)
        rules.check_concurrency(self.api, self.functions, self.delivery, inbound=self.inbound)
        rules.check_network(self.network)
        rules.check_certificates(self.providers, self.network)
        rules.check_reconciliation(self.reconciled, self.network)
        rules.check_reconciled_variable(
            self.reconciled, self.providers, self.provider_options, environment=self.environment
        )
        rules.check_runtime(self.providers, self.functions)
        rules.check_delivery(
            self.delivery,
            self.providers,
            self.functions,
            inbound=self.inbound,
            provider_options=self.provider_options,
        )

    @property
    def reconciled(self) -> Mapping[str, Reconciled]:
        """Deployed name to how it is reconciled."""
        if unknown := sorted(set(self.reconciliation) - set(self.providers)):
            raise SettingsError(
                f"reconciliation: {unknown[0]!r} is none of the deployed providers, {', '.join(self.providers)}"
            )
        return {
            name: read_reconciled(name, given, self.providers[name], self.routing)
            for name, given in self.reconciliation.items()
        }

    @property
    def states(self) -> bool:
        """Whether a statement is made of each day."""
        return bool(self.reconciliation) if self.statement is None else self.statement

    @property
    def statement_look_back_days(self) -> int:
        """Closed days to which records may still come: from a dead letter queue, or from the quarantine."""
        quarantined = self.quarantine.days if self.quarantine.is_on(self.api.ingest) else 0
        return max(MAX_RETENTION_DAYS, quarantined)

    def _check_preset(self) -> None:
        """Check that the preset was applied, at least in part: this class only keeps its name."""
        changes = PRESETS[self.preset]
        groups = {name: values for name, values in changes.items() if isinstance(values, Mapping)}
        applied = [
            getattr(getattr(self, group), name) == value
            for group, values in groups.items()
            for name, value in values.items()
        ]
        if groups and not any(applied):
            raise SettingsError(
                f"preset: {self.preset!r} changes nothing here; call {__package__}.environments.build_settings("
                f"{self.environment!r}, {{'preset': {self.preset!r}}}), which starts from its values"
            )
