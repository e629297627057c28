"""The Lambda functions: size, logs, code, and environment variables."""

import ast
import base64
import hashlib
import json

import pytest

from lambdas.dead_letter.environment import DeadLetterEnvironment
from lambdas.ingestion.environment import IngestionEnvironment
from lambdas.operator.environment import OperatorEnvironment
from lambdas.processing.environment import ProcessingEnvironment
from lambdas.replay.environment import ReplayEnvironment
from lambdas.status.environment import StatusEnvironment
from tests.synth.labels import BUCKET, BUS, FUNCTIONS, PROVIDERS, QUEUE, TABLE, secret
from tools import ROOT

each_function = pytest.mark.parametrize("name", FUNCTIONS)

RESERVED = {"webhook-ingestion-dev": 50, "webhook-processing-dev": 100}
VARIABLES = {
    "webhook-ingestion-dev": {
        "PROVIDERS": json.dumps(
            {
                name: {
                    "entry": name,
                    "secretArn": f"{secret(name)}.name",
                }
                for name in PROVIDERS
            },
            separators=(",", ":"),
        ),
        "QUEUE_URL": f"{QUEUE}.url",
        "MESSAGE_GROUP_BY": "provider",
        "BUCKET_NAME": f"{BUCKET}.bucket",
        "MAX_BODY_BYTES": "4194304",
    },
    "webhook-processing-dev": {
        "TABLE_NAME": f"{TABLE}.name",
        "BUCKET_NAME": f"{BUCKET}.bucket",
        "EVENT_BUS_NAME": f"{BUS}.name",
        "MAX_RECEIVE_COUNT": "3",
        "ARCHIVE_BY": "batch",
    },
    "webhook-status-dev": {"TABLE_NAME": f"{TABLE}.name"},
    "webhook-dead-letter-dev": {"TABLE_NAME": f"{TABLE}.name", "BUCKET_NAME": f"{BUCKET}.bucket"},
    "webhook-replay-dev": {
        "TABLE_NAME": f"{TABLE}.name",
        "BUCKET_NAME": f"{BUCKET}.bucket",
        "QUEUE_URL": f"{QUEUE}.url",
        "MESSAGE_GROUP_BY": "provider",
    },
    "webhook-operator-dev": {
        "TABLE_NAME": f"{TABLE}.name",
        "BUCKET_NAME": f"{BUCKET}.bucket",
        "PROVIDERS": json.dumps({name: name for name in ("stripe", "github", "standard-webhooks", "generic")}),
    },
}

ENVIRONMENTS = {
    "webhook-ingestion-dev": IngestionEnvironment,
    "webhook-processing-dev": ProcessingEnvironment,
    "webhook-status-dev": StatusEnvironment,
    "webhook-dead-letter-dev": DeadLetterEnvironment,
    "webhook-replay-dev": ReplayEnvironment,
    "webhook-operator-dev": OperatorEnvironment,
}


def test_the_functions_are_these(template):
    assert set(template.by_name("aws_lambda_function")) == set(FUNCTIONS)


@each_function
def test_a_function_has_the_size_and_runtime_of_the_preset(template, name):
    function = template.one("aws_lambda_function", name)

    assert {attribute: function.get(attribute) for attribute in ("runtime", "memory_size", "timeout")} == {
        "runtime": "python3.13",
        "memory_size": 1_769 if name == "webhook-operator-dev" else 512,
        "timeout": 30,
    }
    assert function["architectures"] == ["arm64"]
    assert function["tracing_config"] == {"mode": "Active"}


@each_function
def test_a_function_has_the_reserved_concurrency_of_the_preset(template, name):
    function = template.one("aws_lambda_function", name)

    assert function.get("reserved_concurrent_executions") == RESERVED.get(name)


