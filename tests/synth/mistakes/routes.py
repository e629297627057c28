"""Mistakes that leave a route open."""

from tests.synth.mistakes.book import Book

book = Book()


@book.mistake("open-route", "api/get_status_transactionid_method", "fleet/status/function answers it, and its handler")
def route_of_an_operator_opened(edit):
    edit.at("api/get_status_transactionid_method")["authorization"] = "NONE"


@book.mistake("open-route", "api/post_webhook_method", "webhooks-dev/fleet/status/function answers it")
def webhook_route_answered_by_a_function_that_does_not_verify(edit):
    edit.at("api/post_webhook_integration")["uri"] = edit.ref("fleet/status/function", "invoke_arn")


@book.mistake("open-route", "page", "its handler own.handler verifies no signature")
def function_with_the_variables_of_a_verifier_only(edit):
    providers = edit.at("fleet/ingestion/function")["environment"]["variables"]["PROVIDERS"]
    edit.function("fake", environment={"variables": {"PROVIDERS": providers}})
    edit.route("page", "fake")


WEBHOOKS = ("api/post_webhook_provider_method", "api/post_webhook_method")


@book.mistake("open-route", WEBHOOKS, "PROVIDERS names no provider")
def ingestion_without_a_provider(edit):
    edit.variables("ingestion", PROVIDERS="{}")


@book.mistake("open-route", WEBHOOKS, "its provider 'acme' has no entry with a signature scheme")
def ingestion_with_a_provider_that_the_registry_lacks(edit):
    edit.variables("ingestion", PROVIDERS='{"acme":{"entry":"acme","secretArn":"${aws_secretsmanager_secret.s.arn}"}}')


@book.mistake("open-route", WEBHOOKS, "its provider 'acme' has no entry with a signature scheme")
def ingestion_with_a_provider_that_is_no_object(edit):
    edit.variables("ingestion", PROVIDERS='{"acme":"generic"}')


@book.mistake("open-route", WEBHOOKS, "PROVIDERS names no provider")
def ingestion_with_a_list_of_providers(edit):
    edit.variables("ingestion", PROVIDERS='["generic"]')


@book.mistake("open-route", WEBHOOKS, "PROVIDERS is missing or no JSON")
def ingestion_without_its_variable(edit):
    del edit.at("fleet/ingestion/function")["environment"]["variables"]["PROVIDERS"]


@book.mistake("open-route", "page", "no function of the stack that verifies signatures answers it")
def route_without_an_integration(edit):
    edit.add(
        "aws_api_gateway_method", "page", rest_api_id="a", resource_id="r", http_method="GET", authorization="NONE"
    )


@book.mistake("open-route", "page", "authorization is NONE")
def route_that_says_nothing_of_authorization(edit):
    edit.route("page", "fleet/status/function", authorization=None)


@book.mistake("open-route", "page", "authorization is NONE")
def api_key_instead_of_authorization(edit):
    edit.route("page", "fleet/status/function", api_key_required=True)


@book.mistake("open-route", "page", "webhooks-dev/fleet/status/function answers it")
def another_method_of_a_webhook_route(edit):
    edit.route("page", "fleet/status/function", "api/webhook_resource")


for kind in ("CUSTOM", "COGNITO_USER_POOLS"):
    book.mistake("open-route", "page", f"{kind}, and it has no authorizer", name=f"{kind} without an authorizer")(
        lambda edit, kind=kind: edit.route("page", "fleet/status/function", authorization=kind)
    )


@book.mistake("open-route", "url", "authorization_type is NONE, and webhooks-dev/fleet/status/function")
def function_url_for_anybody(edit):
    edit.add(
        "aws_lambda_function_url",
        "url",
        function_name=edit.ref("fleet/status/function", "function_name"),
        authorization_type="NONE",
    )


@book.mistake("open-route", "http_route", "webhooks-dev/fleet/status/function answers it")
def route_of_an_http_api_for_anybody(edit):
    http_route(edit, "fleet/status/function")


def http_route(edit, function, **values):
    edit.add("aws_apigatewayv2_api", "http_api", name="webhook-http-dev", protocol_type="HTTP")
    edit.add(
        "aws_apigatewayv2_integration",
        "http_integration",
        api_id=edit.ref("http_api", "id"),
        integration_uri=edit.ref(function, "invoke_arn"),
    )
    edit.add(
        "aws_apigatewayv2_route",
        "http_route",
        api_id=edit.ref("http_api", "id"),
        route_key="POST /webhook",
        target=f"integrations/{edit.ref('http_integration', 'id')}",
        **values,
    )


@book.mistake("open-route", "http_route", "JWT, and it has no authorizer")
def route_of_an_http_api_without_its_authorizer(edit):
    http_route(edit, "fleet/status/function", authorization_type="JWT")


@book.mistake("open-route", "http_route", "no function of the stack that verifies signatures answers it")
def route_of_an_http_api_that_leads_nowhere(edit):
    http_route(edit, "fleet/ingestion/function")
    edit.at("http_route")["target"] = None


@book.mistake("open-route", "api/api", "are in a body")
def routes_in_an_openapi_body(edit):
    edit.at("api/api")["body"] = '{"openapi":"3.0.1","paths":{}}'


@book.right
def custom_authorization_with_an_authorizer(edit):
    edit.add("aws_api_gateway_authorizer", "tokens", name="webhook-tokens-dev", rest_api_id=edit.ref("api/api", "id"))
    edit.route("page", "fleet/status/function", authorization="CUSTOM", authorizer_id=edit.ref("tokens", "id"))


@book.right
def route_of_an_http_api_with_an_authorizer(edit):
    http_route(edit, "fleet/status/function", authorization_type="JWT", authorizer_id="abc123")


@book.right
def function_url_for_iam(edit):
    edit.add("aws_lambda_function_url", "url", function_name="webhook-status-dev", authorization_type="AWS_IAM")


@book.right
def function_url_of_ingestion(edit):
    edit.add("aws_lambda_function_url", "url", function_name="webhook-ingestion-dev", authorization_type="NONE")


@book.right
def another_route_to_ingestion(edit):
    edit.route("more", "fleet/ingestion/function")


@book.right
def routes_of_an_http_api_that_are_checked(edit):
    http_route(edit, "fleet/ingestion/function")


@book.right
def routes_of_an_http_api_for_iam(edit):
    http_route(edit, "fleet/status/function", authorization_type="AWS_IAM")


@book.mistake("open-route", "page", "ENDPOINTS_TABLE is missing")
def receiver_that_knows_no_secrets(edit):
    edit.function("fake", handler="lambdas.delivery_receiver.handler.handler")
    edit.route("page", "fake")
