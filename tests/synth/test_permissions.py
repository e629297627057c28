"""Who may do what: the whole of it, as tables. What is not in them is not granted."""

import json
import re
from fnmatch import fnmatch

import pytest

from tests.synth.labels import API, BUCKET, BUS, DLQ, QUEUE, TABLE, TOPIC, secret
from tests.synth.template import texts

TABLE_ARN, BUCKET_ARN, BUS_ARN = f"{TABLE}.arn", f"{BUCKET}.arn", f"{BUS}.arn"
QUEUE_ARN, DLQ_ARN, TOPIC_ARN = f"{QUEUE}.arn", f"{DLQ}.arn", f"{TOPIC}.arn"
EXECUTION = f"{API}.execution_arn"
ACCOUNT = "data.aws_caller_identity[account].account_id"
PARTITION = "data.aws_partition[api_partition].partition"
SMOKE_PARTITION = "data.aws_partition[smoke_partition].partition"
PROVIDERS = ("stripe", "github", "standard-webhooks", "generic")


def secret_arn(provider):
    return f"{secret(provider)}.arn"


# X-Ray knows no resources for these.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
TRACES = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}


def own_log(function):
    log = f"aws_cloudwatch_log_group[/aws/lambda/{function}].arn:*"
    return {("logs:CreateLogStream", log), ("logs:PutLogEvents", log)}


GRANTS = {
    "webhook-ingestion-dev": {
        ("secretsmanager:GetSecretValue", secret_arn("stripe")),
        ("secretsmanager:GetSecretValue", secret_arn("github")),
        ("secretsmanager:GetSecretValue", secret_arn("standard-webhooks")),
        ("secretsmanager:GetSecretValue", secret_arn("generic")),
        ("s3:PutObject",                  f"{BUCKET_ARN}/raw/*"),
        ("sqs:SendMessage",               QUEUE_ARN),
    },
    "webhook-processing-dev": {
        ("sqs:ReceiveMessage",            QUEUE_ARN),
        ("sqs:DeleteMessage",             QUEUE_ARN),
        ("sqs:GetQueueAttributes",        QUEUE_ARN),
        ("s3:PutObject",                  f"{BUCKET_ARN}/raw/*"),
        ("dynamodb:PutItem",              TABLE_ARN),
        ("dynamodb:PartiQLInsert",        TABLE_ARN),
        ("dynamodb:PartiQLUpdate",        TABLE_ARN),
        ("dynamodb:UpdateItem",           TABLE_ARN),
        ("dynamodb:PartiQLSelect",        f"{TABLE_ARN}/index/byEvent"),
        ("dynamodb:Query",                f"{TABLE_ARN}/index/byTransaction"),
        ("dynamodb:BatchGetItem",         TABLE_ARN),
        ("events:PutEvents",              BUS_ARN),
    },
    "webhook-dead-letter-dev": {
        ("sqs:ReceiveMessage",            DLQ_ARN),
        ("sqs:DeleteMessage",             DLQ_ARN),
        ("sqs:GetQueueAttributes",        DLQ_ARN),
        ("s3:PutObject",                  f"{BUCKET_ARN}/dead-letter/*"),
        ("dynamodb:UpdateItem",           TABLE_ARN),
        ("dynamodb:GetItem",              TABLE_ARN),
        ("dynamodb:PartiQLSelect",        f"{TABLE_ARN}/index/byEvent"),
    },
    "webhook-status-dev": {
        ("dynamodb:Query",                TABLE_ARN),
        ("dynamodb:Query",                f"{TABLE_ARN}/index/byTransaction"),
        ("dynamodb:BatchGetItem",         TABLE_ARN),
    },
    "webhook-replay-dev": {
        ("dynamodb:Query",                TABLE_ARN),
        ("dynamodb:Query",                f"{TABLE_ARN}/index/byEvent"),
        ("dynamodb:Query",                f"{TABLE_ARN}/index/byReceived"),
        ("dynamodb:BatchGetItem",         TABLE_ARN),
        ("dynamodb:PutItem",              TABLE_ARN),
        ("dynamodb:UpdateItem",           TABLE_ARN),
        ("s3:GetObject",                  f"{BUCKET_ARN}/dead-letter/*"),
        ("s3:GetObject",                  f"{BUCKET_ARN}/raw/_batch/*"),
        ("s3:PutObject",                  f"{BUCKET_ARN}/raw/*"),
        ("s3:PutObject",                  f"{BUCKET_ARN}/dead-letter/*"),
        ("s3:DeleteObjectVersion",        f"{BUCKET_ARN}/raw/*"),
        ("s3:DeleteObjectVersion",        f"{BUCKET_ARN}/dead-letter/*"),
        ("s3:ListBucketVersions",         BUCKET_ARN),
        ("sqs:SendMessage",               QUEUE_ARN),
    },
    "webhook-operator-dev": {
        ("dynamodb:Query",                TABLE_ARN),
        ("dynamodb:Query",                f"{TABLE_ARN}/index/byEvent"),
        ("dynamodb:Query",                f"{TABLE_ARN}/index/byTransaction"),
        ("dynamodb:Query",                f"{TABLE_ARN}/index/byReceived"),
        ("dynamodb:Query",                f"{TABLE_ARN}/index/byDeadLetter"),
        ("dynamodb:Query",                f"{TABLE_ARN}/index/byConflict"),
        ("dynamodb:BatchGetItem",         TABLE_ARN),
        ("s3:GetObject",                  f"{BUCKET_ARN}/raw/*"),
        ("s3:GetObject",                  f"{BUCKET_ARN}/dead-letter/*"),
    },
}  # fmt: skip

