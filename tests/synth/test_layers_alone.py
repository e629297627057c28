"""Each layer by itself: in a stack of its own, twice in a stack, and with exactly the grants that it documents."""

import re
from functools import cache
from pathlib import Path

import pytest

from lambdas.inbound.providers.entry import AcceptedResponse
from modules.constructs.api_layer import ApiLayer
from modules.constructs.bundling import BUNDLES
from modules.constructs.event_alarm import EventAlarm
from modules.constructs.monitoring import Monitoring
from modules.constructs.naming import Names
from modules.constructs.network import Network
from modules.constructs.policy import Statement, policy_document
from modules.constructs.queue_layer import QueueLayer
from modules.constructs.queues import dead_letter_queue, redrive
from modules.constructs.schedule import Schedule
from modules.constructs.tags import tag_everything
from modules.constructs.webhook_function import WebhookFunction
from modules.delivery.bus_subscriptions import InboundSubscriptions
from modules.guards.app import App
from modules.inbound.direct_integration import DirectIntegration
from modules.inbound.event_routing import EventRouting
from modules.inbound.fleet import LambdaFleet
from modules.inbound.ingest_queue import IngestQueue
from modules.inbound.routes import REPLAY, STATUS, WEBHOOK_BY_HEADER, WEBHOOK_BY_PATH
from modules.inbound.secrets_layer import SecretsLayer
from modules.inbound.storage_layer import StorageLayer
from modules.inbound.subscriber_queues import SubscriberQueues
from modules.settings.sections import (
    ApiSettings,
    FunctionSettings,
    MonitoringSettings,
    NetworkSettings,
    QueueSettings,
    RoutingSettings,
    StorageSettings,
)
from modules.synth import cdk
from modules.synth.cdk import SqsQueue
from tests.synth.bare import ACCOUNT, StubFunction, bare_stack, synthesize
from tests.synth.template import NAME_ATTRIBUTES

PROVIDERS = {"stripe": "stripe", "acme": "generic"}
SOMETHING = EventAlarm(id="something", function="f", metric="Something", description="something happens")


def storage(scope, id_, names):
    return StorageLayer(scope, id_, settings=StorageSettings(), names=names, account_id=ACCOUNT)


def queues(scope, id_, names):
    layer = QueueLayer(scope, id_, settings=QueueSettings(), names=names)
    layer.add_event_source(StubFunction(), maximum_concurrency=5)
    layer.add_dead_letter_event_source(StubFunction())
    return layer


def fifo_queues(scope, id_, names):
    layer = QueueLayer(scope, id_, settings=QueueSettings(fifo=True, batch_size=10, batch_window=0), names=names)
    layer.add_event_source(StubFunction(), maximum_concurrency=5)
    layer.add_dead_letter_event_source(StubFunction())
    return layer


def secrets(scope, id_, names):
    return SecretsLayer(scope, id_, providers=PROVIDERS, options={}, names=names)


def routing(scope, id_, names):
    return EventRouting(scope, id_, settings=RoutingSettings(), names=names, providers=PROVIDERS)


def subscribers(scope, id_, names, *, fifo=False):
    # The rules are another layer's, and this one refers to them.
    rules = EventRouting(scope, f"{id_}-routing", settings=RoutingSettings(), names=names, providers=PROVIDERS).rules
    settings = QueueSettings(fifo=fifo)
    given = {"ledger": "stripe", "fraud": "stripe"}
    of = {name: rules[provider] for name, provider in given.items()}
    return SubscriberQueues(scope, id_, subscribers=given, settings=settings, names=names, rules=of)


def fifo_subscribers(scope, id_, names):
    return subscribers(scope, id_, names, fifo=True)


def network(scope, id_, names, cidr="10.0.0.0/23"):
    layer = Network(
        scope,
        id_,
        settings=NetworkSettings(vpc=True, cidr=cidr),
        names=names,
        region="us-east-1",
    )
    role, queue = f"arn:aws:iam::{ACCOUNT}:role/r", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    layer.permit(role, [Statement(sid="Send", actions=["sqs:SendMessage"], resources=[queue])])
    return layer


def keyed_api(scope, id_, names):
    return api(scope, id_, names, api_key=True)


