"""Mistakes in policies."""

import json

from tests.synth.mistakes.book import Book

book = Book()


STATUS = "fleet/status/permissions"


@book.mistake("wildcard-action", STATUS, "statement Added allows dynamodb:*")
def every_action_of_a_service(edit):
    edit.statement(actions=["dynamodb:*"])


@book.mistake("wildcard-action", STATUS, "allows dynamodb:?uery, dynamodb:Get*")
def actions_by_a_pattern(edit):
    edit.statement(actions=["dynamodb:Get*", "dynamodb:?uery", "dynamodb:Query"])


@book.mistake("wildcard-action", "literal", "statement Wide allows *")
def every_action_in_literal_json(edit):
    edit.inline_policy({"Sid": "Wide", "Effect": "Allow", "Action": "*", "Resource": edit.ref("storage/table")})


@book.mistake("wildcard-action", "role", "a statement without a sid allows s3:*")
def every_action_in_a_roles_inline_policy(edit):
    edit.add(
        "aws_iam_role",
        "role",
        name="webhook-role-dev",
        assume_role_policy=edit.ref("fleet/status/trust", "json"),
        inline_policy=[
            {
                "name": "wide",
                "policy": json.dumps(
                    {"Statement": {"Effect": "Allow", "Action": ["s3:*"], "Resource": edit.ref("storage/bucket")}}
                ),
            }
        ],
    )


@book.mistake("wildcard-action", "queues/main_policy_document", "statement Added allows sqs:*")
def every_action_for_a_service_in_a_queues_policy(edit):
    principals = [{"type": "Service", "identifiers": ["events.amazonaws.com"]}]
    edit.statement("queues/main_policy_document", actions=["sqs:*"], principals=principals)


@book.mistake("wildcard-action", "taken_over", "statement Inner allows sqs:*")
def every_action_in_a_policy_that_a_document_takes_over(edit):
    inner = {"Statement": [{"Sid": "Inner", "Effect": "Allow", "Action": "sqs:*", "Resource": edit.ref("queues/main")}]}
    edit.add_data("aws_iam_policy_document", "taken_over", source_policy_documents=[json.dumps(inner)])


@book.mistake("wildcard-resource", STATUS, "which is more than one resource", on_a_plan=False)
def resource_that_an_expression_chooses(edit):
    edit.statement(resources=['${var.wide ? "*" : aws_dynamodb_table.storage_table.arn}'])


@book.mistake("wildcard-resource", STATUS, "which is more than one resource", on_a_plan=False)
def resource_that_an_expression_joins(edit):
    edit.statement(resources=['${join("", ["arn:aws:s3:::", "*"])}'])


@book.mistake("wildcard-resource", STATUS, "which is more than one resource")
def resources_of_a_whole_list(edit):
    edit.statement(resources=["${aws_sqs_queue.all[*].arn}"])


@book.right
def every_action_denied(edit):
    edit.statement(effect="Deny", actions=["*"], resources=["*"])
    edit.inline_policy({"Sid": "No", "Effect": "Deny", "NotAction": "s3:GetObject", "Resource": "*"})


@book.mistake("wildcard-resource", STATUS, "statement Added allows dynamodb:Query on every resource")
def every_resource(edit):
    edit.statement(resources=["*"])


@book.mistake("wildcard-resource", STATUS, "allows ec2:RunInstances on every resource")
def more_than_the_short_list_on_every_resource(edit):
    edit.statement(sid="WhichHaveNoArn", actions=["xray:PutTraceSegments", "ec2:RunInstances"], resources=["*"])


@book.mistake("wildcard-resource", STATUS, "its sid does not say so with the word WhichHaveNoArn")
def short_list_under_a_sid_that_does_not_say_so(edit):
    edit.statement(sid="WriteTraces", actions=["xray:PutTraceSegments"], resources=["*"])


@book.mistake("wildcard-resource", "literal", "a statement without a sid allows sqs:SendMessage on every resource")
def every_resource_in_literal_json(edit):
    edit.inline_policy({"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": ["*"]})