LAMBDA_OF_THIS_ACCOUNT = {
    "service": "lambda.amazonaws.com",
    "condition": [{"test": "StringEqualsIfExists", "variable": "aws:SourceAccount", "values": [ACCOUNT]}],
}
TRUST = {
    **dict.fromkeys(GRANTS, LAMBDA_OF_THIS_ACCOUNT),
    "webhook-api-logs-dev": {"service": "apigateway.amazonaws.com", "condition": None},
}
MANAGED = {
    "webhook-api-logs-dev": {
        f"arn:{PARTITION}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
    },
}

# Who may invoke which function, by API Gateway's `<api>/<stage>/<method>/<path>`.
INVOCATIONS = {
    ("webhook-ingestion-dev", f"{EXECUTION}/*/POST/webhook/*"),
    ("webhook-ingestion-dev", f"{EXECUTION}/*/POST/webhook"),
    ("webhook-status-dev",    f"{EXECUTION}/*/GET/status/*"),
    ("webhook-replay-dev",    f"{EXECUTION}/*/POST/internal/replay"),
    ("webhook-replay-dev",    f"{EXECUTION}/*/POST/internal/erase"),
    ("webhook-operator-dev",  f"{EXECUTION}/*/GET/internal/events"),
    ("webhook-operator-dev",  f"{EXECUTION}/*/GET/internal/events/*"),
    ("webhook-operator-dev",  f"{EXECUTION}/*/GET/internal/counts"),
    ("webhook-operator-dev",  f"{EXECUTION}/*/GET/internal/audit"),
    ("webhook-operator-dev",  f"{EXECUTION}/*/GET/internal/payloads/*"),
}  # fmt: skip
CONDITIONS = {
    "RecordActions": [
        {"test": "ForAllValues:StringEquals", "variable": "dynamodb:LeadingKeys", "values": ["audit log"]}
    ],
    "MarkErased": [
        {"test": "ForAllValues:StringNotEquals", "variable": "dynamodb:LeadingKeys", "values": ["audit log"]}
    ],
    "FindVersions": [{"test": "StringLike", "variable": "s3:prefix", "values": ["raw/*", "dead-letter/*"]}],
}


def grants(template, role):
    """Return what a role's own policies allow, as (action, resource)."""
    granted = set()
    for policy in template.pointing_at("aws_iam_role_policy", "role", role):
        for statement in template.statements(policy["policy"]):
            conditions = statement.pop("condition", [])
            assert conditions == CONDITIONS.get(statement["sid"], []), f"{statement['sid']} says more"
            assert set(statement) == {"sid", "effect", "actions", "resources"}, f"{statement['sid']} says more"
            assert statement["effect"] == "Allow"
            granted |= {(action, resource) for action in statement["actions"] for resource in statement["resources"]}
    return granted


def statements(template):
    """Yield every statement of every policy document of the stack, with the document's address."""
    for document in template.all("data.aws_iam_policy_document"):
        for statement in document["statement"]:
            yield document.address, template.meaning(statement)


@pytest.mark.parametrize("function", GRANTS)
def test_a_function_may_do_exactly_what_its_table_says(template, function):
    role = template.one("aws_iam_role", function)

    assert grants(template, role) == GRANTS[function] | TRACES | own_log(function)


def test_every_function_has_a_role_of_its_own_and_the_tables_know_all_of_them(template):
    roles = {
        name: template.meaning(function["role"]) for name, function in template.by_name("aws_lambda_function").items()
    }

    assert roles == {function: f"aws_iam_role[{function}].arn" for function in GRANTS}
    assert set(template.by_name("aws_iam_role")) == set(TRUST)