def api(scope, id_, names, *, api_key=False):
    layer = ApiLayer(
        scope, id_, settings=ApiSettings(api_key=api_key), names=names, log_retention=7, description="", stage_name="v1"
    )
    for route in (WEBHOOK_BY_PATH, WEBHOOK_BY_HEADER, STATUS, REPLAY):
        layer.route(route, StubFunction())
    layer.deploy()
    layer.operator_policy()
    return layer


def monitoring(scope, id_, names):
    layer = Monitoring(scope, id_, settings=MonitoringSettings(), names=names, account_id=ACCOUNT, region="us-east-1")
    layer.watch_function(StubFunction())
    layer.watch_queue("q")
    layer.watch_dead_letter_queue("d")
    layer.watch_api("a", "v1")
    layer.watch_event(SOMETHING, StubFunction())
    layer.watch_subscriber("s", undelivered="u", dead_letter="e")
    layer.build_dashboard()
    return layer


@pytest.fixture(scope="session")
def fleet(bundles):
    def build(scope, id_, names):
        layer = LambdaFleet(
            scope,
            id_,
            settings=FunctionSettings(),
            names=names,
            account_id=ACCOUNT,
            bundles=bundles,
            reserved_concurrency={},
        )
        layer.status.configure({"TABLE_NAME": "t"})
        return layer

    return build


@pytest.fixture(scope="session")
def placed_fleet(bundles):
    def build(scope, id_, names):
        return LambdaFleet(
            scope,
            id_,
            settings=FunctionSettings(),
            names=names,
            account_id=ACCOUNT,
            bundles=bundles,
            reserved_concurrency={"ingestion": 5},
            network=Network(
                scope, f"{id_}-network", settings=NetworkSettings(vpc=True), names=names, region="us-east-1"
            ),
        )

    return build


LAYERS = {
    "storage": storage,
    "queues": queues,
    "fifo_queues": fifo_queues,
    "secrets": secrets,
    "routing": routing,
    "subscribers": subscribers,
    "fifo_subscribers": fifo_subscribers,
    "network": network,
    "api": api,
    "keyed_api": keyed_api,
    "monitoring": monitoring,
    "fleet": None,
    "placed_fleet": None,
}


@pytest.fixture(params=LAYERS)
def build(request):
    """A function that builds one layer: scope, id, names."""
    return LAYERS[request.param] or request.getfixturevalue(request.param)


def contents(template):
    return {resource.address: resource.values for resource in (*template.resources(), *template.data())}


@cache
def alone(build, id_, environment):
    stack = bare_stack()
    build(stack, id_, Names(environment))
    return contents(synthesize(stack))


