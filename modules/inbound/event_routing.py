"""The event bus, its archive, and a rule for each provider."""

from collections.abc import Iterable

from lambdas.processing.bus import SOURCE_PREFIX
from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.sections import RoutingSettings
from modules.synth.cdk import CloudwatchEventArchive, CloudwatchEventBus, CloudwatchEventRule, Construct


class EventRouting(Construct):
    """A custom bus with one rule for each provider, to which downstream systems attach their targets.

    The rules have no target of their own. What no rule matches would be gone, so the bus keeps an archive.

    Parameters
    ----------
    settings : RoutingSettings
        Retention of the archive.
    names : Names
        Naming of the environment.
    providers : Iterable[str]
        Deployed names.

    Attributes
    ----------
    bus : CloudwatchEventBus
        The bus.
    rules : dict[str, CloudwatchEventRule]
        Deployed name to rule.
    """

    def __init__(
        self, scope: Construct, id_: str, *, settings: RoutingSettings, names: Names, providers: Iterable[str]
    ) -> None:
        super().__init__(scope, id_)
        self.bus = pin(CloudwatchEventBus(self, "bus", name=names("events")), f"{id_}_bus")
        pin(
            CloudwatchEventArchive(
                self,
                "archive",
                name=names("events"),
                event_source_arn=self.bus.arn,
                retention_days=settings.archive_retention,
            ),
            f"{id_}_archive",
        )
        self.rules = {
            provider: CloudwatchEventRule(
                self,
                f"rule_{provider}",
                name=names("events", qualifier=provider),
                description=f"Events of {provider}; attach targets here",
                event_bus_name=self.bus.name,
                event_pattern=f'{{"source":["{SOURCE_PREFIX}{provider}"]}}',
            )
            for provider in providers
        }

    def grant_publish(self, function: WebhookFunction) -> None:
        """Allow ``events:PutEvents`` on the bus."""
        function.allow("PublishEvents", ["events:PutEvents"], [self.bus.arn])
