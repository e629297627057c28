"""IAM statements and entry points in words: what a reviewer reads instead of JSON."""

import pytest

from modules.terraform_json.statements import PolicyKind, managed_policies, policies
from tests.unit.audit_stack import ACCOUNT, Stack, allow, good, only, read, service
from tools.audit.model.network import paths
from tools.audit.model.routes import routes
from tools.audit.model.words import guards, managed_sentence, network_path, sentence


def said(stack: Stack, carrier: str) -> dict[str, str]:
    """Return the statements that a resource carries: sid to sentence."""
    plan = read(stack)
    return {
        statement.sid: sentence(plan, policy, statement)
        for policy in policies(plan)
        if policy.carrier.address == carrier
        for statement in policy.statements
    }


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            allow("Archive", ["s3:PutObject"], ["${aws_s3_bucket.archive.arn}/raw/*"]),
            "function webhook-processing-dev may write objects below raw/ in bucket webhook-archive-<account>-dev "
            "(s3:PutObject) — sid Archive",
        ),
        (
            allow("Read", ["s3:GetObject"], ["${aws_s3_bucket.archive.arn}/*"]),
            "function webhook-processing-dev may read objects in bucket webhook-archive-<account>-dev (s3:GetObject) "
            "— sid Read",
        ),
        (
            allow("Find", ["dynamodb:Query"], ["${aws_dynamodb_table.records.arn}/index/byEvent"]),
            "function webhook-processing-dev may query index byEvent of table webhook-records-dev (dynamodb:Query) "
            "— sid Find",
        ),
        (
            allow("Send", ["sqs:SendMessage", "sqs:DeleteMessage"], ["${aws_sqs_queue.main.arn}"]),
            "function webhook-processing-dev may delete messages from and send messages to queue "
            "webhook-queue-dev.fifo (sqs:DeleteMessage, sqs:SendMessage) — sid Send",
        ),
        (
            allow("Unknown", ["states:StartExecution"], ["arn:aws:states:us-east-1:1:stateMachine:x"]),
            "function webhook-processing-dev may do states:StartExecution with "
            "`arn:aws:states:us-east-1:1:stateMachine:x` (states:StartExecution) — sid Unknown",
        ),
        (
            allow("All", ["*"], ["*"]),
            "function webhook-processing-dev may do anything (`*`) with anything (`*`) (*) — sid All",
        ),
        (
            allow("", ["sqs:*"], ["${aws_sqs_queue.main.arn}"]),
            "function webhook-processing-dev may do anything (`sqs:*`) with queue webhook-queue-dev.fifo (sqs:*) "
            "— without a sid",
        ),
        (
            {"sid": "Not", "effect": "Allow", "not_actions": ["iam:Get"], "not_resources": ["*"]},
            "function webhook-processing-dev may do everything but do iam:Get with with everything but anything (`*`) "
            "(iam:Get) — sid Not",
        ),
        (
            allow("Call", ["execute-api:Invoke"], ["${aws_api_gateway_rest_api.api.execution_arn}/v1/GET/status/*"]),
            "function webhook-processing-dev may call GET /status/* of API webhook-api-dev, stage v1 "
            "(execute-api:Invoke) — sid Call",
        ),
        (
            allow(
                "Tagged", ["sqs:SendMessage"], ["${aws_sqs_queue.main.arn}"], condition=only("aws:PrincipalTag/a", "b")
            ),
            "function webhook-processing-dev may send messages to queue webhook-queue-dev.fifo, only where "
            "aws:PrincipalTag/a StringEquals `b` (sqs:SendMessage) — sid Tagged",
        ),
    ],
    ids=lambda value: value["sid"] or "no-sid" if isinstance(value, dict) else "",
)
def test_a_statement_of_a_role_in_words(statement, words):
    # Given
    stack = good()
    stack["data.aws_iam_policy_document.processing"]["statement"] = [statement]

    # Then
    assert list(said(stack, "aws_iam_role_policy.processing").values()) == [words]


