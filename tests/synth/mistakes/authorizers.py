"""Mistakes with Lambda authorizers."""

from tests.synth.mistakes.book import Book

book = Book()


def authorizer(edit, *, permission=True, **values):
    """Add an authorizer with a function of its own, and API Gateway's permission to invoke it."""
    edit.function("checker")
    edit.add(
        "aws_api_gateway_authorizer",
        "tokens",
        **{
            "name": "webhook-tokens-dev",
            "rest_api_id": edit.ref("api/api", "id"),
            "authorizer_uri": edit.ref("checker", "invoke_arn"),
            **values,
        },
    )
    if permission:
        allow(edit, f"{edit.ref('api/api', 'execution_arn')}/authorizers/{edit.ref('tokens', 'id')}")


def allow(edit, source, principal="apigateway.amazonaws.com", function="checker"):
    edit.add(
        "aws_lambda_permission",
        "invoke",
        action="lambda:InvokeFunction",
        function_name=edit.ref(function, "function_name"),
        principal=principal,
        source_arn=source,
    )


@book.mistake("authorizer-permission", "tokens", "no permission lets API Gateway invoke webhooks-dev/checker for it")
def authorizer_without_a_permission(edit):
    authorizer(edit, permission=False)


@book.mistake("authorizer-permission", "tokens", "no permission lets API Gateway invoke")
def authorizer_with_the_permission_of_a_method(edit):
    authorizer(edit, permission=False)
    allow(edit, f"{edit.ref('api/api', 'execution_arn')}/*/GET/page")


@book.mistake("authorizer-permission", "tokens", "no permission lets API Gateway invoke")
def authorizer_with_a_permission_of_another_function(edit):
    authorizer(edit, permission=False)
    source = f"{edit.ref('api/api', 'execution_arn')}/authorizers/{edit.ref('tokens', 'id')}"
    allow(edit, source, function="fleet/status/function")


@book.mistake("authorizer-permission", "tokens", "no permission lets API Gateway invoke")
def authorizer_with_a_permission_of_another_service(edit):
    authorizer(edit, permission=False)
    source = f"{edit.ref('api/api', 'execution_arn')}/authorizers/{edit.ref('tokens', 'id')}"
    allow(edit, source, principal="sns.amazonaws.com")


@book.mistake("authorizer-cache", "tokens", "keeps answers and has no identity_source")
def request_authorizer_that_keeps_answers_for_nobody(edit):
    authorizer(edit, type="REQUEST")


@book.right
def token_authorizer_with_its_permission(edit):
    authorizer(edit)


@book.right
def authorizer_with_a_role(edit):
    authorizer(edit, permission=False, authorizer_credentials=edit.ref("fleet/status/role"))


@book.right
def authorizer_with_the_permission_of_any_authorizer(edit):
    authorizer(edit, permission=False)
    allow(edit, f"{edit.ref('api/api', 'execution_arn')}/authorizers/*")


@book.right
def request_authorizer_that_keeps_no_answer(edit):
    authorizer(edit, type="REQUEST", authorizer_result_ttl_in_seconds=0)


@book.right
def request_authorizer_that_tells_callers_apart(edit):
    authorizer(edit, type="REQUEST", identity_source="method.request.header.Authorization")