def test_nothing_is_granted_past_the_roles_own_policies(template):
    attached = {}
    for attachment in template.all("aws_iam_role_policy_attachment"):
        attached.setdefault(template.target(attachment["role"]).name, set()).add(
            template.meaning(attachment["policy_arn"])
        )
    said_by_roles = {attribute for role in template.all("aws_iam_role") for attribute in role.values}
    other = {
        resource.type
        for resource in template.resources()
        if re.match(r"aws_(iam|.*_policy$|.*_permission$)", resource.type)
    }

    assert attached == MANAGED
    assert said_by_roles == {"name", "assume_role_policy", "tags"}
    assert other == {
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_iam_role_policy_attachment",
        "aws_lambda_permission",
        "aws_s3_bucket_policy",
        "aws_sns_topic_policy",
        "aws_sqs_queue_policy",
        "aws_sqs_queue_redrive_allow_policy",
        "aws_sqs_queue_redrive_policy",
    }


@pytest.mark.parametrize("role", TRUST)
def test_a_role_trusts_one_service(template, role):
    trust = template.statements(template.one("aws_iam_role", role)["assume_role_policy"])

    assert [(s["effect"], s["actions"], s["principals"], s.get("condition")) for s in trust] == [
        (
            "Allow",
            ["sts:AssumeRole"],
            [{"type": "Service", "identifiers": [TRUST[role]["service"]]}],
            TRUST[role]["condition"],
        )
    ]


# Network interfaces have no ARN before they are there, and cannot be described by one.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
INTERFACES = {
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}
LISTS = ("cloudwatch:DescribeAlarms", "logs:DescribeLogGroups")
METRICS = ("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics")
# The functions', and those of whoever runs `make smoke` or `make console`.
ANYWHERE = {
    *((action, "WriteTracesWhichHaveNoArn") for action, _ in TRACES),
    *((action, "ListAlarmsAndLogGroupsWhichHaveNoArn") for action in LISTS),
    *((action, "SeeAlarmsAndMetricsWhichHaveNoArn") for action in METRICS),
}
EVERYWHERE = {
    "standard": ANYWHERE,
    "ordered": ANYWHERE,
    "burst": ANYWHERE | {(action, "ManageNetworkInterfacesWhichHaveNoArn") for action in INTERFACES},
}


def test_the_only_resources_that_are_everything_are_those_that_have_no_arn_and_their_sid_says_so(preset):
    # An endpoint's policy says what the roles' policies say, with a number after the sid.
    everywhere = {
        (action, statement["sid"].rstrip("0123456789"))
        for _, statement in statements(preset)
        for action in statement["actions"]
        if statement["effect"] == "Allow" and "*" in statement["resources"]
    }

    assert everywhere == EVERYWHERE[preset.environment]


def test_no_allowed_action_has_a_wildcard(preset):
    wild = {
        (document, action)
        for document, statement in statements(preset)
        for action in statement["actions"]
        if statement["effect"] == "Allow" and re.search(r"[*?]", action)
    }

    assert wild == set()


def test_nobody_is_allowed_as_anybody(preset):
    # A gateway endpoint's policy takes no role as principal, but as a condition.
    # https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
    everybody = {
        (document, statement["sid"])
        for document, statement in statements(preset)
        if statement["effect"] == "Allow"
        and "*" in list(texts(statement.get("principals")))
        and ("ArnEquals", "aws:PrincipalArn", 1)
        not in [(c["test"], c["variable"], len(c["values"])) for c in statement.get("condition", [])]
    }
    of_endpoints = {preset.target(endpoint["policy"]).address for endpoint in preset.all("aws_vpc_endpoint")}
    by_condition = {
        document
        for document, statement in statements(preset)
        if statement["effect"] == "Allow" and "*" in list(texts(statement.get("principals")))
    }

    assert everybody == set()
    assert by_condition == of_endpoints


def test_no_statement_is_written_the_other_way_round(preset):
    # `not_actions` and its like grant what nobody listed.
    attributes = {attribute for _, statement in statements(preset) for attribute in statement}

    assert attributes == {"sid", "effect", "actions", "resources", "principals", "condition"}


def test_every_policy_document_is_used_in_one_place(preset):
    documents = [document.address for document in preset.all("data.aws_iam_policy_document")]
    used = list(texts(preset.document))

    uses = {document: used.count(f"${{{document}.json}}") for document in documents}

    # The operators' is part of another one.
    operators = {document: 2 for document in documents if "api_operator_policy" in document}
    assert uses == {**dict.fromkeys(documents, 1), **operators}


