"""The event bus, its archive, and a rule for each provider."""

import json
from collections.abc import Collection, Mapping
from typing import Annotated, Any

from lambdas.processing.bus import SOURCE_PREFIX
from modules.constructs.naming import MAX_RULE, Names
from modules.constructs.pinning import pin
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.settings.formats import DEPLOYED
from modules.settings.rules import check_subscribers
from modules.settings.sections import RoutingSettings
from modules.synth.cdk import CloudwatchEventArchive, CloudwatchEventBus, CloudwatchEventRule, Construct

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateArchive.html
_MAX_ARCHIVE = 48


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
    providers : Collection[str]
        Deployed names.

    Attributes
    ----------
    bus : CloudwatchEventBus
        The bus.
    rules : dict[str, CloudwatchEventRule]
        Deployed name to rule.
    matching : dict[str, CloudwatchEventRule]
        Subscriber to its rule, for those that do not get all events of their provider.

    Raises
    ------
    SettingsError
        When a name is too long for AWS, or a subscriber's provider is none of these.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: RoutingSettings,
        names: Names,
        providers: Annotated[Collection[str], DEPLOYED],
    ) -> None:
        super().__init__(scope, id_)
        check_subscribers(providers, settings)
        self.bus = pin(CloudwatchEventBus(self, "bus", name=names("events")), f"{id_}_bus")
        pin(
            CloudwatchEventArchive(
                self,
                "archive",
                name=names("events", limit=_MAX_ARCHIVE),
                event_source_arn=self.bus.arn,
                retention_days=settings.archive_retention,
            ),
            f"{id_}_archive",
        )
        self.rules = {
            provider: CloudwatchEventRule(
                self,
                f"rule_{provider}",
                name=names("events", qualifier=provider, limit=MAX_RULE),
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
                name=names("match", qualifier=name, limit=MAX_RULE),
                description=f"Those events of {settings.provider_of[name]} that {name} gets",
                event_bus_name=self.bus.name,
                event_pattern=event_pattern(settings.provider_of[name], match),
            )
            for name, match in settings.matches.items()
        }

    def rule_of(self, subscriber: str, provider: str) -> CloudwatchEventRule:
        """Return the rule that a subscriber's queue is attached to: its own, or that of all events of its provider.

        Raises
        ------
        ValueError
            When there is no such provider.
        """
        if provider not in self.rules:
            raise ValueError(f"provider: {provider!r} is none of {', '.join(self.rules)}")
        return self.matching.get(subscriber, self.rules[provider])

    def grant_publish(self, function: WebhookFunction) -> None:
        """Allow ``events:PutEvents`` on the bus."""
        function.allow("PublishEvents", ["events:PutEvents"], [self.bus.arn])