HOLDS = {
    "storage": "aws_dynamodb_table",
    "queues": "aws_sqs_queue",
    "fifo_queues": "aws_sqs_queue",
    "subscribers": "aws_cloudwatch_event_target",
    "fifo_subscribers": "aws_cloudwatch_event_target",
    "network": "aws_vpc",
    "keyed_api": "aws_api_gateway_api_key",
    "placed_fleet": "aws_lambda_function",
    "secrets": "aws_secretsmanager_secret",
    "routing": "aws_cloudwatch_event_bus",
    "api": "aws_api_gateway_rest_api",
    "monitoring": "aws_sns_topic",
    "fleet": "aws_lambda_function",
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_stands_alone_and_refers_to_nothing_outside_it(request, layer):
    stack = bare_stack()
    (LAYERS[layer] or request.getfixturevalue(layer))(stack, layer, Names("dev"))

    template = synthesize(stack)

    assert template.all(HOLDS[layer]) != []
    # `meaning` refuses a reference to what is not there.
    assert [template.meaning(dict(values)) for values in contents(template).values()] != []


def test_a_layer_brings_no_provider_and_no_backend(build):
    stack = bare_stack()
    build(stack, "layer", Names("dev"))

    document, empty = synthesize(stack).document, synthesize(bare_stack()).document

    assert document["provider"] == empty["provider"] == {"aws": [{"region": "us-east-1"}]}
    assert document["terraform"] == empty["terraform"]


def test_a_layer_may_be_in_two_stacks_of_one_app(build):
    app = cdk.Testing.app()
    dev, prod = bare_stack(app, "dev"), bare_stack(app, "prod")
    build(dev, "layer", Names("dev"))
    build(prod, "layer", Names("prod"))

    of_dev, of_prod = contents(synthesize(dev)), contents(synthesize(prod))

    assert of_dev == alone(build, "layer", "dev")
    assert of_prod == alone(build, "layer", "prod")


def test_a_layer_may_be_in_a_stack_twice_under_two_ids(build):
    stack = bare_stack()
    build(stack, "one", Names("dev"))
    build(stack, "two", Names("prod"))

    both = contents(synthesize(stack))

    one, two = alone(build, "one", "dev"), alone(build, "two", "prod")
    assert set(one) & set(two) == set()
    assert both == one | two


def names(template):
    """Return type and name in AWS of all that has one; twice what is there twice."""
    return sorted(
        (resource.type, template.meaning(resource.given_name))
        for resource in template.resources()
        if resource.type in NAME_ATTRIBUTES
    )


def test_two_layers_of_a_stack_share_no_name_in_aws(build):
    stack = bare_stack()
    build(stack, "one", Names("dev"))
    build(stack, "two", Names("prod"))

    used = names(synthesize(stack))

    assert used == sorted(set(used))


def in_two_scopes(build):
    """Build a layer under one id in two scopes; return the names of what came of it, or why it was refused."""
    stack = bare_stack()
    try:
        for environment in ("dev", "prod"):
            build(cdk.Construct(stack, environment), "layer", Names(environment))
        return names(synthesize(stack))
    except Exception as refusal:
        return str(refusal)


def test_a_layer_under_one_id_in_two_scopes_is_whole_in_both_or_refused(build):
    # An address has no scopes. CDKTF makes one resource of two that have the same one, and says nothing.
    expected = []
    for environment in ("dev", "prod"):
        stack = bare_stack()
        build(stack, "layer", Names(environment))
        expected += names(synthesize(stack))

    made = in_two_scopes(build)

    assert made == sorted(expected) or "layer" in made


TABLE = "aws_dynamodb_table[webhook-records-dev].arn"
BUCKET = f"aws_s3_bucket[webhook-archive-{ACCOUNT}-dev].arn"
QUEUE, DLQ = "aws_sqs_queue[webhook-queue-dev].arn", "aws_sqs_queue[webhook-dlq-dev].arn"
BUS = "aws_cloudwatch_event_bus[webhook-events-dev].arn"
GRANTS = {
    # layer, method                               what it adds
    (storage, "grant_archive_payloads"):  {("s3:PutObject", f"{BUCKET}/raw/*")},
    (storage, "grant_archive_certificates"): {("s3:PutObject", f"{BUCKET}/evidence/certificates/*")},
    (storage, "grant_keep_dead_letters"): {("s3:PutObject", f"{BUCKET}/dead-letter/*")},
    (storage, "grant_read_dead_letters"): {("s3:GetObject", f"{BUCKET}/dead-letter/*")},
    (storage, "grant_read_payloads"):     {("s3:GetObject", f"{BUCKET}/raw/*")},
    (storage, "grant_quarantine"):        {("s3:PutObject", f"{BUCKET}/quarantine/*"), ("dynamodb:UpdateItem", TABLE)},
    (storage, "grant_write_records"):     {
        *((f"dynamodb:{action}", TABLE) for action in ("PutItem", "UpdateItem", "PartiQLInsert", "PartiQLUpdate")),
        ("dynamodb:PartiQLSelect", f"{TABLE}/index/byEvent"),
    },
    (storage, "grant_mark_records"):      {("dynamodb:UpdateItem", TABLE), ("dynamodb:GetItem", TABLE),
                                           ("dynamodb:PartiQLSelect", f"{TABLE}/index/byEvent")},
    (storage, "grant_query_records"):     {("dynamodb:Query", TABLE),
                                           ("dynamodb:Query", f"{TABLE}/index/byTransaction"),
                                           ("dynamodb:BatchGetItem", TABLE)},
    (storage, "grant_find_later_records"): {("dynamodb:Query", f"{TABLE}/index/byTransaction"),
                                           ("dynamodb:BatchGetItem", TABLE)},
    (storage, "grant_find_records"):      {("dynamodb:Query", TABLE),
                                           ("dynamodb:Query", f"{TABLE}/index/byEvent"),
                                           ("dynamodb:Query", f"{TABLE}/index/byReceived"),
                                           ("dynamodb:BatchGetItem", TABLE)},
    (storage, "grant_list_records"):      {
        ("dynamodb:Query", TABLE),
        *(("dynamodb:Query", f"{TABLE}/index/{index}") for index in
          ("byEvent", "byTransaction", "byReceived", "byDeadLetter", "byConflict")),
        ("dynamodb:BatchGetItem", TABLE),
    },
    (storage, "grant_reconcile"):         {("dynamodb:BatchGetItem", TABLE), ("dynamodb:GetItem", TABLE),
                                           ("dynamodb:PutItem", TABLE),
                                           ("dynamodb:PartiQLSelect", f"{TABLE}/index/byEvent"),
                                           ("dynamodb:Query", f"{TABLE}/index/byReceived"),
                                           ("s3:PutObject", f"{BUCKET}/reconciliation/*")},
    (storage, "grant_state"):             {("dynamodb:BatchGetItem", TABLE),
                                           ("dynamodb:Query", f"{TABLE}/index/byReceived"),
                                           ("s3:ListBucket", BUCKET),
                                           ("s3:GetObject", f"{BUCKET}/statements/*"),
                                           ("s3:PutObject", f"{BUCKET}/statements/*")},
    (storage, "grant_read_reports"):      {("s3:ListBucket", BUCKET), ("s3:GetObject", f"{BUCKET}/reconciliation/*")},
    (storage, "grant_count_quarantined"): {("s3:ListBucket", BUCKET)},
    (storage, "grant_audit"):             {("dynamodb:PutItem", TABLE)},
    (storage, "grant_erase"):             {("s3:PutObject", f"{BUCKET}/raw/*"),
                                           ("s3:PutObject", f"{BUCKET}/dead-letter/*"),
                                           ("s3:DeleteObjectVersion", f"{BUCKET}/raw/*"),
                                           ("s3:DeleteObjectVersion", f"{BUCKET}/dead-letter/*"),
                                           ("s3:ListBucketVersions", BUCKET),
                                           ("s3:GetObject", f"{BUCKET}/raw/_batch/*"),
                                           ("dynamodb:UpdateItem", TABLE)},
    (queues,  "grant_redrive"):           {("sqs:StartMessageMoveTask", DLQ), ("sqs:ListMessageMoveTasks", DLQ),
                                           ("sqs:ReceiveMessage", DLQ), ("sqs:DeleteMessage", DLQ),
                                           ("sqs:GetQueueAttributes", DLQ)},
    (queues,  "grant_send"):              {("sqs:SendMessage", QUEUE)},
    (queues,  "add_event_source"):                    {("sqs:ReceiveMessage", QUEUE), ("sqs:DeleteMessage", QUEUE),
                                           ("sqs:GetQueueAttributes", QUEUE)},
    (queues,  "add_dead_letter_event_source"):       {("sqs:ReceiveMessage", DLQ), ("sqs:DeleteMessage", DLQ),
                                           ("sqs:GetQueueAttributes", DLQ)},
    (secrets, "grant_read"):              {("secretsmanager:GetSecretValue",
                                            "aws_secretsmanager_secret[webhook-secret-stripe-dev].arn"),
                                           ("secretsmanager:GetSecretValue",
                                            "aws_secretsmanager_secret[webhook-secret-acme-dev].arn")},
    (secrets, "grant_read_of"):           {("secretsmanager:GetSecretValue",
                                            "aws_secretsmanager_secret[webhook-secret-acme-dev].arn")},
    (routing, "grant_publish"):           {("events:PutEvents", BUS)},
}  # fmt: skip
ARGUMENTS = {"add_event_source": {"maximum_concurrency": 5}, "grant_read_of": {"names": ["acme"]}}
each_grant = pytest.mark.parametrize(("layer", "method"), GRANTS, ids=[method for _, method in GRANTS])


def without_mappings(scope, id_, names):
    return QueueLayer(scope, id_, settings=QueueSettings(), names=names)


def granted(layer, method):
    """Call a layer's method, and return what it allowed: (action, resource)."""
    stack, function = bare_stack(), StubFunction()
    made = (without_mappings if layer is queues else layer)(stack, "layer", Names("dev"))
    getattr(made, method)(function, **ARGUMENTS.get(method, {}))
    for index, (_, _, resources) in enumerate(function.allowed):
        cdk.TerraformOutput(stack, f"resources-{index}", value=resources)
    outputs = synthesize(stack).outputs()
    return {
        (action, resource)
        for index, (_, actions, _) in enumerate(function.allowed)
        for action in actions
        for resource in outputs[f"resources-{index}"]["value"]
    }


@each_grant
def test_a_grant_adds_exactly_its_actions_on_exactly_its_resources(layer, method):
    assert granted(layer, method) == GRANTS[layer, method]


KINDS = {storage: StorageLayer, queues: QueueLayer, secrets: SecretsLayer, routing: EventRouting}


@each_grant
def test_a_grants_docstring_names_exactly_the_actions_that_it_adds(layer, method):
    doc = getattr(KINDS[layer], method).__doc__
    documented = set(re.findall(r"``(\w+:\w+)``", doc))
    if method == "add_dead_letter_event_source":
        # Its docstring says: the same as `add_event_source`.
        assert "with the same grants" in doc
        documented |= set(re.findall(r"``(\w+:\w+)``", QueueLayer.add_event_source.__doc__))

    assert documented == {action for action, _ in GRANTS[layer, method]}


def test_the_table_knows_every_grant():
    methods = {
        (kind, name) for kind in KINDS.values() for name in vars(kind) if re.match(r"grant_|add_\w*event_source", name)
    }

    assert methods == {(KINDS[layer], method) for layer, method in GRANTS}


@pytest.mark.parametrize(("given", "used"), [(1, 2), (2, 2), (100, 100), (1_000, 1_000), (5_000, 1_000)])
def test_an_event_source_keeps_within_what_lambda_takes(given, used):
    stack = bare_stack()
    layer = without_mappings(stack, "layer", Names("dev"))
    layer.add_event_source(StubFunction(), maximum_concurrency=given)

    mapping = synthesize(stack).one("aws_lambda_event_source_mapping")

    assert mapping["scaling_config"] == {"maximum_concurrency": used}


def test_a_function_adds_up_what_it_is_allowed_and_told(bundles):
    stack = bare_stack()
    function = WebhookFunction(
        stack,
        "f",
        name="status",
        settings=FunctionSettings(),
        names=Names("dev"),
        account_id=ACCOUNT,
        bundle=bundles / "status.zip",
        handler="lambdas.status.handler.handler",
    )
    function.allow("One", ["a:A"], ["arn:aws:a:::1"])
    function.allow("Two", ["b:B"], ["arn:aws:b:::2"])
    function.configure({"XX": "1", "YY": "1"})
    function.configure({"YY": "2"})

    template = synthesize(stack)

    statements = template.statements(template.one("aws_iam_role_policy")["policy"])
    variables = template.one("aws_lambda_function")["environment"]["variables"]
    assert [(s["sid"], s["actions"], s["resources"]) for s in statements[-2:]] == [
        ("One", ["a:A"], ["arn:aws:a:::1"]),
        ("Two", ["b:B"], ["arn:aws:b:::2"]),
    ]
    assert {"XX": "1", "YY": "2"}.items() <= variables.items()


def test_a_function_without_a_bundle_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="run 'make bundle' first"):
        LambdaFleet(
            bare_stack(),
            "fleet",
            settings=FunctionSettings(),
            names=Names("dev"),
            account_id=ACCOUNT,
            bundles=tmp_path,
            reserved_concurrency={},
        )