DENIED = {
    "bucket": ("aws_s3_bucket_policy", "bucket", "aws_s3_bucket", "s3:*", [BUCKET_ARN, f"{BUCKET_ARN}/*"]),
    "main queue": ("aws_sqs_queue_policy", "queue_url", "aws_sqs_queue", "sqs:*", [QUEUE_ARN]),
    "dead letter queue": ("aws_sqs_queue_policy", "queue_url", "aws_sqs_queue", "sqs:*", [DLQ_ARN]),
}


@pytest.mark.parametrize("what", DENIED)
def test_whatever_does_not_come_over_tls_is_denied_and_nothing_else_is_said(template, what):
    policy_type, attribute, type_, action, resources = DENIED[what]
    name = re.search(r"\[(.+)\]", resources[0])[1]
    (policy,) = template.pointing_at(policy_type, attribute, template.one(type_, name))

    assert template.statements(policy["policy"]) == [
        {
            "sid": "DenyPlainHttp",
            "effect": "Deny",
            "actions": [action],
            "resources": resources,
            "principals": [{"type": "*", "identifiers": ["*"]}],
            "condition": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["false"]}],
        }
    ]


def test_every_bucket_and_queue_has_its_policy_which_denies_plain_http(preset):
    attached = [(preset.target(policy["bucket"]).label, policy) for policy in preset.all("aws_s3_bucket_policy")]
    attached += [(preset.target(policy["queue_url"]).label, policy) for policy in preset.all("aws_sqs_queue_policy")]
    denying = [label for label, policy in attached if preset.statements(policy["policy"])[-1]["sid"] == "DenyPlainHttp"]

    assert sorted(label for label, _ in attached) == sorted(
        resource.label for type_ in ("aws_s3_bucket", "aws_sqs_queue") for resource in preset.all(type_)
    )
    assert sorted(denying) == sorted(label for label, _ in attached)


def test_only_alarms_of_this_account_publish_to_the_topic(template):
    policy = template.one("aws_sns_topic_policy")

    assert template.meaning(policy["arn"]) == TOPIC_ARN
    assert template.statements(policy["policy"]) == [
        {
            "sid": "AlarmsOfThisAccountPublish",
            "effect": "Allow",
            "actions": ["sns:Publish"],
            "resources": [TOPIC_ARN],
            "principals": [{"type": "Service", "identifiers": ["cloudwatch.amazonaws.com"]}],
            "condition": [{"test": "StringEquals", "variable": "aws:SourceAccount", "values": [ACCOUNT]}],
        }
    ]


def test_api_gateway_invokes_a_function_for_its_own_method_and_path_alone(template):
    permissions = template.all("aws_lambda_permission")
    invocations = {
        (template.target(permission["function_name"]).name, template.meaning(permission["source_arn"]))
        for permission in permissions
    }

    assert invocations == INVOCATIONS
    assert [{p["action"], p["principal"]} for p in permissions] == [
        {"lambda:InvokeFunction", "apigateway.amazonaws.com"} for _ in INVOCATIONS
    ]


def test_an_operators_policy_allows_the_operators_endpoints_and_what_the_console_shows_alone(template):
    policy = template.document["output"]["operator_policy_json"]["value"]

    assert template.statements(policy) == [
        {
            "sid": "CallOperatorsEndpoints",
            "effect": "Allow",
            "actions": ["execute-api:Invoke"],
            "resources": [
                f"{EXECUTION}/v1/GET/status/*",
                f"{EXECUTION}/v1/POST/internal/replay",
                f"{EXECUTION}/v1/GET/internal/events",
                f"{EXECUTION}/v1/GET/internal/events/*",
                f"{EXECUTION}/v1/GET/internal/counts",
                f"{EXECUTION}/v1/GET/internal/audit",
            ],
        },
        {
            "sid": "SeeAlarmsAndMetricsWhichHaveNoArn",
            "effect": "Allow",
            "actions": list(METRICS),
            "resources": ["*"],
        },
        {
            "sid": "SeeBacklog",
            "effect": "Allow",
            "actions": ["sqs:GetQueueAttributes"],
            "resources": [QUEUE_ARN, DLQ_ARN],
        },
    ]


@pytest.mark.parametrize(
    ("output", "route"),
    [("payload_policy_json", "GET/internal/payloads/*"), ("erase_policy_json", "POST/internal/erase")],
)
def test_payloads_are_read_and_erased_with_policies_of_their_own(template, output, route):
    def resources(output):
        statements = template.statements(template.document["output"][output]["value"])
        calls = [statement for statement in statements if "execute-api:Invoke" in statement["actions"]]
        return [resource for statement in calls for resource in statement["resources"]]

    apart = f"{EXECUTION}/v1/{route}"

    assert resources(output) == [apart]
    # A wildcard of IAM matches slashes too.
    assert not any(fnmatch(apart, allowed) for allowed in resources("operator_policy_json"))