WIDE = [
    "arn:aws:sqs:*:*:*",
    "arn:aws:sqs:us-east-1:123456789012:*",
    "arn:aws:sqs:us-east-1:*:webhook-queue-dev",
    "arn:aws:sqs:us-east-1:123456789012:webhook-*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::*/*",
    "arn:aws:s3:::webhook-archive-*/raw/*",
    "arn:aws:dynamodb:us-east-1:123456789012:table/*",
    "arn:aws:dynamodb:us-east-1:123456789012:table/webhook-*/index/byEvent",
    "arn:aws:logs:us-east-1:123456789012:*",
    "arn:aws:logs:us-east-1:123456789012:log-group:*",
    "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/*",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:*",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook-secret-*",
    "arn:aws:execute-api:us-east-1:123456789012:*/v1/GET/status/*",
    "arn:aws:iam::123456789012:role/*",
    "arn:*",
    "${aws_sqs_queue.queues_main.arn}*",
    "arn:aws:sqs:us-east-1:${data.aws_caller_identity.account.account_id}:*",
]
NARROW = [
    "arn:aws:s3:::webhook-archive-dev/*",
    "arn:aws:s3:::webhook-archive-dev/raw/*/2024/*",
    "arn:aws:dynamodb:us-east-1:123456789012:table/webhook-records-dev/index/*",
    "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/webhook-status-dev:*",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook-secret-stripe-dev-??????",
    "arn:aws:execute-api:us-east-1:123456789012:abc123/v1/GET/status/*",
    "${aws_dynamodb_table.storage_table.arn}/index/*",
    "${aws_cloudwatch_log_group.fleet_status_logs_9F443D20.arn}:*",
    "arn:${data.aws_partition.api_partition.partition}:s3:::${aws_s3_bucket.storage_bucket.bucket}/*",
    "execute-api:/*",
    "arn:aws:execute-api:us-east-1:123456789012:abc123/*/GET/status/*",
    "arn:aws:sns:us-east-1:123456789012:webhook-alarms-dev:*",
]


for wide in WIDE:
    book.mistake("wildcard-resource", STATUS, f"statement Added allows {wide}, which is more than one", name=wide)(
        lambda edit, resource=wide: edit.statement(resources=[resource])
    )
for narrow in NARROW:
    book.right(lambda edit, resource=narrow: edit.statement(resources=[resource]), name=narrow)


@book.right
def lists_of_alarms_and_log_groups(edit):
    actions = ["cloudwatch:DescribeAlarms", "logs:DescribeLogGroups"]
    edit.statement(sid="ListWhichHaveNoArn", actions=actions, resources=["*"])


@book.right
def network_interfaces_of_a_function_in_a_vpc(edit):
    actions = [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    ]
    edit.statement(sid="ManageNetworkInterfacesWhichHaveNoArn", actions=actions, resources=["*"])


def own_policy(edit, type_):
    root = {"AWS": "arn:aws:iam::123456789012:root"}
    statement = {"Sid": "Own", "Effect": "Allow", "Principal": root, "Action": "kms:PutKeyPolicy", "Resource": "*"}
    edit.add(type_, "own", policy=json.dumps({"Statement": [statement]}))


for type_ in ("aws_kms_key", "aws_kms_key_policy", "aws_secretsmanager_secret_policy"):
    book.right(lambda edit, type_=type_: own_policy(edit, type_), name=f"every resource in a policy of {type_}")


@book.mistake("wildcard-resource", "shared", "statement Own allows kms:PutKeyPolicy on every resource")
def key_policy_that_a_role_uses_too(edit):
    root = [{"type": "AWS", "identifiers": ["arn:aws:iam::123456789012:root"]}]
    block = {"sid": "Own", "actions": ["kms:PutKeyPolicy"], "resources": ["*"], "principals": root}
    edit.add_data("aws_iam_policy_document", "shared", statement=[block])
    edit.add("aws_kms_key", "key", policy=edit.ref("shared", "json"))
    edit.at("fleet/status/policy")["policy"] = edit.ref("shared", "json")


@book.mistake("negated-policy", STATUS, "allows everything but the actions that it lists")
def every_action_but_one(edit):
    edit.statement(actions=None, not_actions=["dynamodb:DeleteTable"])


@book.mistake("negated-policy", STATUS, "allows everything but the resources that it lists")
def every_resource_but_one(edit):
    edit.statement(resources=None, not_resources=[edit.ref("storage/table")])


@book.mistake("negated-policy", "literal", "statement Most allows everything but the actions that it lists")
def every_action_but_one_in_literal_json(edit):
    edit.inline_policy({"Sid": "Most", "Effect": "Allow", "NotAction": "iam:*", "Resource": edit.ref("storage/table")})


@book.mistake("negated-policy", "literal", "statement Most allows everything but the resources that it lists")
def every_resource_but_one_in_literal_json(edit):
    statement = {"Sid": "Most", "Effect": "Allow", "Action": "s3:GetObject", "NotResource": edit.ref("storage/bucket")}
    edit.inline_policy(statement)