def test_who_may_become_a_role():
    assert said(good(), "aws_iam_role.processing") == {
        "LambdaRunsThis": "lambda.amazonaws.com may become role webhook-processing-dev, only on behalf of this account "
        "(sts:AssumeRole) — sid LambdaRunsThis"
    }


def test_another_account_is_not_called_this_one():
    stack = good()
    document = stack["data.aws_iam_policy_document.processing_trust"]["statement"][0]
    document["condition"] = only("aws:SourceAccount", "999999999999")

    assert "only on behalf of the account `999999999999`" in said(stack, "aws_iam_role.processing")["LambdaRunsThis"]


def test_a_condition_that_lets_through_what_lacks_the_key_is_not_called_binding():
    stack = good()
    document = stack["data.aws_iam_policy_document.processing_trust"]["statement"][0]
    document["condition"] = only("aws:SourceAccount", ACCOUNT, "StringEqualsIfExists")

    words = said(stack, "aws_iam_role.processing")["LambdaRunsThis"]

    assert "only where aws:SourceAccount StringEqualsIfExists" in words
    assert "this account" not in words


def test_a_denial_with_a_condition_is_not_called_the_only_case():
    stack = good()
    stack["data.aws_iam_policy_document.processing"]["statement"] = [
        {
            "sid": "NotByCode",
            "effect": "Deny",
            "actions": ["ec2:DeleteNetworkInterface"],
            "resources": ["*"],
            "condition": only("lambda:SourceFunctionArn", "arn:aws:lambda:*", "ArnLike"),
        }
    ]

    assert said(stack, "aws_iam_role_policy.processing")["NotByCode"] == (
        "function webhook-processing-dev may not delete network interfaces in anything (`*`), where "
        "lambda:SourceFunctionArn ArnLike `arn:aws:lambda:*` (ec2:DeleteNetworkInterface) — sid NotByCode"
    )


def test_anybody_who_must_be_a_role_is_told_with_the_role():
    stack = good()
    document = stack["data.aws_iam_policy_document.alarms"]["statement"][0]
    document["principals"] = [{"type": "*", "identifiers": ["*"]}]
    document["condition"] = only("aws:PrincipalArn", "${aws_iam_role.processing.arn}", "ArnEquals")

    assert said(stack, "aws_sns_topic_policy.alarms")["AlarmsPublish"].startswith(
        "anybody may publish to topic webhook-alarms-dev, only as role webhook-processing-dev"
    )


def test_what_a_security_group_lets_through():
    stack = good()
    stack["aws_vpc_security_group_ingress_rule.in"] = {
        "security_group_id": "${aws_security_group.functions.id}",
        "referenced_security_group_id": "${aws_security_group.functions.id}",
        "ip_protocol": "-1",
    }

    assert [network_path(path) for path in paths(read(stack))] == [
        "security group webhook-functions-dev lets everything in from security group webhook-functions-dev",
        "security group webhook-functions-dev lets tcp 443 out to 0.0.0.0/0",
    ]


def test_a_denial_to_anybody_reads_nobody_may():
    assert said(good(), "aws_s3_bucket_policy.archive")["DenyPlainHttp"] == (
        "nobody may do anything (`s3:*`) with bucket webhook-archive-<account>-dev and objects in bucket "
        "webhook-archive-<account>-dev, when the request does not come over TLS (s3:*) — sid DenyPlainHttp"
    )


def test_a_permission_to_invoke_is_a_statement_too():
    assert said(good(), "aws_lambda_permission.webhook")["ApiGateway"] == (
        "apigateway.amazonaws.com may invoke function webhook-ingestion-dev, only on behalf of POST /webhook of API "
        "webhook-api-dev, any stage (lambda:InvokeFunction) — sid ApiGateway"
    )


def test_a_policy_that_is_only_handed_out_is_shown():
    stack = good()
    stack["data.aws_iam_policy_document.operators"] = {
        "statement": [allow("Operate", ["sqs:SendMessage"], ["${aws_sqs_queue.main.arn}"])]
    }

    assert said(stack, "data.aws_iam_policy_document.operators")["Operate"].startswith(
        "whoever is given this policy may"
    )