def test_smokes_policy_allows_what_operators_may_and_what_it_makes_and_looks_at(template):
    (document,) = [each for each in template.all("data.aws_iam_policy_document") if each.id == "smoke_policy"]
    allowed = {statement["sid"]: statement for statement in template.meaning(document["statement"])}
    own_queue = f"arn:{SMOKE_PARTITION}:sqs:us-east-1:{ACCOUNT}:webhook-smoke-dev"
    own_rule = f"arn:{SMOKE_PARTITION}:events:us-east-1:{ACCOUNT}:rule/{BUS}.name/webhook-smoke-dev"

    assert template.meaning(document["source_policy_documents"]) == [
        template.meaning(template.document["output"]["operator_policy_json"]["value"])
    ]
    assert {sid: (each["actions"], each["resources"]) for sid, each in allowed.items()} == {
        "ReadSigningSecrets": (["secretsmanager:GetSecretValue"], [*map(secret_arn, PROVIDERS)]),
        "ReadArchivedPayloads": (["s3:GetObject"], [f"{BUCKET_ARN}/raw/*"]),
        "UseQueueOfItsOwn": (
            ["sqs:CreateQueue", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteQueue"],
            [own_queue],
        ),
        "UseRuleOfItsOwn": (["events:PutRule", "events:RemoveTargets", "events:DeleteRule"], [own_rule]),
        "SendFromThatRuleToThatQueue": (["events:PutTargets"], [own_rule]),
        "ListAlarmsAndLogGroupsWhichHaveNoArn": ([*LISTS], ["*"]),
    }
    assert allowed["SendFromThatRuleToThatQueue"]["condition"] == [
        {"test": "ForAllValues:ArnEquals", "variable": "events:TargetArn", "values": [own_queue]}
    ]


def test_listens_policy_allows_reading_and_what_listeners_of_this_environment_make(template):
    (document,) = [each for each in template.all("data.aws_iam_policy_document") if each.id == "listen_policy"]
    allowed = {statement["sid"]: statement for statement in template.meaning(document["statement"])}
    partition = "data.aws_partition[listen_partition].partition"
    own = [f"webhook-listen-{number}-dev" for number in range(1, 6)]
    queues = [f"arn:{partition}:sqs:us-east-1:{ACCOUNT}:{name}" for name in own]
    rules = [f"arn:{partition}:events:us-east-1:{ACCOUNT}:rule/{BUS}.name/{name}" for name in own]
    on_queues = ("CreateQueue", "GetQueueUrl", "GetQueueAttributes", "ReceiveMessage", "DeleteMessage", "DeleteQueue")

    assert {sid: (each["actions"], each["resources"]) for sid, each in allowed.items()} == {
        "FindRecordsByTime": (["dynamodb:Query"], [f"{TABLE_ARN}/index/byReceived"]),
        "ReadFoundRecords": (["dynamodb:BatchGetItem"], [TABLE_ARN]),
        "ReadArchivedPayloads": (["s3:GetObject"], [f"{BUCKET_ARN}/raw/*"]),
        "UseQueuesOfListeners": ([f"sqs:{action}" for action in on_queues], queues),
        "UseRulesOfListeners": (["events:PutRule", "events:RemoveTargets", "events:DeleteRule"], rules),
        "SendFromThoseRulesToThoseQueues": (["events:PutTargets"], rules),
    }
    assert [each["condition"] for each in allowed.values() if each.get("condition")] == [
        [{"test": "ForAllValues:ArnEquals", "variable": "events:TargetArn", "values": queues}]
    ]


def test_only_the_main_queue_may_redrive_to_the_dead_letter_queue(template):
    allow = template.one("aws_sqs_queue_redrive_allow_policy")

    assert template.meaning(allow["queue_url"]) == "aws_sqs_queue[webhook-dlq-dev].id"
    policy = json.loads(template.meaning(allow["redrive_allow_policy"]))
    assert policy == {"redrivePermission": "byQueue", "sourceQueueArns": [QUEUE_ARN]}


def test_a_provider_more_is_a_secret_more_for_ingestion_alone(synthesize):
    template = synthesize(values={"providers": {"acme": "generic"}})

    readers = {
        role: resource
        for role in GRANTS
        for action, resource in grants(template, template.one("aws_iam_role", role))
        if action.startswith("secretsmanager:")
    }

    assert readers == {"webhook-ingestion-dev": f"{secret('acme')}.arn"}