@book.mistake("negated-policy", "literal", "statement Most allows everything but the principals that it lists")
def everybody_but_one_in_literal_json(edit):
    root = {"AWS": "arn:aws:iam::123456789012:root"}
    action, resource = "dynamodb:Query", edit.ref("storage/table")
    edit.inline_policy({"Sid": "Most", "Effect": "Allow", "NotPrincipal": root, "Action": action, "Resource": resource})


@book.mistake("negated-policy", "queues/main_policy_document", "allows everything but the principals that it lists")
def everybody_but_one(edit):
    root = [{"type": "AWS", "identifiers": ["arn:aws:iam::123456789012:root"]}]
    edit.statement("queues/main_policy_document", not_principals=root)


@book.mistake("anyone-allowed", "queues/main_policy_document", "statement Added allows the principal *")
def anybody_may_send(edit):
    anybody = [{"type": "AWS", "identifiers": ["*"]}]
    edit.statement(
        "queues/main_policy_document",
        actions=["sqs:SendMessage"],
        resources=[edit.ref("queues/main")],
        principals=anybody,
        condition=[{"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["123456789012"]}],
    )


@book.mistake("anyone-allowed", "open_policy", "statement Open allows the principal *")
def anybody_may_read_in_literal_json(edit):
    statement = {
        "Sid": "Open",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"{edit.ref('storage/bucket')}/*",
    }
    policy = json.dumps({"Statement": statement})
    edit.add("aws_s3_bucket_policy", "open_policy", bucket=edit.ref("storage/bucket", "id"), policy=policy)


@book.mistake("anyone-allowed", "fleet/status/trust", "statement LambdaRunsThisFunction allows the principal *")
def anybody_may_assume_the_role(edit):
    edit.at("fleet/status/trust")["statement"][0]["principals"] = [{"type": "AWS", "identifiers": ["*"]}]


@book.mistake("anyone-allowed", "api/post_webhook_permission", "principal *")
def anybody_may_invoke(edit):
    edit.at("api/post_webhook_permission")["principal"] = "*"


def endpoint_policy(edit, type_="aws_vpc_endpoint"):
    block = {
        "sid": "WriteTracesWhichHaveNoArn0",
        "actions": ["xray:PutTraceSegments"],
        "resources": ["*"],
        "principals": [{"type": "*", "identifiers": ["*"]}],
        "condition": [{"test": "ArnEquals", "variable": "aws:PrincipalArn", "values": [edit.ref("fleet/status/role")]}],
    }
    edit.add_data("aws_iam_policy_document", "through", statement=[block])
    edit.add(type_, "endpoint", policy=edit.ref("through", "json"))


for type_ in ("aws_vpc_endpoint", "aws_vpc_endpoint_policy"):
    book.right(lambda edit, type_=type_: endpoint_policy(edit, type_), name=f"anybody in a policy of {type_}")


@book.mistake("anyone-allowed", "through", "statement WriteTracesWhichHaveNoArn0 allows the principal *")
def policy_of_a_vpc_endpoint_that_a_queue_uses_too(edit):
    endpoint_policy(edit)
    edit.at("queues/main_policy")["policy"] = edit.ref("through", "json")


@book.mistake("anyone-allowed", "queues/main_policy_document", "statement Added allows the principal *")
def anybody_may_send_in_a_stack_with_a_vpc_endpoint(edit):
    endpoint_policy(edit)
    anybody_may_send(edit)


@book.mistake("anyone-allowed", "unused", "statement Open allows the principal *")
def anybody_in_a_policy_that_nothing_in_the_stack_uses(edit):
    anybody = [{"type": "AWS", "identifiers": ["*"]}]
    block = {
        "sid": "Open",
        "actions": ["sqs:SendMessage"],
        "resources": [edit.ref("queues/main")],
        "principals": anybody,
    }
    edit.add_data("aws_iam_policy_document", "unused", statement=[block])


@book.mistake("managed-policy", "wide", "arn:aws:iam::aws:policy/AdministratorAccess")
def administrator(edit):
    edit.add(
        "aws_iam_role_policy_attachment",
        "wide",
        role=edit.ref("fleet/status/role", "name"),
        policy_arn="arn:aws:iam::aws:policy/AdministratorAccess",
    )


@book.mistake("managed-policy", "fleet/status/role", "policy/AmazonS3FullAccess")
def policy_attached_in_the_role(edit):
    edit.at("fleet/status/role")["managed_policy_arns"] = ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]


@book.mistake("managed-policy", "exclusive", "policy/AmazonS3FullAccess")
def policies_attached_exclusively(edit):
    arns = [
        "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
        "arn:aws:iam::aws:policy/AmazonS3FullAccess",
    ]
    edit.add("aws_iam_role_policy_attachments_exclusive", "exclusive", role_name="r", policy_arns=arns)


@book.right
def policy_of_the_stack_attached(edit):
    statement = {"Sid": "Q", "Effect": "Allow", "Action": "dynamodb:Query", "Resource": edit.ref("storage/table")}
    edit.add("aws_iam_policy", "own", name="webhook-own-dev", policy=json.dumps({"Statement": [statement]}))
    edit.add(
        "aws_iam_role_policy_attachment",
        "own_attached",
        role=edit.ref("fleet/status/role", "name"),
        policy_arn=edit.ref("own"),
    )


@book.mistake("unreadable-policy", "literal", "policy cannot be read", on_a_plan=False)
def policy_that_terraform_computes(edit):
    edit.inline_policy()
    edit.at("literal")["policy"] = '${jsonencode({"Statement" = var.statements})}'


for attribute in ("access_policy", "assume_role_policy", "file_system_policy", "policy_document", "resource_policy"):
    book.mistake(
        "unreadable-policy", "other", f"{attribute} cannot be read", name=f"{attribute} computed", on_a_plan=False
    )(lambda edit, attribute=attribute: edit.add("aws_other", "other", **{attribute: "${var.policy}"}))


@book.mistake("unreadable-policy", STATUS, "statement cannot be read", on_a_plan=False)
def statements_that_terraform_computes(edit):
    edit.at(STATUS)["dynamic"] = {"statement": {"for_each": "${var.statements}", "content": [{}]}}


@book.mistake("unreadable-policy", "merged", "source_policy_documents cannot be read", on_a_plan=False)
def policy_taken_over_from_elsewhere(edit):
    edit.add_data("aws_iam_policy_document", "merged", source_policy_documents=["${var.policy}"])


@book.mistake("unreadable-policy", STATUS, "the actions of statement Added are not known", on_a_plan=False)
def actions_that_terraform_computes(edit):
    edit.statement(actions="${var.actions}")


@book.mistake("unreadable-policy", "merged", "override_policy_documents cannot be read", on_a_plan=False)
def policy_overridden_from_elsewhere(edit):
    edit.add_data("aws_iam_policy_document", "merged", override_policy_documents=["${var.policy}"])


@book.right
def no_policy_at_all(edit):
    edit.add("aws_vpc_endpoint", "endpoint", policy=None)


@book.right
def policy_document_that_takes_over_another(edit):
    inner = edit.ref(STATUS, "json")
    edit.add_data("aws_iam_policy_document", "merged", source_policy_documents=[inner])


@book.right
def policy_of_another_resource_of_the_stack(edit):
    edit.inline_policy()
    edit.at("literal")["policy"] = edit.ref("fleet/status/policy", "policy")


@book.mistake("unreadable-policy", "fleet/status/policy", "it has a policy without a statement")
def policy_without_a_statement(edit):
    edit.at(STATUS)["statement"] = []


@book.mistake("unreadable-policy", "fleet/status/policy", "policy cannot be read")
def policy_that_is_not_there(edit):
    del edit.at("fleet/status/policy")["policy"]
    edit.remove(STATUS)


@book.mistake("managed-policy", "lookalike", "the statements of that are not in the stack")
def policy_of_an_account_that_is_called_like_one_of_aws(edit):
    edit.add(
        "aws_iam_role_policy_attachment",
        "lookalike",
        role=edit.ref("fleet/status/role", "name"),
        policy_arn="arn:aws:iam::123456789012:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
    )


@book.mistake("unreadable-policy", "literal", "policy cannot be read", on_a_plan=False)
def policy_that_is_its_own(edit):
    edit.inline_policy()
    edit.at("literal")["policy"] = edit.ref("literal", "policy")


@book.mistake("unreadable-policy", "circle", "source_policy_documents cannot be read", on_a_plan=False)
def policy_document_that_takes_over_itself(edit):
    edit.add_data("aws_iam_policy_document", "circle")
    edit.at("circle")["source_policy_documents"] = [edit.ref("circle", "json")]


@book.mistake("passed-role", STATUS, "statement Added allows iam:PassRole to any service")
def role_passed_to_any_service(edit):
    edit.statement(actions=["iam:PassRole"], resources=[edit.ref("fleet/status/role")])


@book.right
def role_passed_to_one_service(edit):
    edit.statement(
        actions=["iam:PassRole"],
        resources=[edit.ref("fleet/status/role")],
        condition=[{"test": "StringEquals", "variable": "iam:PassedToService", "values": ["scheduler.amazonaws.com"]}],
    )
