"""The daily statement: made by the deployed function with IAM enforced, verified by the command, shown by the console.

In the bundle that the tests deploy, a day is over as soon as it begins: nobody waits for the next one.
"""

import json
import time
from pathlib import Path
from shutil import copy

from lambdas.statement import logic
from lambdas.statement.places import STATEMENT_PREFIX, key_of, page_key_of
from modules.constructs.bundling import STATEMENT
from modules.constructs.naming import Names
from tests.copies import a_copy
from tests.e2e.conftest import ORDERED
from tests.e2e.leading import replaced
from tests.e2e.observe import await_state, objects, records
from tests.e2e.permissions import used_and_unused
from tests.e2e.smoking import as_one_who_may, target_of
from tools.build.bundle import bundles_for_this_machine
from tools.commands import verify_statements
from tools.commands.target_stack import Target
from tools.console.answers import Answers
from tools.senders import new_secret, webhook

FIRST_NUMBER = 970_000
_SETTLING = "SETTLE_SECONDS = 3 * 3_600.0"


def bundle_for_the_tests(folder: Path) -> bytes:
    """Return the function's bundle, for which a day is over a day early."""
    bundle = Path(copy(bundles_for_this_machine() / f"{STATEMENT}.zip", folder))
    source = Path(logic.__file__).read_text(encoding="utf-8")
    assert _SETTLING in source
    replaced(bundle, {"lambdas/statement/logic.py": source.replace(_SETTLING, "SETTLE_SECONDS = -86_400.0")})
    return bundle.read_bytes()


def invoke(stack):
    function = Names(stack.environment)(STATEMENT)
    return json.loads(stack.aws.client("lambda").invoke(FunctionName=function)["Payload"].read())


def test_a_day_is_stated_verified_and_shown(bundles, tmp_path, monkeypatch, capsys, report):
    del bundles
    with a_copy(ORDERED) as stack:
        function = Names(stack.environment)(STATEMENT)
        stack.aws.client("lambda").update_function_code(FunctionName=function, ZipFile=bundle_for_the_tests(tmp_path))
        # Given events of two providers, and a forgery
        now = int(time.time())
        sent = [webhook("stripe", FIRST_NUMBER + number, stack.secrets["stripe"], now) for number in range(3)]
        sent.append(webhook("generic", FIRST_NUMBER, stack.secrets["generic"], now))
        assert {stack.post(one).status_code for one in sent} == {202}
        assert stack.post(webhook("stripe", FIRST_NUMBER, new_secret("stripe"), now)).status_code == 401
        for one in sent:
            await_state(stack, one.transaction_id, "ROUTED")
        # MiniStack does not extract metrics from logs.
        named = {"service": Names(stack.environment)("ingestion"), "provider": "stripe", "reason": "signature_mismatch"}
        dimensions = [{"Name": name, "Value": value} for name, value in named.items()]
        data = {"MetricName": "Refused", "Dimensions": dimensions, "Value": 1, "Unit": "Count"}
        stack.aws.client("cloudwatch").put_metric_data(Namespace="Webhooks", MetricData=[data])

        # When the function runs, and again
        made = invoke(stack)
        assert made.get("complete"), made
        (day,) = made["written"]
        assert invoke(stack) == {"written": [], "complete": True}

        # Then the statement of the day is there, with its page, and has what the table has
        stored = objects(stack, STATEMENT_PREFIX)
        assert set(stored) == {key_of(day), page_key_of(day)}
        said = {one["provider"]: one for one in json.loads(stored[key_of(day)])["providers"]}
        routed = {name: sum(account["routed"] for account in one["accounts"]) for name, one in said.items()}
        recorded = [one["provider"]["S"] for one in records(stack) if one["receivedAt"]["S"].startswith(day)]
        assert routed == {name: recorded.count(name) for name in ("stripe", "generic", "github", "unreadable")}
        assert said["stripe"]["refused"] == {"signature_mismatch": 1}

        # and the command verifies it, until somebody changes it
        root = target_of(stack.aws, stack.environment, stack.outputs, stack.operator)
        target = Target(**{**vars(root), "client": stack.aws.client})
        monkeypatch.setattr(Target, "chosen", lambda: target)
        monkeypatch.setattr("sys.argv", ["verify-statements"])
        assert verify_statements.main() == 0, capsys.readouterr().out
        bucket, s3 = stack.outputs["bucket_name"], stack.aws.client("s3")
        s3.put_object(Bucket=bucket, Key=key_of(day), Body=stored[key_of(day)].replace(b'"routed": 3', b'"routed": 4'))
        assert verify_statements.main() == 1
        assert f"{key_of(day)} was overwritten or removed" in capsys.readouterr().out

        # and the console shows it to an operator
        answers = Answers(as_one_who_may(stack, stack.outputs["operator_policy_json"]))
        (shown,) = json.loads(answers.answer("statements", "").body)["statements"]
        assert (shown["day"], shown["received"]) == (day, len(recorded))

        # and the function does all that it may
        used, unused = used_and_unused(stack, [STATEMENT])
        assert unused == []
        report(f"the statement's permissions: {', '.join(used)}")
