"""Delivery as one Terraform stack: wiring only."""

from pathlib import Path

from lambdas.delivery.domain.due import HORIZON_SECONDS
from lambdas.delivery.http.routes import DOCS, OPERATOR_API, TENANT_API
from lambdas.delivery_api.environment import ApiEnvironment
from lambdas.delivery_authorizer.environment import AuthorizerEnvironment
from lambdas.delivery_docs.environment import DocsEnvironment
from lambdas.delivery_operator.environment import OperatorEnvironment
from lambdas.delivery_receiver.environment import ReceiverEnvironment
from lambdas.delivery_sweeper.environment import SweeperEnvironment
from lambdas.delivery_worker.environment import WorkerEnvironment
from modules.constructs.api_layer import ApiLayer
from modules.constructs.base_stack import BaseStack
from modules.constructs.bundling import BUNDLES
from modules.constructs.gateway_responses import GatewayResponse
from modules.constructs.monitoring import Monitoring
from modules.constructs.naming import DELIVERY_PREFIX, Names, archive_bucket_name
from modules.constructs.policy import Statement
from modules.constructs.queue_layer import QueueLayer
from modules.constructs.schedule import Schedule
from modules.constructs.tags import tag_everything, tags_of
from modules.delivery.alarms import DELIVERY_ALARMS, OLDEST_OVERDUE, SHOWN
from modules.delivery.bus_subscriptions import InboundSubscriptions
from modules.delivery.fleet import DeliveryFleet
from modules.delivery.operations_bus import OperationsBus
from modules.delivery.routes import AUTHORIZATION_PATTERN, ERASE, LINK, RECEIVER, TOKEN, routes_of
from modules.delivery.signing_keys import SigningKeys
from modules.delivery.tables import DeliveryTables
from modules.delivery.tenant_plans import TenantPlans, keys_name
from modules.guards import Waiver, guard_everything
from modules.rules.queues import TIMEOUTS_IN_VISIBILITY
from modules.settings.checked import checked
from modules.settings.delivery import DeliverySettings, TenantRate
from modules.settings.model import Settings
from modules.settings.sections import ApiSettings, QueueSettings
from modules.settings.validation import SettingsError
from modules.synth.cdk import Construct, DataAwsPartition, TerraformOutput

# Not `v1`, which the paths begin with.
STAGE = "live"
# In the form of the functions' own answers, see lambdas/delivery/http/problems.py.
RESPONSES = (
    GatewayResponse(
        response_type="UNAUTHORIZED",
        status=401,
        code="unauthorized",
        message="send the header Authorization: Bearer and a token that is good",
        headers={"WWW-Authenticate": "Bearer"},
    ),
    GatewayResponse(response_type="ACCESS_DENIED", status=403, code="forbidden", message="this is not allowed"),
    GatewayResponse(
        response_type="MISSING_AUTHENTICATION_TOKEN",
        status=403,
        code="forbidden",
        message="there is no such route, or it wants a signature of AWS",
    ),
    GatewayResponse(response_type="REQUEST_TOO_LARGE", status=413, code="too_large", message="the body is too large"),
    *(
        GatewayResponse(
            response_type=case, status=status, code=code, message="try again in a moment", retry_after=seconds
        )
        for case, status, code, seconds in (
            ("THROTTLED", 429, "throttled", 1),
            # A tenant's key that is not there, or not yet: never a fault of the tenant's.
            ("INVALID_API_KEY", 503, "unavailable", 5),
            # A function that finds no execution free: a matter of waiting, like a throttle.
            ("INTEGRATION_FAILURE", 429, "busy", 2),
            ("INTEGRATION_TIMEOUT", 504, "timed_out", 5),
            ("AUTHORIZER_FAILURE", 503, "unavailable", 2),
            ("AUTHORIZER_CONFIGURATION_ERROR", 503, "unavailable", 5),
        )
    ),
)


