"""The inbound half as one Terraform stack: wiring only."""

import json
from pathlib import Path

from lambdas.dead_letter.environment import DeadLetterEnvironment
from lambdas.inbound.metrics import ACCEPTED, REFUSED
from lambdas.inbound.providers.entry import AcceptedResponse
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.ingestion.environment import IngestionEnvironment
from lambdas.operator.environment import OperatorEnvironment
from lambdas.processing.environment import ProcessingEnvironment
from lambdas.reconcile.environment import ReconcileEnvironment
from lambdas.reconcile.lists.registry import LISTS
from lambdas.replay.environment import ReplayEnvironment
from lambdas.shared.signatures.scheme import ChallengeScheme
from lambdas.statement.environment import StatementEnvironment
from lambdas.status.environment import StatusEnvironment
from modules.constructs.api_layer import ApiLayer
from modules.constructs.base_stack import BaseStack
from modules.constructs.bundling import BUNDLES
from modules.constructs.monitoring import Monitoring
from modules.constructs.naming import DELIVERY_PREFIX, Names
from modules.constructs.network import Network
from modules.constructs.policy import Statement
from modules.constructs.queue_layer import QueueLayer
from modules.constructs.schedule import HOUR, Schedule
from modules.constructs.tags import tag_everything, tags_of
from modules.guards import guard_everything
from modules.inbound.alarms import (
    DIFFERENCES_ALARM,
    EVENT_ALARMS,
    NOT_RECONCILED,
    QUARANTINE_ALARM,
    RECONCILIATION_ALARMS,
    RECOVERED_ALARM,
    STATEMENT_FAILURES_ALARM,
    STATEMENT_MISSING,
    STATEMENT_MISSING_SECONDS,
)
from modules.inbound.direct_integration import DIRECT_RESPONSES, DirectIntegration
from modules.inbound.event_routing import EventRouting
from modules.inbound.fleet import LambdaFleet
from modules.inbound.ingest_queue import IngestQueue
from modules.inbound.listen_policy import listen_policy
from modules.inbound.reconciliation import ReconciliationLayer
from modules.inbound.requalify_policy import requalify_policy
from modules.inbound.routes import (
    AUDIT,
    CHALLENGE,
    COUNTS,
    ERASE,
    EVENT,
    EVENTS,
    PAYLOAD,
    REDRIVE,
    REPLAY,
    STAGE,
    STATUS,
    WEBHOOK_BY_HEADER,
    WEBHOOK_BY_PATH,
    challenge_of,
    webhook_of,
)
from modules.inbound.secrets_layer import SecretsLayer
from modules.inbound.smoke_policy import smoke_policy
from modules.inbound.storage_layer import StorageLayer
from modules.inbound.subscriber_queues import SubscriberQueues
from modules.settings.checked import checked
from modules.settings.concurrency import reserved_concurrency
from modules.settings.model import Settings
from modules.settings.reconciliation import reconciled_variable
from modules.synth.cdk import Construct, TerraformOutput
from modules.synth.json_text import json_text

# Of the variables of the statement's function, which may have 4 KB together. A statement says it where they are more.
_MAX_TENANTS_BYTES = 1_500


