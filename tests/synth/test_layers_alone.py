"""Each layer by itself: in a stack of its own, twice in a stack, and with exactly the grants that it documents."""

import re
from functools import cache
from pathlib import Path

import pytest

from modules.constructs.api_layer import ApiLayer
from modules.constructs.event_alarm import EventAlarm
from modules.constructs.monitoring import Monitoring
from modules.constructs.naming import Names
from modules.constructs.network import Network
from modules.constructs.policy import Statement
from modules.constructs.queue_layer import QueueLayer
from modules.constructs.webhook_function import WebhookFunction
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
    layer.permit("arn:role", [Statement(sid="Send", actions=["sqs:SendMessage"], resources=["arn:queue"])])
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
    (queues,  "grant_send"):              {("sqs:SendMessage", QUEUE)},
    (queues,  "add_event_source"):                    {("sqs:ReceiveMessage", QUEUE), ("sqs:DeleteMessage", QUEUE),
                                           ("sqs:GetQueueAttributes", QUEUE)},
    (queues,  "add_dead_letter_event_source"):       {("sqs:ReceiveMessage", DLQ), ("sqs:DeleteMessage", DLQ),
                                           ("sqs:GetQueueAttributes", DLQ)},
    (secrets, "grant_read"):              {("secretsmanager:GetSecretValue",
                                            "aws_secretsmanager_secret[webhook-secret-stripe-dev].arn"),
                                           ("secretsmanager:GetSecretValue",
                                            "aws_secretsmanager_secret[webhook-secret-acme-dev].arn")},
    (routing, "grant_publish"):           {("events:PutEvents", BUS)},
}  # fmt: skip
ARGUMENTS = {"add_event_source": {"maximum_concurrency": 5}}
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
    function.allow("One", ["a:A"], ["arn:1"])
    function.allow("Two", ["b:B"], ["arn:2"])
    function.configure({"XX": "1", "YY": "1"})
    function.configure({"YY": "2"})

    template = synthesize(stack)

    statements = template.statements(template.one("aws_iam_role_policy")["policy"])
    variables = template.one("aws_lambda_function")["environment"]["variables"]
    assert [(s["sid"], s["actions"], s["resources"]) for s in statements[-2:]] == [
        ("One", ["a:A"], ["arn:1"]),
        ("Two", ["b:B"], ["arn:2"]),
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


@pytest.mark.parametrize(("layer", "message"), REFUSED_ALONE.values(), ids=REFUSED_ALONE.keys())
def test_a_layer_alone_refuses_what_the_settings_of_a_stack_refuse(layer, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        layer(bare_stack())
