"""The event bus, its archive, and a rule for each provider."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lambdas.processing.bus import SOURCE_PREFIX
from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.settings.sections import RoutingSettings
from modules.synth.cdk import CloudwatchEventArchive, CloudwatchEventBus, CloudwatchEventRule, Construct


def event_pattern(provider: str, match: Mapping[str, Any] | None = None) -> str:
    """Return the pattern of a provider's events, or of those of which the members of ``detail`` match."""
    detail = {"detail": match} if match else {}
    return json.dumps({"source": [SOURCE_PREFIX + provider], **detail}, separators=(",", ":"))


@checked
class EventRouting(Construct):
    """A custom bus with one rule for each provider, to which downstream systems attach their targets.

    The rules have no target of their own. What no rule matches would be gone, so the bus keeps an archive.

    Parameters
    ----------
    settings : RoutingSettings
        Retention of the archive, and what subscribers match on.
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
    matching : dict[str, CloudwatchEventRule]
        Subscriber to its rule, for those that do not get all events of their provider.
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
                event_pattern=event_pattern(provider),
            )
            for provider in providers
        }
        self.matching = {
            name: CloudwatchEventRule(
                self,
                f"match_{name}",
                name=names("match", qualifier=name),
                description=f"Those events of {settings.provider_of[name]} that {name} gets",
                event_bus_name=self.bus.name,
                event_pattern=event_pattern(settings.provider_of[name], match),
            )
            for name, match in settings.matches.items()
        }

    def rule_of(self, subscriber: str, provider: str) -> CloudwatchEventRule:
        """Return the rule that a subscriber's queue is attached to: its own, or that of all events of its provider."""
        return self.matching.get(subscriber, self.rules[provider])

    def grant_publish(self, function: WebhookFunction) -> None:
        """Allow ``events:PutEvents`` on the bus."""
        function.allow("PublishEvents", ["events:PutEvents"], [self.bus.arn])
