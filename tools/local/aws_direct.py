"""What MiniStack's integrations of API Gateway with SQS lack of AWS's, after AWS's documents.

MiniStack decodes every body as UTF-8 and replaces what is none, whatever the integration's handling of content; knows
of ``$context`` the authorizer only; and has neither loops nor conditions in templates, nor an override of the status.
It keeps an HTTP method for a mock, which calls nothing, so that every further plan would replace it.
It sends to SQS without asking whether the integration's role may: what that role is granted is tested at synth.
Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-override-request-response-parameters.html
"""

import base64
import runpy
import time
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ministack.services import apigateway_v1

_invoke_sqs = apigateway_v1._invoke_sqs_v1
_invoke_mock = apigateway_v1._invoke_mock_v1
_put_integration = apigateway_v1._put_integration
# By its path, as the server loads this file too.
_render = runpy.run_path(str(Path(__file__).with_name("mapping_template.py")))["render"]
_CONTEXT: ContextVar[Mapping[str, Any]] = ContextVar("context")


def teach_direct_integrations() -> None:
    """Have MiniStack in this process render templates, convert bodies and override statuses as AWS does."""
    apigateway_v1._invoke_sqs_v1 = _invoke_as_aws_does
    apigateway_v1._service_integration_response = _answer_as_aws_does
    apigateway_v1._invoke_mock_v1 = _mock_as_aws_does
    apigateway_v1._put_integration = _put_as_aws_does


def _put_as_aws_does(api_id: str, resource_id: str, http_method: str, data: Any) -> Any:
    if data.get("type") == "MOCK" and "httpMethod" not in data:
        data = {**data, "httpMethod": None}
    return _put_integration(api_id, resource_id, http_method, data)


async def _invoke_as_aws_does(integration: Any, *places: Any, **options: Any) -> Any:
    *before, headers, body, query, path = places
    context = _new_context()
    text = _handled(integration, body or b"")
    templates = {
        kind: _render(template, body=text, headers=headers, context=context).text
        for kind, template in (integration.get("requestTemplates") or {}).items()
    }
    # MiniStack renders them once more, which changes nothing: what is encoded holds neither $ nor #.
    return await _invoke_sqs(
        {**integration, "requestTemplates": templates}, *before, headers, body, query, path, **options
    )


def _answer_as_aws_does(integration: Any, status: int, said: str, *unused: Any) -> tuple[int, dict[str, str], bytes]:
    del unused
    selected = apigateway_v1._select_service_integration_response(integration, status)
    if selected is None:
        return 500, {"Content-Type": "application/json"}, b'{"message":"Internal server error"}'
    return _mapped(selected, said, _CONTEXT.get())


def _mock_as_aws_does(integration: Any) -> Any:
    status, headers, body = _invoke_mock(integration)
    for selected in (integration.get("integrationResponses") or {}).values():
        if str(selected.get("statusCode")) == str(status) and selected.get("responseTemplates"):
            return _mapped(selected, "", _new_context())
    return status, headers, body


def _mapped(selected: Any, said: str, context: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
    headers = {"Content-Type": "application/json"}
    for name, source in (selected.get("responseParameters") or {}).items():
        static = source.startswith("'")
        headers[name.rpartition(".")[2]] = source[1:-1] if static else str(context[source.removeprefix("context.")])
    template = (selected.get("responseTemplates") or {}).get("application/json")
    if template is None:
        return int(selected["statusCode"]), headers, said.encode()
    made = _render(template, body=_handled(selected, said.encode()), headers={}, context=context)
    return made.status or int(selected["statusCode"]), {**headers, **made.response_headers}, made.text.encode()


def _handled(place: Any, body: bytes) -> str:
    """Return what a template sees of a body that is binary, as every one is for an API whose media types all are."""
    if place.get("contentHandling") == "CONVERT_TO_TEXT":
        return base64.b64encode(body).decode("ascii")
    return body.decode("utf-8", errors="replace")


def _new_context() -> Mapping[str, Any]:
    context = {"requestId": str(uuid.uuid4()), "requestTimeEpoch": int(time.time() * 1000)}
    _CONTEXT.set(context)
    return context