@checked
class WebhookStack(BaseStack):
    """Receives webhooks, verifies them, archives, records and routes them.

    Parameters
    ----------
    settings : Settings
        All that an environment can choose.
    bundles : Path
        Folder with the functions' bundles.

    Attributes
    ----------
    guards : Guards
        What stops synth on a mistake. A subclass waives one there, with the reason.
    """

    fleet: LambdaFleet

    def __init__(self, scope: Construct, id_: str, settings: Settings, bundles: Path = BUNDLES) -> None:
        super().__init__(scope, id_, settings)
        names, account_id = self.names, self.account_id

        self._quarantines = settings.quarantine.is_on(settings.api.ingest)
        self.storage = StorageLayer(
            self,
            "storage",
            settings=settings.storage,
            names=names,
            account_id=account_id,
            quarantine_days=settings.quarantine.days if self._quarantines else None,
        )
        self.queues = QueueLayer(self, "queues", settings=settings.queue, names=names)
        direct = settings.api.ingest == "direct"
        self.ingest_queue = IngestQueue(self, "inbox", settings=settings.queue, names=names) if direct else None
        self.secrets = SecretsLayer(
            self,
            "secrets",
            providers=settings.providers,
            options=settings.provider_options,
            keyless=[name for name, entry in settings.providers.items() if not REGISTRY[entry].needs_secret],
            names=names,
        )
        self.routing = EventRouting(
            self, "routing", settings=settings.routing, names=names, providers=settings.providers
        )
        self.subscribers = SubscriberQueues(
            self,
            "subscribers",
            subscribers=settings.routing.provider_of,
            settings=settings.queue,
            names=names,
            rules={
                name: self.routing.rule_of(name, provider) for name, provider in settings.routing.provider_of.items()
            },
        )
        self.network = (
            Network(self, "network", settings=settings.network, names=names, region=settings.region)
            if settings.network.vpc
            else None
        )
        self._reserved = reserved_concurrency(settings.api.throttle_rate, settings.functions, direct=direct)
        self.fleet = LambdaFleet(
            self,
            "fleet",
            settings=settings.functions,
            names=names,
            account_id=account_id,
            bundles=bundles,
            reserved_concurrency=self._reserved,
            network=self.network,
            native_ingestion=any(REGISTRY[entry].native for entry in settings.providers.values()),
            direct=direct,
            reconciles=bool(settings.reconciliation),
            states=settings.states,
        )
        self.api = ApiLayer(
            self,
            "api",
            settings=settings.api,
            names=names,
            log_retention=settings.functions.log_retention,
            description="Receives payment webhooks",
            stage_name=STAGE,
            responses=DIRECT_RESPONSES if direct else None,
        )
        self.monitoring = Monitoring(
            self,
            "monitoring",
            settings=settings.monitoring,
            names=names,
            account_id=account_id,
            region=settings.region,
        )
        self._wire_ingestion(settings)
        if self.ingest_queue is None:
            self._route_to_ingestion(settings)
        else:
            integration = DirectIntegration(
                self.api,
                "direct",
                queue=self.ingest_queue.queue,
                region=settings.region,
                account_id=account_id,
                names=names,
            )
            self._route_to_queue(settings, integration, self.ingest_queue)
        self._wire_processing(settings)
        self._wire_operations(settings)
        self.reconciliation = self._reconciliation(settings)
        self.statements = self._statements(settings)
        self._watch()
        self._publish_outputs()
        tag_everything(self, tags_of(settings))
        self.guards = guard_everything(self, environment=settings.environment)

    def _wire_ingestion(self, settings: Settings) -> None:
        ingestion = self.fleet.ingestion
        ingestion.configure(
            IngestionEnvironment(
                providers=self.secrets.providers_variable(),
                queue_url=self.queues.main.url,
                message_group_by=settings.queue.ordered_by,
                bucket_name=self.storage.bucket.bucket,
                max_body_bytes=settings.api.max_body_bytes,
                quarantine_per_hour=settings.quarantine.webhooks_per_hour if self._quarantines else None,
                table_name=self.storage.table.name if self._quarantines else None,
            )
        )
        if self._quarantines:
            self.storage.grant_quarantine(ingestion)
        self.secrets.grant_read(ingestion)
        self.queues.grant_send(ingestion)
        self.storage.grant_archive_payloads(ingestion)

    def _route_to_ingestion(self, settings: Settings) -> None:
        ingestion = self.fleet.ingestion
        self.api.route(WEBHOOK_BY_PATH, ingestion)
        self.api.route(WEBHOOK_BY_HEADER, ingestion)
        for name, rate in settings.api.provider_rates.items():
            self.api.route(webhook_of(name), ingestion)
            self.api.throttle(webhook_of(name), rate)
            if isinstance(REGISTRY[settings.providers[name]].scheme, ChallengeScheme):
                self.api.route(challenge_of(name), ingestion)
        if any(isinstance(REGISTRY[entry].scheme, ChallengeScheme) for entry in settings.providers.values()):
            self.api.route(CHALLENGE, ingestion)

    def _route_to_queue(self, settings: Settings, integration: DirectIntegration, ingest_queue: IngestQueue) -> None:
        ingest_queue.add_event_source(self.fleet.ingestion, maximum_concurrency=self._reserved["ingestion"])
        for name, entry in settings.providers.items():
            integration.receive(webhook_of(name), provider=name, answer=REGISTRY[entry].response)
            if (rate := settings.api.provider_rates.get(name)) is not None:
                self.api.throttle(webhook_of(name), rate)
            if isinstance(REGISTRY[entry].scheme, ChallengeScheme):
                self.api.route(challenge_of(name), self.fleet.ingestion)
        integration.receive(WEBHOOK_BY_HEADER, provider="", answer=AcceptedResponse())
        integration.refuse(WEBHOOK_BY_PATH)

    def _wire_processing(self, settings: Settings) -> None:
        processing, dead_letter = self.fleet.processing, self.fleet.dead_letter
        processing.configure(
            ProcessingEnvironment(
                table_name=self.storage.table.name,
                bucket_name=self.storage.bucket.bucket,
                event_bus_name=self.routing.bus.name,
                max_receive_count=settings.queue.max_receive_count,
                archive_by=settings.storage.archive_by,
                routed_modes=json.dumps(dict(settings.routing.modes)) if settings.routing.modes else None,
            )
        )
        self.storage.grant_archive_payloads(processing)
        if any(REGISTRY[entry].certificate_hosts for entry in settings.providers.values()):
            self.storage.grant_archive_certificates(processing)
        self.storage.grant_write_records(processing)
        self.storage.grant_find_later_records(processing)
        self.routing.grant_publish(processing)
        self.queues.add_event_source(processing, maximum_concurrency=self._reserved["processing"])

        dead_letter.configure(
            DeadLetterEnvironment(table_name=self.storage.table.name, bucket_name=self.storage.bucket.bucket)
        )
        self.storage.grant_keep_dead_letters(dead_letter)
        self.storage.grant_mark_records(dead_letter)
        self.queues.add_dead_letter_event_source(dead_letter)

    def _reconciliation(self, settings: Settings) -> ReconciliationLayer | None:
        function, reconciled = self.fleet.reconcile, settings.reconciled
        if function is None:
            return None
        layer = ReconciliationLayer(self, "reconciliation", reconciled=reconciled, names=self.names, function=function)
        signed = [name for name in reconciled if LISTS[settings.providers[name]].signed]
        deployed = reconciled_variable(
            reconciled,
            settings.providers,
            settings.provider_options,
            api_keys={name: secret.name for name, secret in layer.api_keys.items()},
            secrets={name: self.secrets.secrets[name].name for name in signed},
        )
        function.configure(
            ReconcileEnvironment(
                providers=json_text(deployed),
                base_url=self.api.stage.invoke_url,
                queue_url=self.queues.main.url,
                message_group_by=settings.queue.ordered_by,
                table_name=self.storage.table.name,
                bucket_name=self.storage.bucket.bucket,
            )
        )
        layer.grant_read(function)
        self.secrets.grant_read_of(function, signed)
        self.queues.grant_send(function)
        self.storage.grant_archive_payloads(function)
        self.storage.grant_reconcile(function)
        for name, one in reconciled.items():
            self.monitoring.watch_event(RECOVERED_ALARM, function, name)
            for alarm in RECONCILIATION_ALARMS:
                self.monitoring.watch_event(alarm, function, name, every=one.every)
            self.monitoring.watch_runs(NOT_RECONCILED, function, name, 3 * one.every)
        self.monitoring.watch_dead_letter_queue(
            layer.undelivered.name, "reconcile-undelivered", "EventBridge could not start a reconciliation"
        )
        return layer

    def _statements(self, settings: Settings) -> Schedule | None:
        function = self.fleet.statement
        if function is None:
            return None
        reconciled = settings.reconciled
        # CloudWatch has no endpoint in the VPC: one would cost more than all of the statements.
        counts_metrics = not settings.network.vpc
        tenants = _counted_tenants(settings) if counts_metrics else None
        worker = Names(settings.environment, DELIVERY_PREFIX)("worker")
        function.configure(
            StatementEnvironment(
                table_name=self.storage.table.name,
                bucket_name=self.storage.bucket.bucket,
                providers=json.dumps(
                    {name: reconciled[name].every if name in reconciled else None for name in settings.providers}
                ),
                look_back_days=settings.statement_look_back_days,
                quarantines=self._quarantines,
                ingestion=self.fleet.ingestion.name if counts_metrics else None,
                delivery_worker=worker if tenants else None,
                tenants=tenants,
            )
        )
        self.storage.grant_state(function)
        if reconciled:
            self.storage.grant_read_reports(function)
        if self._quarantines:
            self.storage.grant_count_quarantined(function)
        if counts_metrics:
            actions = ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]
            function.allow("ReadMetricsWhichHaveNoArn", actions, ["*"])
        schedule = Schedule(self, "statements", names=self.names, function=function, every=HOUR)
        self.monitoring.watch_event(DIFFERENCES_ALARM, function)
        self.monitoring.watch_event(STATEMENT_FAILURES_ALARM, function, every=HOUR)
        self.monitoring.watch_runs(STATEMENT_MISSING, function, None, STATEMENT_MISSING_SECONDS)
        self.monitoring.watch_dead_letter_queue(
            schedule.undelivered.name, "statements-undelivered", "EventBridge could not start the daily statement"
        )
        return schedule

    def _wire_operations(self, settings: Settings) -> None:
        status, replay = self.fleet.status, self.fleet.replay
        status.configure(StatusEnvironment(table_name=self.storage.table.name))
        self.storage.grant_query_records(status)
        self.api.route(STATUS, status)

        replay.configure(
            ReplayEnvironment(
                table_name=self.storage.table.name,
                bucket_name=self.storage.bucket.bucket,
                queue_url=self.queues.main.url,
                message_group_by=settings.queue.ordered_by,
                inbox_dead_letter_queue_url=None if self.ingest_queue is None else self.ingest_queue.dead_letter.url,
            )
        )
        if self.ingest_queue is not None:
            self.ingest_queue.grant_redrive(replay)
            self.api.route(REDRIVE, replay)
        self.storage.grant_find_records(replay)
        self.storage.grant_read_dead_letters(replay)
        self.storage.grant_audit(replay)
        self.queues.grant_send(replay)
        self.storage.grant_erase(replay)
        for route in (REPLAY, ERASE):
            self.api.route(route, replay)
        self._wire_operator(settings)
        self.api.deploy()

    def _wire_operator(self, settings: Settings) -> None:
        operator = self.fleet.operator
        operator.configure(
            OperatorEnvironment(
                table_name=self.storage.table.name,
                bucket_name=self.storage.bucket.bucket,
                providers=json.dumps(dict(settings.providers)),
            )
        )
        self.storage.grant_list_records(operator)
        self.storage.grant_read_payloads(operator)
        self.storage.grant_read_dead_letters(operator)
        for route in (EVENTS, EVENT, COUNTS, PAYLOAD, AUDIT):
            self.api.route(route, operator)

    def _watch(self) -> None:
        watch = self.monitoring
        for function in self.fleet.functions.values():
            watch.watch_function(function)
        watch.watch_queue(self.queues.main.name)
        watch.watch_dead_letter_queue(self.queues.dead_letter.name)
        if self.ingest_queue is not None:
            watch.watch_queue(self.ingest_queue.queue.name, qualifier="inbox")
            watch.watch_dead_letter_queue(
                self.ingest_queue.dead_letter.name,
                "inbox-dlq",
                "requests that could not be verified wait for an operator: fix the cause, then redrive them",
            )
        watch.watch_api(self.api.api.name, STAGE)
        for alarm in (*EVENT_ALARMS, *([QUARANTINE_ALARM] if self._quarantines else [])):
            watch.watch_event(alarm, self.fleet.functions[alarm.function])
        watch.watch_providers(self.fleet.ingestion, self.settings.providers, accepted=ACCEPTED, refused=REFUSED)
        for name, subscriber in self.subscribers.subscribers.items():
            watch.watch_subscriber(
                name, undelivered=subscriber.undelivered.name, dead_letter=subscriber.dead_letter.name
            )
        watch.build_dashboard()

    def _console_statements(self) -> list[Statement]:
        """Return what ``make console`` asks AWS for besides the API. CloudWatch has no narrower resource for it.

        Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
        """
        queues = [self.queues.main.arn, self.queues.dead_letter.arn]
        if self.ingest_queue is not None:
            queues += [self.ingest_queue.queue.arn, self.ingest_queue.dead_letter.arn]
        metrics = ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]
        return [
            Statement(sid="SeeAlarmsAndMetricsWhichHaveNoArn", actions=metrics, resources=["*"]),
            Statement(sid="SeeBacklog", actions=["sqs:GetQueueAttributes"], resources=queues),
            *(self.storage.read_statements() if self.settings.states else ()),
        ]

    def _publish_outputs(self) -> None:
        secret_arns = {name: secret.arn for name, secret in self.secrets.secrets.items()}
        operators = self.api.operator_policy(*self._console_statements())
        smoke = smoke_policy(
            self,
            operators=operators,
            secret_arns=list(secret_arns.values()),
            storage=self.storage,
            routing=self.routing,
            names=self.names,
            region=self.settings.region,
            account_id=self.account_id,
        )
        listen = listen_policy(
            self,
            storage=self.storage,
            routing=self.routing,
            names=self.names,
            region=self.settings.region,
            account_id=self.account_id,
        )
        outputs = {
            "endpoint_url": (self.api.stage.invoke_url, "Base URL of the API; webhooks go to /webhook/{provider}"),
            "table_name": (self.storage.table.name, "Table of the records"),
            "bucket_name": (self.storage.bucket.bucket, "Bucket of the archived payloads"),
            "queue_url": (self.queues.main.url, "URL of the main queue"),
            "dead_letter_queue_url": (self.queues.dead_letter.url, "URL of the dead letter queue"),
            "bus_arn": (self.routing.bus.arn, "ARN of the event bus"),
            "alarm_topic_arn": (self.monitoring.topic.arn, "ARN of the topic that the alarms notify"),
            "operator_policy_json": (
                operators.json,
                "IAM policy for operators: it lets people or roles call the endpoints for status, events and replays, "
                "and see the alarms, metrics and backlog that make console shows",
            ),
            "payload_policy_json": (
                self.api.policy_of("payload_policy", "ReadPayloads", PAYLOAD).json,
                "IAM policy for those operators who may also read events' payloads",
            ),
            "erase_policy_json": (
                self.api.policy_of("erase_policy", "ErasePayloads", ERASE).json,
                "IAM policy for those operators who may also erase events' payloads",
            ),
            "smoke_policy_json": (
                smoke.json,
                "IAM policy for make smoke: that of operators, reading secrets and archive, and a queue of its own",
            ),
            "listen_policy_json": (
                listen.json,
                "IAM policy for make listen: reading records and archived payloads, and a queue and a rule of its own",
            ),
            "secret_arns": (secret_arns, "ARNs of the signing secrets, to be filled after the first deployment"),
        }
        if self.reconciliation is not None:
            outputs["api_secret_arns"] = (
                {name: secret.arn for name, secret in self.reconciliation.api_keys.items()},
                "ARNs of the secrets with the providers' API keys, to be filled after the first deployment",
            )
        if self.ingest_queue is not None:
            outputs["inbox_url"] = (self.ingest_queue.queue.url, "URL of the inbox, where requests wait to be verified")
            outputs["inbox_dead_letter_queue_url"] = (
                self.ingest_queue.dead_letter.url,
                "URL of the inbox's dead letter queue, whose requests can be redriven",
            )
        if self._quarantines:
            outputs["requalify_policy_json"] = (
                requalify_policy(self, storage=self.storage, ingestion=self.fleet.ingestion).json,
                "IAM policy for make requalify: it reads and removes what is quarantined, and invokes ingestion",
            )
        if subscribers := self.subscribers.subscribers:
            outputs["subscriber_queue_urls"] = (
                {name: subscriber.queue.url for name, subscriber in subscribers.items()},
                "URLs of the subscribers' queues",
            )
        for name, (value, description) in outputs.items():
            TerraformOutput(self, name, value=value, description=description)
        if self.api.api_key is not None:
            TerraformOutput(
                self,
                "api_key",
                value=self.api.api_key.value,
                description="API key that senders put into the header x-api-key",
                sensitive=True,
            )


def _counted_tenants(settings: Settings) -> str | None:
    """Return the tenants that get inbound events, as the statement's variable; None where they are not counted."""
    if settings.delivery is None or not settings.delivery.tenant_metrics:
        return None
    tenants: dict[str, dict[str, list[str] | None]] = {}
    for provider, by_account in settings.delivery.tenants_of.items():
        own = tenants.setdefault(provider, {})
        for account, names in by_account.items():
            for tenant in names:
                own[tenant] = None if account is None else sorted([*(own.get(tenant) or ()), account])
    text = json.dumps(tenants, sort_keys=True, separators=(",", ":"))
    return text if tenants and len(text) <= _MAX_TENANTS_BYTES else None