def test_size_and_runtime_are_settings(synthesize):
    chosen = {
        "runtime": "python3.12",
        "memory": 256,
        "timeout": 10,
        "ingestion_reserved_concurrency": 5,
        "processing_reserved_concurrency": 6,
        "log_level": "DEBUG",
    }

    functions = synthesize(values={"functions": chosen}).by_name("aws_lambda_function")

    assert {(f["runtime"], f["timeout"]) for f in functions.values()} == {("python3.12", 10)}
    # That of operators' lists is what comes with a whole CPU.
    assert functions.pop("webhook-operator-dev")["memory_size"] == 1_769
    assert {f["memory_size"] for f in functions.values()} == {256}
    assert {f["environment"]["variables"]["POWERTOOLS_LOG_LEVEL"] for f in functions.values()} == {"DEBUG"}
    assert functions["webhook-ingestion-dev"]["reserved_concurrent_executions"] == 5
    assert functions["webhook-processing-dev"]["reserved_concurrent_executions"] == 6


@each_function
def test_lambda_logs_in_json_and_of_itself_only_what_failed(template, name):
    (logging,) = template.one("aws_lambda_function", name).blocks("logging_config")

    assert (logging["log_format"], logging["system_log_level"]) == ("JSON", "WARN")


@pytest.mark.parametrize("level", ["DEBUG", "WARNING", "ERROR"])
def test_metrics_pass_and_the_sdk_stays_silent_at_every_level_of_the_functions_logs(synthesize, level):
    settings = {"functions": {"log_level": level, "system_log_level": "INFO"}}

    functions = synthesize(values=settings).by_name("aws_lambda_function").values()

    # A metric is a line without a level, which Lambda takes for INFO; boto3 logs payloads at DEBUG.
    assert {each.block("logging_config")["application_log_level"] for each in functions} == {"INFO"}
    assert {each.block("logging_config")["system_log_level"] for each in functions} == {"INFO"}


@each_function
def test_a_function_has_a_log_group_of_its_own_before_it_runs(template, name):
    function = template.one("aws_lambda_function", name)
    log_group = template.one("aws_cloudwatch_log_group", f"/aws/lambda/{name}")

    assert log_group["retention_in_days"] == 7
    assert log_group.address in function["depends_on"]


@each_function
def test_a_function_has_its_permissions_before_it_runs(template, name):
    function = template.one("aws_lambda_function", name)
    policy = template.one("aws_iam_role_policy", name)

    assert policy.address in function["depends_on"]


@each_function
def test_a_functions_handler_is_in_its_folder(template, name):
    handler = template.one("aws_lambda_function", name)["handler"]
    source = ROOT / "lambdas" / FUNCTIONS[name] / "handler.py"
    defined = {node.name for node in ast.parse(source.read_text()).body if isinstance(node, ast.FunctionDef)}

    assert handler == f"lambdas.{FUNCTIONS[name]}.handler.handler"
    assert "handler" in defined


@each_function
def test_a_functions_code_is_its_bundle_and_changes_with_it(template, stack_folder, bundles, name):
    function = template.one("aws_lambda_function", name)
    bundle = (bundles / f"{FUNCTIONS[name]}.zip").read_bytes()

    assert (stack_folder / function["filename"]).read_bytes() == bundle
    assert function["source_code_hash"] == base64.b64encode(hashlib.sha256(bundle).digest()).decode()


@each_function
def test_a_function_is_given_names_and_addresses_and_nothing_else(template, name):
    variables = template.meaning(template.one("aws_lambda_function", name)["environment"]["variables"])

    assert {variable: value.strip() for variable, value in variables.items()} == VARIABLES[name] | {
        "POWERTOOLS_SERVICE_NAME": name,
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "Webhooks",
    }


def test_processing_is_told_of_which_providers_only_live_events_are_routed(synthesize):
    values = {"providers": {"acme": "stripe", "other": "github"}, "routing": {"modes": {"acme": "live"}}}

    function = synthesize("dev", values).one("aws_lambda_function", "webhook-processing-dev")

    assert json.loads(function["environment"]["variables"]["ROUTED_MODES"]) == {"acme": "live"}


@each_function
def test_a_function_reads_exactly_the_variables_that_it_is_given(monkeypatch, name):
    for variable, value in VARIABLES[name].items():
        monkeypatch.setenv(variable, value)

    assert ENVIRONMENTS[name].from_environment().to_environment() == VARIABLES[name]
