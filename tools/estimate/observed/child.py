"""Runs one function's handler over events, in a process of its own whose environment is the function's.

Standard input: a line with the function's name, and one of JSON for each event. Standard output is the function's log;
after each event a line that begins with `ANSWER` has as JSON what the handler returned and what was counted.
"""

import importlib
import json
import os
import sys
from types import SimpleNamespace

import boto3

from tools.estimate.observed.counter import CallCounter

ANSWER = "observed-answer "


def main() -> None:
    """Run the events."""
    function = sys.stdin.readline().strip()
    counter = CallCounter(boto3.Session().client("dynamodb"))
    counter.watch_aws_calls()
    boto3.setup_default_session()
    counter.watch_botocore(boto3.DEFAULT_SESSION)
    handler = importlib.import_module(f"lambdas.{function}.handler").handler
    context = SimpleNamespace(
        function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        memory_limit_in_mb=int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
        invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:{function}",
        aws_request_id="00000000-0000-4000-8000-000000000000",
        get_remaining_time_in_millis=lambda: 29_000,
    )
    for line in sys.stdin:
        answer = handler(json.loads(line), context)
        counted = [answer, vars(counter.usage), counter.messages, counter.unknown]
        print(f"{ANSWER}{json.dumps(counted, default=list)}", flush=True)
        counter.restart()


if __name__ == "__main__":
    main()
