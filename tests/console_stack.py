"""A console in front of a made-up stack: its operators' API on the loopback address, and AWS in memory."""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import urlsplit

import boto3
import requests
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from lambdas.inbound.evidence import Evidence
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.request import WebhookRequest
from modules.settings.environments import build_settings
from tools.commands.target_stack import Target
from tools.console.answers import Answers
from tools.console.server import ENVIRONMENT, ConsoleServer
from tools.senders import SENDERS, Signing

SETTINGS = {
    "providers": ["stripe", "github"],
    "delivery": {"subscriptions": {"stripe": ["acme"]}},
}
SECRET = "whsec_console"
SIGNED_AT = 1_790_000_000


class Stack:
    """What the operators' API and AWS answer, and what they were asked.

    Attributes
    ----------
    answers : dict
        Path of the API, with or without its query, to what it answers: JSON, bytes, or a status and JSON.
    aws : dict
        Operation of AWS to what it answers: a document, or a function of its parameters.
    asked : list
        Each request to the API: its path with the query, and its headers.
    done : list
        Each request that was to change something: its path with the query, and its body.
    """

    def __init__(self):
        self.answers = {}
        self.aws = {}
        self.asked = []
        self.done = []

    def client(self, service):
        client = boto3.client(
            service, region_name="eu-central-1", aws_access_key_id="AKIDCONSOLE", aws_secret_access_key="none"
        )
        # A page asks for several things at once.
        given = threading.local()
        client.meta.events.register(
            "before-parameter-build.*.*", lambda params, **_: setattr(given, "params", dict(params))
        )
        client.meta.events.register("before-call.*.*", lambda model, **_: self._of_aws(model.name, given.params))
        return client

    def _of_aws(self, operation, params):
        found = self.aws.get(operation, refusal("AccessDenied", operation))
        found = found(params) if callable(found) else found
        if isinstance(found, Exception):
            raise found
        return SimpleNamespace(status_code=200), found

    def answer(self, path):
        """Return what a path answers; an action finds itself last in ``done``."""
        return self.answers.get(path, self.answers.get(urlsplit(path).path, (404, {"error": "no such event is known"})))


def refusal(code, operation):
    return ClientError({"Error": {"Code": code, "Message": "said too much"}}, operation)


@contextmanager
def running(stack: Stack, environment: str = "dev", **outputs: str) -> Iterator[ConsoleServer]:
    """Run a console in front of a stack, which may have more outputs than every one has."""

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stack.done.append((self.path, json.loads(body) if body else None))
            self.do_GET()

        def do_DELETE(self):
            self.do_POST()

        def do_GET(self):
            stack.asked.append((self.path, dict(self.headers)))
            found = stack.answer(self.path)
            status, found = found if isinstance(found, tuple) else (200, found)
            body = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 302:
                self.send_header("Location", f"{url}/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            """Say nothing."""

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Api)) as api:
        url = f"http://127.0.0.1:{api.server_address[1]}"
        target = Target(
            settings=build_settings(environment, {**SETTINGS, "region": "eu-central-1"}),
            base_url=url,
            outputs={
                "secret_arns": {"stripe": "arn:stripe", "github": "arn:github"},
                "bucket_name": "archive",
                "alarm_topic_arn": f"arn:aws:sns:eu-central-1:1:webhook-alarms-{environment}",
                "queue_url": f"https://sqs/1/webhook-queue-{environment}",
                "dead_letter_queue_url": f"https://sqs/1/webhook-dlq-{environment}",
                **outputs,
            },
            client=cache(stack.client),
            verify=True,
            signing_secrets={},
            credentials=Credentials("AKIDCONSOLE", "none", "session"),
            delivery_url=lambda: url,
        )
        with serving(ConsoleServer(Answers(target))) as console:
            yield console


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def get(console, path, **headers):
    """Ask the console as its own page does; a header that is None is left out."""
    return request("GET", console, path, None, headers)


def post(console, path, body, **headers):
    """Have the console do something; a body that is no bytes is sent as JSON."""
    return request("POST", console, path, body if isinstance(body, bytes) else json.dumps(body), headers)


def delete(console, path, body=None, **headers):
    """Have the console take something away."""
    return request("DELETE", console, path, json.dumps(body), headers)


def own(console):
    """Return the headers of the console's own page."""
    return {"Authorization": f"Bearer {console.token}", ENVIRONMENT: "dev"}


def request(method, console, path, body, headers):
    sent = {**own(console), **headers}
    sent = {name: value for name, value in sent.items() if value is not None}
    return requests.request(method, console.origin + path, headers=sent, data=body, timeout=10)


def archived():
    """Return an archived webhook of Stripe: what GetObject answers, and its bytes."""
    sent = SENDERS["stripe"].webhook(Signing(secret=SECRET, now=SIGNED_AT, number=1, options={}))
    headers = {name.lower(): [value] for name, value in sent.headers.items()}
    request = WebhookRequest(body=sent.body, headers=headers, received_at=SIGNED_AT)
    verdict = REGISTRY["stripe"].scheme.verify(request, [SECRET])
    evidence = Evidence(
        entry="stripe",
        scheme=verdict.scheme,
        key_id=verdict.key_id,
        headers=verdict.headers,
        received_at=float(SIGNED_AT),
    )
    return lambda params: {"Body": io.BytesIO(sent.body), "Metadata": evidence.to_metadata()}, sent.body