def api_layer(stack, id_="api", **values):
    given = {"names": Names("dev"), "log_retention": 7, "description": "", "stage_name": "v1", **values}
    return ApiLayer(stack, id_, settings=ApiSettings(), **given)


def direct_integration(stack):
    queue = SqsQueue(stack, "queue")
    return DirectIntegration(
        api_layer(stack), "direct", queue=queue, region="us-east-1", account_id=ACCOUNT, names=Names("dev")
    )


def subscriptions(stack, tenants_of=None):
    return InboundSubscriptions(
        stack,
        "s",
        tenants_of=tenants_of or {},
        bus_name="webhook-events-dev",
        names=Names("dev"),
        rule_names=Names("dev"),
    )


def function_of(stack, **values):
    given = {
        "name": "f",
        "names": Names("dev"),
        "bundle": BUNDLES / "status.zip",
        "handler": "lambdas.status.handler.handler",
        **values,
    }
    return WebhookFunction(stack, "f", settings=FunctionSettings(), account_id=ACCOUNT, **given)


REFUSED_ALONE = {
    "batches of a FIFO queue": (
        lambda stack: QueueLayer(stack, "q", settings=QueueSettings(fifo=True), names=Names("dev")),
        "queue.batch_size: 100",
    ),
    "batches that nobody gathers": (
        lambda stack: QueueLayer(stack, "q", settings=QueueSettings(batch_window=0), names=Names("dev")),
        "queue.batch_size: 100",
    ),
    "an order without FIFO": (
        lambda stack: QueueLayer(stack, "q", settings=QueueSettings(ordered_by="transaction"), names=Names("dev")),
        "queue.ordered_by: 'transaction'",
    ),
    "an ingest queue with an order": (
        lambda stack: IngestQueue(
            stack, "q", settings=QueueSettings(fifo=True, batch_size=10, batch_window=0), names=Names("dev")
        ),
        "queue.fifo: True is not allowed",
    ),
    "a provider that is none": (
        lambda stack: SecretsLayer(stack, "s", providers={"x": "nope"}, options={}, names=Names("dev")),
        "providers.x: 'nope' is none of",
    ),
    "a provider without the option that it needs": (
        lambda stack: SecretsLayer(stack, "s", providers={"square": "square"}, options={}, names=Names("dev")),
        "provider_options.square.url: is missing",
    ),
    "public addresses": (
        lambda stack: network(stack, "n", Names("dev"), cidr="8.8.0.0/23"),
        "network.cidr: '8.8.0.0/23'",
    ),
    "days that CloudWatch does not know": (
        lambda stack: api_layer(stack, log_retention=8),
        "log_retention: 8 is not allowed; allowed: one of 1, 3, 5, 7, 14",
    ),
    "a stage's name": (lambda stack: api_layer(stack, stage_name="v 1"), "stage_name: 'v 1' is not allowed"),
    "an account": (
        lambda stack: StorageLayer(stack, "s", settings=StorageSettings(), names=Names("dev"), account_id="1234"),
        "account_id: '1234' is not allowed; allowed: the 12 digits of an account",
    ),
    "a region": (
        lambda stack: Monitoring(
            stack, "m", settings=MonitoringSettings(), names=Names("dev"), account_id=ACCOUNT, region="useast1"
        ),
        "region: 'useast1' is not allowed; allowed: the name of an AWS region",
    ),
    "no id": (lambda stack: api_layer(stack, id_=""), "id_: '' is not allowed; allowed: a text that is not empty"),
    "a provider for a list": (
        lambda stack: EventRouting(stack, "r", settings=RoutingSettings(), names=Names("dev"), providers="stripe"),
        "providers: 'stripe' is not a list of texts",
    ),
    "a provider's name": (
        lambda stack: EventRouting(stack, "r", settings=RoutingSettings(), names=Names("dev"), providers=["My Shop"]),
        "providers: 'My Shop' is not allowed",
    ),
    "a subscriber of a provider that is not deployed": (
        lambda stack: EventRouting(
            stack, "r", settings=RoutingSettings(subscribers={"a": "github"}), names=Names("dev"), providers=["stripe"]
        ),
        "routing.subscribers.a: 'github' is none of the deployed providers, stripe",
    ),
    "a subscriber without a rule": (
        lambda stack: SubscriberQueues(
            stack, "q", subscribers={"a": "stripe"}, settings=QueueSettings(), names=Names("dev"), rules={}
        ),
        "rules: there is none for a",
    ),
    "a provider without a secret that there is not": (
        lambda stack: SecretsLayer(
            stack, "s", providers={"a": "stripe"}, options={}, keyless=["b"], names=Names("dev")
        ),
        "keyless: b is none of the deployed providers, a",
    ),
    "more executions than a mapping may use": (
        lambda stack: IngestQueue(stack, "q", settings=QueueSettings(), names=Names("dev")).add_event_source(
            StubFunction(), maximum_concurrency=1_001
        ),
        "maximum_concurrency: 1001 is not allowed; allowed: 2 to 1000 executions",
    ),
    "a provider's path": (
        lambda stack: direct_integration(stack).receive(WEBHOOK_BY_PATH, provider="My Shop", answer=AcceptedResponse()),
        "provider: 'My Shop' is not allowed",
    ),
    "receives": (
        lambda stack: redrive(stack, "r", SqsQueue(stack, "a"), SqsQueue(stack, "b"), receives=0),
        "receives: 0 is not allowed; allowed: 1 to 1000 receives",
    ),
    "a queue's name": (
        lambda stack: dead_letter_queue(stack, "q", "q" * 76, fifo=True),
        "name: '" + "q" * 76 + ".fifo' is not allowed; allowed: 1 to 80",
    ),
    "an archive's name": (
        lambda stack: EventRouting(
            stack, "r", settings=RoutingSettings(), names=Names("e" * 16, "p" * 25), providers=["stripe"]
        ),
        "eee' has 49 characters; allowed: up to 48",
    ),
    "an archive bucket": (
        lambda stack: subscriptions(stack).grant_read_payloads(StubFunction(), "My_Bucket"),
        "bucket: 'My_Bucket' is not allowed; allowed: the name of a bucket",
    ),
    "a tenant for a list": (
        lambda stack: subscriptions(stack, {"stripe": {"acct_1": "acme"}}),
        "tenants_of.stripe.acct_1: 'acme' is not a list of texts",
    ),
    "no tenant": (
        lambda stack: subscriptions(stack, {"stripe": {"acct_1": []}}),
        "tenants_of.stripe.acct_1: [] names no tenant",
    ),
    "a reservation of a fleet": (
        lambda stack: LambdaFleet(
            stack,
            "f",
            settings=FunctionSettings(),
            names=Names("dev"),
            account_id=ACCOUNT,
            bundles=BUNDLES,
            reserved_concurrency={"status": "5"},
        ),
        "reserved_concurrency.status: '5' is not a whole number",
    ),
    "a tag": (lambda stack: tag_everything(stack, {"Team": 5}), "tags.Team: 5 is not a text"),
    "a statement": (lambda stack: policy_document(stack, "p", [{"sid": "S"}]), "statements: [{'sid': 'S'}] is not a"),
    "a folder": (lambda _: App(outdir=Path("out")), "outdir: PosixPath is not a text"),
    "a function's name": (
        lambda stack: function_of(stack, name="My Function"),
        "name: 'My Function' is not allowed",
    ),
    "a function's name with its prefix": (
        lambda stack: function_of(stack, name="f" * 30, names=Names("e" * 16, "p" * 25)),
        "eee' has 73 characters; allowed: up to 64",
    ),
    "a reservation": (
        lambda stack: function_of(stack, reserved_concurrency=-1),
        "reserved_concurrency: -1 is not allowed",
    ),
    "a queue of a schedule": (
        lambda stack: Schedule(stack, "e", names=Names("dev"), function="f"),
        "function: 'f' is not a WebhookFunction",
    ),
    "executions of a function that there is not": (
        lambda stack: LambdaFleet(
            stack,
            "f",
            settings=FunctionSettings(),
            names=Names("dev"),
            account_id=ACCOUNT,
            bundles=Path(),
            reserved_concurrency={"ingest": 5},
        ),
        "reserved_concurrency: ingest is no function",
    ),
}


@pytest.mark.usefixtures("bundles")
@pytest.mark.parametrize(("layer", "message"), REFUSED_ALONE.values(), ids=REFUSED_ALONE.keys())
def test_a_layer_alone_refuses_what_the_settings_of_a_stack_refuse(layer, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        layer(bare_stack())
