"""Inbound events that become events of tenants: rules on the inbound bus, with no code between bus and queue."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any

from lambdas.delivery.queue.messages import VERSION
from lambdas.inbound.archive import RAW_PREFIX
from modules.constructs.naming import MAX_RULE, Names
from modules.constructs.pinning import pin
from modules.constructs.queues import dead_letter_queue, from_rules, protect_queue
from modules.constructs.webhook_function import WebhookFunction
from modules.inbound.event_routing import event_pattern
from modules.settings.checked import checked
from modules.settings.delivery import check_tenants
from modules.settings.formats import BUCKET, DEPLOYED, EVENT_BUS
from modules.synth.cdk import (
    CloudwatchEventRule,
    CloudwatchEventTarget,
    CloudwatchEventTargetDeadLetterConfig,
    CloudwatchEventTargetInputTransformer,
    CloudwatchEventTargetSqsTarget,
    Construct,
    DataAwsPartition,
    SqsQueue,
)

# The whole event, `detail` included.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
_WHOLE_EVENT = "<aws.events.event.json>"


@checked
class InboundSubscriptions(Construct):
    """A rule for each provider that tenants subscribe to, and a queue for what could not be handed over.

    Where tenants depend on the account, each account has a rule. One more rule, without a target, matches the events of
    no listed account: EventBridge counts them, and an alarm tells of them.

    Bus and archive bucket are named and not referred to: a reference to another stack would become a data source on
    that stack's state, which whoever deploys this one may not read, and a plan would say "known after apply" where it
    now says the name.

    Parameters
    ----------
    tenants_of : Mapping[str, Mapping[str | None, Sequence[str]]]
        Deployed provider to account to the tenants that get its events; None is any account.
    bus_name : str
        Name of the inbound bus.
    names : Names
        Naming of the stack.
    rule_names : Names
        Naming of the rules, whose names are short in AWS.

    Attributes
    ----------
    rules : dict[tuple[str, str | None], CloudwatchEventRule]
        Deployed provider and account to rule.
    unlisted : dict[str, CloudwatchEventRule]
        Deployed provider to the rule of its events of no listed account.
    undelivered : SqsQueue | None
        Gets what EventBridge could not send; None without subscriptions.

    Raises
    ------
    SettingsError
        When a rule cannot have these tenants as targets.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        tenants_of: Annotated[Mapping[str, Mapping[str | None, Sequence[str]]], DEPLOYED],
        bus_name: Annotated[str, EVENT_BUS],
        names: Names,
        rule_names: Names,
    ) -> None:
        super().__init__(scope, id_)
        for provider, accounts in tenants_of.items():
            for account, tenants in accounts.items():
                check_tenants(f"tenants_of.{provider}", account, tenants)
        self._tenants_of = tenants_of
        self.rules = {
            (provider, account): CloudwatchEventRule(
                self,
                f"rule_{provider}{_mark(account)}",
                name=rule_names("tenant", qualifier=provider, limit=MAX_RULE)
                if account is None
                else rule_names("account", qualifier=_digest(provider, account), limit=MAX_RULE),
                description=f"Events of {provider}{' and ' + account if account else ''} that become events of tenants",
                event_bus_name=bus_name,
                event_pattern=event_pattern(provider, _of_account(account) if account else None),
            )
            for provider, accounts in tenants_of.items()
            for account in accounts
        }
        self.unlisted = {
            provider: CloudwatchEventRule(
                self,
                f"rule_{provider}_unlisted",
                name=rule_names("other", qualifier=provider, limit=MAX_RULE),
                description=f"Events of {provider} of no listed account; they become events of no tenant",
                event_bus_name=bus_name,
                event_pattern=event_pattern(provider, _of_no_account(accounts)),
            )
            for provider, accounts in tenants_of.items()
            if None not in accounts
        }
        self.undelivered: SqsQueue | None = None
        if tenants_of:
            self.undelivered = pin(
                dead_letter_queue(self, "undelivered", names("undelivered"), fifo=False), f"{id_}_undelivered"
            )
            protect_queue(self, "undelivered_policy", self.undelivered, [from_rules(self.rule_arns, self.undelivered)])

    def grant_read_payloads(self, function: WebhookFunction, bucket: Annotated[str, BUCKET]) -> None:
        """Allow ``s3:GetObject`` below ``raw/`` of the archive bucket.

        S3 encrypts it with keys of its own, so that no permission on a key is needed. The bucket's policy lets in
        whoever the account lets in, over TLS; see `modules.inbound.storage_layer`.
        """
        payloads = f"arn:{self._partition}:s3:::{bucket}/{RAW_PREFIX}*"
        function.allow("ReadInboundPayloads", ["s3:GetObject"], [payloads])

    @cached_property
    def _partition(self) -> str:
        partition: str = DataAwsPartition(self, "partition").partition
        return partition

    @property
    def rule_arns(self) -> list[str]:
        """ARNs of the rules, which the queue's policy must name."""
        return [rule.arn for rule in self.rules.values()]

    def send_to(self, queue: SqsQueue) -> None:
        """Send each event to a queue, as a message for each tenant in the form that the worker reads."""
        for (provider, account), rule in self.rules.items():
            for tenant in self._tenants_of[provider][account]:
                self._target(rule, f"{provider}{_mark(account)}", tenant, queue)

    def _target(self, rule: CloudwatchEventRule, id_: str, tenant: str, queue: SqsQueue) -> None:
        assert self.undelivered is not None
        head = json.dumps({"v": VERSION, "kind": "inbound", "tenant": tenant}, separators=(",", ":"))
        CloudwatchEventTarget(
            self,
            f"{id_}_{tenant}_target",
            event_bus_name=rule.event_bus_name,
            rule=rule.name,
            target_id=tenant,
            arn=queue.arn,
            # A message group on a standard queue makes it a fair one.
            # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_SqsParameters.html
            sqs_target=CloudwatchEventTargetSqsTarget(message_group_id=tenant),
            input_transformer=CloudwatchEventTargetInputTransformer(
                input_template=f'{head.removesuffix("}")},"event":{_WHOLE_EVENT}}}'
            ),
            dead_letter_config=CloudwatchEventTargetDeadLetterConfig(arn=self.undelivered.arn),
        )


def _of_account(account: str) -> dict[str, Any]:
    # On an account that nobody signed, no tenant gets what may be another one's.
    return {"account": [account], "unsigned": ["mode", {"exists": False}]}


def _of_no_account(accounts: Iterable[str | None]) -> dict[str, Any]:
    others = {"account": [{"anything-but": [*accounts]}, {"exists": False}]}
    return {"$or": [others, {"unsigned": [{"prefix": "account"}]}]}


def _digest(*texts: str) -> str:
    """Return what stands for an account in names, which take neither its length nor all of its characters."""
    return hashlib.sha256(" ".join(texts).encode()).hexdigest()[:16]


def _mark(account: str | None) -> str:
    return "" if account is None else f"_account_{_digest(account)}"
