"""Runs one function's handler over events, in a process of its own whose environment is the function's.

Standard input: ``{"function": …, "events": […]}``. For each event a line of JSON goes to the file that
``OBSERVED_ANSWERS`` names, and a line is awaited on standard input before the next one runs.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def main() -> None:
    """Run the events."""
    job = json.loads(sys.stdin.readline())
    answers = Path(os.environ.pop("OBSERVED_ANSWERS"))
    handler = importlib.import_module(f"lambdas.{job['function']}.handler").handler
    context = SimpleNamespace(
        function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        memory_limit_in_mb=int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
        invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:{job['function']}",
        aws_request_id="00000000-0000-4000-8000-000000000000",
        get_remaining_time_in_millis=lambda: 29_000,
    )
    for line in sys.stdin:
        with answers.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_ran(handler, json.loads(line), context)) + "\n")


def _ran(handler: Any, event: Any, context: Any) -> Any:
    answer = handler(event, context)
    sys.stdout.flush()
    return answer


if __name__ == "__main__":
    main()