def test_a_document_that_a_policy_takes_over_is_not_shown_twice():
    # Given a role's policy that is made of two documents
    stack = good()
    stack["data.aws_iam_policy_document.more"] = {
        "statement": [allow("More", ["sqs:SendMessage"], ["${aws_sqs_queue.main.arn}"])]
    }
    stack["data.aws_iam_policy_document.processing"]["source_policy_documents"] = [
        "${data.aws_iam_policy_document.more.json}"
    ]

    # Then its statements are the role's, and nobody else's
    assert "More" in said(stack, "aws_iam_role_policy.processing")
    assert PolicyKind.OFFERED not in {policy.kind for policy in policies(read(stack))}


def test_a_policy_as_literal_json_is_read_as_well():
    stack = good()
    stack["aws_iam_role_policy.processing"]["policy"] = (
        '{"Version":"2012-10-17","Statement":[{"Sid":"Literal","Effect":"Allow","Action":"sqs:SendMessage",'
        '"Resource":"${aws_sqs_queue.main.arn}","Condition":{"StringEquals":{"aws:SourceAccount":"1"}}}]}'
    )

    assert said(stack, "aws_iam_role_policy.processing")["Literal"] == (
        "function webhook-processing-dev may send messages to queue webhook-queue-dev.fifo, only on behalf of the "
        "account `1` (sqs:SendMessage) — sid Literal"
    )


def test_a_managed_policy_is_shown_with_whom_it_belongs_to():
    stack = good()
    stack["aws_iam_role_policy_attachment.logs"] = {
        "role": "${aws_iam_role.processing.name}",
        "policy_arn": "arn:aws:iam::aws:policy/service-role/SomePolicy",
    }
    plan = read(stack)

    assert [managed_sentence(plan, policy) for policy in managed_policies(plan)] == [
        "role webhook-processing-dev holds the managed policy SomePolicy "
        "(`arn:aws:iam::aws:policy/service-role/SomePolicy`)"
    ]


def test_a_public_route_says_what_verifies_it():
    assert guards(routes(read(good()))[0]) == [
        "throttle of 1000 requests/s, burst 2000",
        "API key of a usage plan, which limits and authenticates nobody",
        "API Gateway refuses it without X-Provider-ID",
        "function webhook-ingestion-dev verifies the signature with the secret of stripe",
    ]


def test_an_unguarded_route_says_so():
    stack = good()
    stack["aws_lambda_function.ingestion"]["environment"] = [{"variables": {}}]

    assert guards(routes(read(stack))[0])[-1] == "NOTHING that tells who calls"


def test_a_validator_that_validates_nothing_guards_nothing():
    stack = good()
    stack["aws_api_gateway_request_validator.headers"]["validate_request_parameters"] = False

    assert routes(read(stack))[0].required == ()


def test_a_route_for_operators_asks_for_iam():
    stack = good()
    stack["aws_api_gateway_method.webhook"]["authorization"] = "AWS_IAM"

    route = routes(read(stack))[0]

    assert not route.public
    assert "IAM signature of a principal that may call it" in guards(route)


def test_a_function_whose_role_is_shared_is_not_named_for_its_permissions():
    stack = good()
    stack["aws_lambda_function.ingestion"]["role"] = "${aws_iam_role.processing.arn}"
    stack["data.aws_iam_policy_document.processing"]["statement"] = [
        allow("Send", ["sqs:SendMessage"], ["${aws_sqs_queue.main.arn}"])
    ]

    assert said(stack, "aws_iam_role_policy.processing")["Send"].startswith("role webhook-processing-dev may")


def test_who_may_use_a_resource_names_the_service():
    stack = good()
    stack["data.aws_iam_policy_document.alarms"]["statement"][0]["principals"] = service("events.amazonaws.com")

    assert said(stack, "aws_sns_topic_policy.alarms")["AlarmsPublish"].startswith("events.amazonaws.com may publish to")