@checked
class DeliveryStack(BaseStack):
    """Takes tenants' events in over an API, and delivers each to every endpoint that subscribes to it.

    Parameters
    ----------
    settings : Settings
        All that an environment can choose; ``settings.delivery`` must be there.
    bundles : Path
        Folder with the functions' bundles.

    Attributes
    ----------
    guards : Guards
        What stops synth on a mistake. A subclass waives one there, with the reason.

    Raises
    ------
    SettingsError
        When the settings want no delivery.
    """

    fleet: DeliveryFleet

    def __init__(self, scope: Construct, id_: str, settings: Settings, bundles: Path = BUNDLES) -> None:
        super().__init__(scope, id_, settings, prefix=DELIVERY_PREFIX, part="delivery")
        if (delivery := settings.delivery) is None:
            raise SettingsError("delivery: is missing, so that there is no delivery stack")
        names, account_id = self.names, self.account_id

        self.tables = DeliveryTables(self, "tables", names=names)
        self.subscriptions = InboundSubscriptions(
            self,
            "subscriptions",
            tenants_of=delivery.tenants_of,
            bus_name=delivery.bus_name or Names(settings.environment)("events"),
            names=names,
            rule_names=Names(settings.environment),
        )
        self.queues = QueueLayer(
            self, "queues", settings=_queue_settings(delivery), names=names, rule_arns=self.subscriptions.rule_arns
        )
        self.subscriptions.send_to(self.queues.main)
        self.signing_keys = SigningKeys(self, "signing_keys", names=names)
        self.operations = OperationsBus(self, "operations", names=names)
        self.fleet = DeliveryFleet(
            self,
            "fleet",
            settings=settings.functions,
            delivery=delivery,
            names=names,
            account_id=account_id,
            bundles=bundles,
        )
        self.api = ApiLayer(
            self,
            "api",
            settings=_api_settings(settings, delivery),
            names=names,
            log_retention=settings.functions.log_retention,
            description="Takes tenants' events for delivery",
            stage_name=STAGE,
            keyed_by_authorizer=bool(delivery.plans),
            responses=RESPONSES,
        )
        self.monitoring = Monitoring(
            self,
            "monitoring",
            settings=settings.monitoring,
            names=names,
            account_id=account_id,
            region=settings.region,
        )
        own_hosts = (f"{self.api.api.id}.execute-api.*", *([delivery.domain.name] if delivery.domain else []))
        self._refused_hosts = ",".join((*own_hosts, *delivery.refused_hosts))
        bucket = delivery.archive_bucket or archive_bucket_name(account_id, settings.environment)
        self._wire_worker(delivery, archive_bucket=bucket)
        self._wire_sweeper(delivery, names)
        self._wire_tenants_api(delivery)
        self._wire_operators_api(delivery, names, region=settings.region)
        waivers = [*self._visibility_waivers(delivery), *self._open_routes(delivery)]
        self.api.deploy()
        if delivery.plans:
            shared = TenantRate(rate=delivery.throttle_rate, burst=delivery.throttle_burst)
            plans = TenantPlans(self, "plans", api=self.api, names=names, rates=delivery.plans, shared=shared)
            plans.grant_assign(self.fleet.operator, region=settings.region)
        self._watch()
        self._publish_outputs(delivery)
        tag_everything(self, tags_of(settings))
        self.guards = guard_everything(self, environment=settings.environment, waivers=waivers)

    def _wire_worker(self, delivery: DeliverySettings, *, archive_bucket: str) -> None:
        worker = self.fleet.worker
        worker.configure(
            WorkerEnvironment(
                endpoints_table=self.tables.endpoints.name,
                events_table=self.tables.events.name,
                queue_url=self.queues.main.url,
                operations_bus=self.operations.bus.name,
                signing_keys_secret_arn=self.signing_keys.secret.arn,
                endpoint_rules=delivery.endpoint_rules,
                refused_hosts=self._refused_hosts,
                delivered_ttl_days=delivery.delivered_ttl,
                dead_ttl_days=delivery.dead_ttl,
                retry_schedule=delivery.retry_schedule,
                attempt_timeout=delivery.attempt_timeout,
                disable_after_hours=delivery.disable_after,
                tenant_metrics=delivery.tenant_metrics,
                original_payloads=delivery.reads_archive,
                max_event_bytes=delivery.max_event_bytes,
            )
        )
        if delivery.reads_archive:
            self.subscriptions.grant_read_payloads(worker, archive_bucket)
        self.tables.grant_deliver(worker)
        self.queues.grant_send(worker)
        self.signing_keys.grant_read(worker)
        self.operations.grant_publish(worker)
        self.queues.add_event_source(worker, maximum_concurrency=delivery.worker_concurrency)

    def _wire_sweeper(self, delivery: DeliverySettings, names: Names) -> None:
        sweeper = self.fleet.sweeper
        sweeper.configure(
            SweeperEnvironment(
                endpoints_table=self.tables.endpoints.name,
                events_table=self.tables.events.name,
                queue_url=self.queues.main.url,
                delivered_ttl_days=delivery.delivered_ttl,
                dead_ttl_days=delivery.dead_ttl,
            )
        )
        self.tables.grant_sweep(sweeper)
        self.queues.grant_send(sweeper)
        self.sweeps = Schedule(self, "sweeps", names=names, function=sweeper)

    def _wire_tenants_api(self, delivery: DeliverySettings) -> None:
        authorizer, api = self.fleet.authorizer, self.fleet.api
        authorizer.configure(
            AuthorizerEnvironment(
                tenants_table=self.tables.tenants.name,
                tenant_plans=",".join(delivery.plans),
                portal=delivery.portal,
            )
        )
        self.tables.grant_authorize(authorizer)
        self.api.authorize_by(authorizer, pattern=AUTHORIZATION_PATTERN)
        api.configure(
            ApiEnvironment(
                tenants_table=self.tables.tenants.name,
                endpoints_table=self.tables.endpoints.name,
                events_table=self.tables.events.name,
                queue_url=self.queues.main.url,
                endpoint_rules=delivery.endpoint_rules,
                refused_hosts=self._refused_hosts,
                tenant_events_per_day=delivery.tenant_events_per_day,
                tenant_endpoints=delivery.tenant_endpoints,
                delivered_ttl_days=delivery.delivered_ttl,
                dead_ttl_days=delivery.dead_ttl,
                max_event_bytes=delivery.max_event_bytes,
            )
        )
        self.tables.grant_serve_tenants(api)
        self.tables.grant_read_public_keys(api)
        self.queues.grant_send(api)
        for route in routes_of(TENANT_API):
            self.api.route(route, api)

    def _wire_operators_api(self, delivery: DeliverySettings, names: Names, *, region: str) -> None:
        operator = self.fleet.operator
        operator.configure(
            OperatorEnvironment(
                tenants_table=self.tables.tenants.name,
                endpoints_table=self.tables.endpoints.name,
                events_table=self.tables.events.name,
                queue_url=self.queues.main.url,
                dead_letter_queue_url=self.queues.dead_letter.url,
                signing_keys_secret_arn=self.signing_keys.secret.arn,
                tenant_plans=",".join(delivery.plans),
                tenant_keys_name=keys_name(names),
                portal_url=self._portal_url(delivery, region=region),
                delivered_ttl_days=delivery.delivered_ttl,
                dead_ttl_days=delivery.dead_ttl,
            )
        )
        self.tables.grant_operate(operator)
        self.queues.grant_send(operator)
        self.queues.grant_redrive(operator)
        self.signing_keys.grant_rotate(operator)
        for route in routes_of(OPERATOR_API):
            self.api.route(route, operator)

    def _portal_url(self, delivery: DeliverySettings, *, region: str) -> str:
        """Return where customers open the portal, which is not the host that operators call if there is a domain."""
        if not delivery.portal:
            return ""
        if delivery.domain is not None:
            return f"https://{delivery.domain.name}/portal"
        suffix = DataAwsPartition(self, "partition").dns_suffix
        # The stage's own address would wait for its deployment, which waits for the function.
        return f"https://{self.api.api.id}.execute-api.{region}.{suffix}/{STAGE}/portal"

    def _open_routes(self, delivery: DeliverySettings) -> list[Waiver]:
        """Add the routes that anybody may call; return the waivers of those that verify nothing."""
        docs, receiver = self.fleet.docs, self.fleet.receiver
        docs.configure(
            DocsEnvironment(tenants_table=self.tables.tenants.name, portal_frames=" ".join(delivery.portal_frames))
        )
        self.tables.grant_read_public_keys(docs)
        off = {name for name in ("docs", "portal") if not getattr(delivery, name)}
        methods = [self.api.route(route, docs) for route in routes_of(DOCS, off)]
        if receiver is not None:
            receiver.configure(ReceiverEnvironment(endpoints_table=self.tables.endpoints.name))
            self.tables.grant_verify(receiver)
            for route in routes_of(RECEIVER):
                self.api.route(route, receiver)
        return [
            Waiver.at(method, "open-route", "documents, the portal's pages and public keys are for everybody")
            for method in methods
        ]

    def _visibility_waivers(self, delivery: DeliverySettings) -> list[Waiver]:
        # A waiver that nothing needs stops synth too.
        guarded = TIMEOUTS_IN_VISIBILITY * delivery.worker_timeout + _queue_settings(delivery).batch_window
        if delivery.visibility_timeout >= guarded:
            return []
        return [
            Waiver.at(
                self.queues.main,
                "visibility-timeout",
                "three times the worker's time-out, as the settings check: a message that comes again early finds the "
                "version claimed, and the mapping asks for no more workers than are reserved, so none is throttled",
            )
        ]

    def _watch(self) -> None:
        watch = self.monitoring
        for function in self.fleet.functions.values():
            watch.watch_function(function, refuses_by_errors=function is self.fleet.authorizer)
        watch.watch_queue(self.queues.main.name, longest_delay=HORIZON_SECONDS)
        watch.watch_recursion(self.fleet.worker)
        watch.watch_regular(OLDEST_OVERDUE, self.fleet.sweeper)
        watch.watch_dead_letter_queue(
            self.queues.dead_letter.name,
            description="messages wait in the dead letter queue: the pipeline itself failed, or the worker is not well",
        )
        watch.watch_dead_letter_queue(
            self.sweeps.undelivered.name, "sweeps-undelivered", "EventBridge could not invoke the sweeper"
        )
        if (undelivered := self.subscriptions.undelivered) is not None:
            watch.watch_dead_letter_queue(
                undelivered.name, "subscriptions-undelivered", "inbound events could not be sent to the delivery queue"
            )
        for provider, rule in self.subscriptions.unlisted.items():
            watch.watch_rule(
                rule,
                "unlisted-account",
                f"events of no account that delivery.subscriptions lists went to no tenant, of {provider}",
                qualifier=provider,
            )
        watch.watch_api(
            self.api.api.name, STAGE, refused="over the throttle, without a valid token, unknown, or unreadable"
        )
        for alarm in DELIVERY_ALARMS:
            watch.watch_event(alarm, self.fleet.functions[alarm.function])
        watch.show_counts("deliveries", self.fleet.worker, SHOWN)
        watch.build_dashboard()

    def _publish_outputs(self, delivery: DeliverySettings) -> None:
        # For ``make console``.
        queues = [self.queues.main.arn, self.queues.dead_letter.arn]
        backlog = Statement(sid="SeeBacklog", actions=["sqs:GetQueueAttributes"], resources=queues)
        outputs = {
            "endpoint_url": (self.api.stage.invoke_url, "Base URL of the API; events go to /v1/events below it"),
            "tenants_table_name": (self.tables.tenants.name, "Table of tenants and tokens"),
            "endpoints_table_name": (self.tables.endpoints.name, "Table of the tenants' endpoints"),
            "events_table_name": (self.tables.events.name, "Table of events, deliveries and attempts"),
            "queue_url": (self.queues.main.url, "URL of the delivery queue"),
            "dead_letter_queue_url": (self.queues.dead_letter.url, "URL of the dead letter queue"),
            "alarm_topic_arn": (self.monitoring.topic.arn, "ARN of the topic that the alarms notify"),
            "operations_bus_arn": (self.operations.bus.arn, "ARN of the event bus of operational events"),
            "signing_keys_secret_arn": (self.signing_keys.secret.arn, "ARN of the secret of the ed25519 signing keys"),
            "operator_policy_json": (
                self.api.operator_policy(backlog).json,
                "IAM policy for operators: it lets people or roles call the operator endpoints, and see the backlog "
                "that make console shows",
            ),
            "erase_policy_json": (
                self.api.policy_of("erase_policy", "ErasePayloads", ERASE).json,
                "IAM policy for those operators who may also erase events' payloads",
            ),
            "token_policy_json": (
                self.api.policy_of("token_policy", "MakeTokens", TOKEN).json,
                "IAM policy for those operators who may also make tokens, with which one acts in a tenant's name",
            ),
        }
        if delivery.portal:
            outputs["portal_policy_json"] = (
                self.api.policy_of("portal_policy", "MakePortalLinks", LINK).json,
                "IAM policy for a backend, or for those operators, that make portal links",
            )
        if delivery.domain is not None:
            domain = self.api.add_domain(delivery.domain.name, delivery.domain.certificate_arn)
            outputs["domain_target"] = (domain.regional_domain_name, "What the DNS record of the domain points to")
        for name, (value, description) in outputs.items():
            TerraformOutput(self, name, value=value, description=description)


def _api_settings(settings: Settings, delivery: DeliverySettings) -> ApiSettings:
    return ApiSettings(
        throttle_rate=delivery.throttle_rate,
        throttle_burst=delivery.throttle_burst,
        execution_log_level=settings.api.execution_log_level,
        # There is one for each account and region, and the inbound stack of the environment makes it first.
        manage_account_log_role=settings.api.manage_account_log_role and not settings.inbound,
    )


def _queue_settings(delivery: DeliverySettings) -> QueueSettings:
    return QueueSettings(
        visibility_timeout=delivery.visibility_timeout,
        max_receive_count=delivery.max_receive_count,
        retention=delivery.retention,
        batch_size=delivery.batch_size,
        # An event takes two messages to its endpoint, and neither waits for company.
        batch_window=0,
    )
