"""What ingestion is compared with does the same job: it takes the signed webhook, and refuses the forged one."""

import ast
import itertools
import json
import os
import subprocess
import sys

import pytest

from bench.endpoint import endpoint
from bench.webhook import ENVIRONMENT, LAMBDA, SECRET, api_gateway_event
from modules.constructs.bundling import FUNCTIONS
from tools import ROOT

SCRIPT = """
import importlib, json, os, sys
handler = importlib.import_module(sys.argv[1]).handler
class Context:
    function_name = function_version = aws_request_id = invoked_function_arn = "x"
    memory_limit_in_mb = 512
    tenant_id = None
answers = [handler(event, Context()) for event in json.load(sys.stdin)]
print(json.dumps([[one["statusCode"], json.loads(one["body"])] for one in answers]))
"""


@pytest.mark.parametrize("module", ["bench.peers.bare", "bench.peers.fastapi_mangum", "lambdas.ingestion.handler"])
def test_a_peer_takes_what_is_signed_and_nothing_else(module):
    good, forged, stale = api_gateway_event(), api_gateway_event(), api_gateway_event()
    forged["body"] = forged["body"].replace("1099", "1")
    stale["requestContext"]["requestTimeEpoch"] += 301_000

    with endpoint(SECRET) as stand_in:
        process = subprocess.run(
            [sys.executable, "-c", SCRIPT, module],
            input=json.dumps([good, forged, stale]),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **ENVIRONMENT, **LAMBDA, **stand_in.environment},
            capture_output=True,
            text=True,
            check=True,
        )

    (accepted, answer), *refused = json.loads(process.stdout.splitlines()[-1])
    assert accepted == 202
    assert answer["eventId"] == "evt_1MqqbKLt4dXK03v5qaIbiNCC"
    assert answer["transactionId"] == "pi_3MmlLrLkdIwHu7ix0snN0B15"
    assert answer["correlationId"] == good["requestContext"]["requestId"]
    assert [status for status, _ in refused] == [401, 401]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_measured_is_told_what_its_code_asks_for(function):
    sources = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "lambdas" / function).glob("*.py")]
    asked = {
        node.args[0].value
        for node in itertools.chain.from_iterable(map(ast.walk, sources))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setting"
    }

    assert asked <= set(ENVIRONMENT)
