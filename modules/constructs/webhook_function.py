"""A Lambda function with its role, policy, log group and bundle."""

import base64
import hashlib
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from lambdas.shared.environment import Environment
from modules.constructs.naming import Names
from modules.constructs.network import Network
from modules.constructs.policy import Condition, Statement, policy_document, to_block
from modules.settings.checked import checked
from modules.settings.formats import ACCOUNT_ID, MEMORY
from modules.settings.sections import FunctionSettings
from modules.settings.validation import SettingRule, SettingsError, Validated, setting
from modules.settings.variables import MAX_BYTES, size_of
from modules.synth.at_synth import change_at_synth
from modules.synth.cdk import (
    AssetType,
    CloudwatchLogGroup,
    Construct,
    DefaultTokenResolver,
    IamRole,
    IamRolePolicy,
    LambdaFunction,
    LambdaFunctionEnvironment,
    LambdaFunctionLoggingConfig,
    LambdaFunctionTracingConfig,
    LambdaFunctionVpcConfig,
    StringConcat,
    TerraformAsset,
    TerraformStack,
    Tokenization,
)

NAMESPACE = "Webhooks"
NAME = SettingRule(
    pattern="[a-z0-9]([a-z0-9_-]{0,28}[a-z0-9])?",
    words="1 to 30 lower-case letters, digits, inner hyphens and underscores",
)
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
HANDLER = SettingRule(
    pattern=r"(?=.{1,128}$)(\w+\.)+\w+",
    words="names with dots between, of modules and of the function, as in app.handler; up to 128 characters",
)
CONCURRENCY = SettingRule(unit="executions", low=0, high=1_000_000)
_MAX_NAME = 64
# Of a zip that is handed over with the call, and of what is in it.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MAX_ZIPPED, _MAX_UNZIPPED = 52_428_800, 262_144_000
_TOKEN = re.compile(r"\${TfToken\[[^]]*]}")
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
_VARIABLE = re.compile("[A-Za-z][A-Za-z0-9_]+", re.ASCII)
_RESERVED = frozenset(
    {
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)
MANAGE_NETWORK_INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)


@dataclass(frozen=True, kw_only=True)
class FunctionSize(Validated):
    """What one function may use, where it is not what all functions of the settings do.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html

    Raises
    ------
    SettingsError
        When Lambda takes no such size.
    """

    memory: int = setting(rule=MEMORY, doc="Memory.")
    timeout: int = setting(unit="s", low=1, high=900, doc="Time-out.")


@checked
class WebhookFunction(Construct):
    """One deployed Lambda function.

    What it may do is what the ``grant_*`` methods of other layers add through `allow`; by itself it may write its own
    log and its traces.

    Parameters
    ----------
    name : str
        Its name in AWS, without prefix and environment.
    bundle : Path
        Zip with its code.
    handler : str
        Module and function of its handler, as in ``app.handler``.
    reserved_concurrency : int | None
        Executions reserved for it; None leaves it to the account's unreserved ones.
    size : FunctionSize | None
        Its memory and time-out, where they are not those of the settings.
    network : Network | None
        Where it is placed, whose endpoints let it through for what it may do; None for no VPC.

    Attributes
    ----------
    name : str
        Its name in AWS.
    function : LambdaFunction
        The function.
    role : IamRole
        Its execution role.

    Raises
    ------
    SettingsError
        When Lambda takes no such function.
    FileNotFoundError
        When there is no such bundle.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: Annotated[str, NAME],
        settings: FunctionSettings,
        names: Names,
        account_id: Annotated[str, ACCOUNT_ID],
        bundle: Path,
        handler: Annotated[str, HANDLER],
        reserved_concurrency: Annotated[int | None, CONCURRENCY] = None,
        network: Network | None = None,
        size: FunctionSize | None = None,
    ) -> None:
        _check_bundle(name, bundle, handler)
        super().__init__(scope, id_)
        self.name = names(name.replace("_", "-"), limit=_MAX_NAME)
        size = size or FunctionSize(memory=settings.memory, timeout=settings.timeout)
        log_group = CloudwatchLogGroup(
            self, "logs", name=f"/aws/lambda/{self.name}", retention_in_days=settings.log_retention
        )
        trust = policy_document(
            self,
            "trust",
            [
                Statement(
                    sid="LambdaRunsThisFunction",
                    actions=["sts:AssumeRole"],
                    resources=[],
                    services=["lambda.amazonaws.com"],
                    # Lambda's documents do not promise that it names the account; where it does, it must be this.
                    conditions=[
                        Condition(test="StringEqualsIfExists", variable="aws:SourceAccount", values=[account_id])
                    ],
                )
            ],
        )
        self.role = IamRole(self, "role", name=self.name, assume_role_policy=trust.json)
        self._statements: list[Statement] = []
        self._policy = policy_document(self, "permissions", [])
        change_at_synth(TerraformStack.of(self), self._write_policy)
        policy = IamRolePolicy(self, "policy", name=self.name, role=self.role.name, policy=self._policy.json)
        self.allow("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group.arn}:*"])
        # X-Ray knows no resources for these actions.
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
        self.allow("WriteTracesWhichHaveNoArn", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"])
        if network is not None:
            self._attach_to_network(account_id)
            network.permit(self.role.arn, self._statements)
        digest = hashlib.sha256(bundle.read_bytes())
        asset = TerraformAsset(self, "bundle", path=str(bundle), asset_hash=digest.hexdigest(), type=AssetType.FILE)
        self._environment = {
            # The dimension of the function's metrics too, which two environments of an account must not share.
            "POWERTOOLS_SERVICE_NAME": self.name,
            "POWERTOOLS_LOG_LEVEL": settings.log_level,
            "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
        }
        self.function = LambdaFunction(
            self,
            "function",
            function_name=self.name,
            role=self.role.arn,
            runtime=settings.runtime,
            architectures=["arm64"],
            handler=handler,
            filename=asset.path,
            source_code_hash=base64.b64encode(digest.digest()).decode("ascii"),
            memory_size=size.memory,
            timeout=size.timeout,
            reserved_concurrent_executions=reserved_concurrency,
            tracing_config=LambdaFunctionTracingConfig(mode="Active"),
            # A level filters in JSON only. The lines about an invocation's start and end are of level INFO, and of WARN
            # if it failed. Metrics are lines without a level, which count as INFO; at DEBUG, boto3 would log payloads.
            # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
            logging_config=LambdaFunctionLoggingConfig(
                log_format="JSON", application_log_level="INFO", system_log_level=settings.system_log_level
            ),
            environment=LambdaFunctionEnvironment(variables=dict(self._environment)),
            vpc_config=network
            and LambdaFunctionVpcConfig(
                subnet_ids=list(network.subnet_ids), security_group_ids=list(network.security_group_ids)
            ),
            depends_on=[log_group, policy],
        )

    @property
    def statements(self) -> Sequence[Statement]:
        """What the function may do."""
        return tuple(self._statements)

    def allow(
        self, sid: str, actions: Sequence[str], resources: Sequence[str], conditions: Sequence[Condition] = ()
    ) -> None:
        """Add a statement to the function's policy, or its resources to the statement that allows the same already.

        Raises
        ------
        SettingsError
            When IAM takes no such statement.
        ValueError
            When the policy has another statement with this sid, which IAM refuses.
        """
        self._state(Statement(sid=sid, actions=actions, resources=resources, conditions=conditions))

    def _state(self, statement: Statement) -> None:
        place = next((at for at, each in enumerate(self._statements) if each.sid == statement.sid), None)
        if place is None:
            self._statements.append(statement)
            return
        had, now = self._statements[place], statement
        if self._resolved([{**vars(had), "resources": ()}]) != self._resolved([{**vars(now), "resources": ()}]):
            raise ValueError(f"{self.name}: its policy has another statement with the sid {statement.sid}")
        known = self._resolved(had.resources)
        more = [
            arn for arn, text in zip(now.resources, self._resolved(now.resources), strict=True) if text not in known
        ]
        self._statements[place] = replace(had, resources=[*had.resources, *more])

    def _resolved(self, values: Sequence[Any]) -> list[str]:
        """Return what values mean: each look at an ARN is another token for the same place."""
        texts: list[str] = Tokenization.resolve(
            [json.dumps(each, default=vars) for each in values],
            resolver=DefaultTokenResolver(StringConcat()),
            scope=self,
        )
        return texts

    def _write_policy(self, stack: TerraformStack) -> None:
        del stack
        self._policy.put_statement([to_block(statement) for statement in self._statements])

    def _attach_to_network(self, account_id: str) -> None:
        """Let Lambda manage the function's network interfaces, and its code not.

        The statement that denies goes by the function's name, since its ARN is known only after its policy.
        Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
        """
        self.allow("ManageNetworkInterfacesWhichHaveNoArn", MANAGE_NETWORK_INTERFACES, ["*"])
        self._state(
            Statement(
                sid="KeepNetworkInterfacesFromCode",
                effect="Deny",
                actions=MANAGE_NETWORK_INTERFACES,
                resources=["*"],
                conditions=[
                    Condition(
                        test="ArnLike",
                        variable="lambda:SourceFunctionArn",
                        values=[f"arn:*:lambda:*:{account_id}:function:{self.name}"],
                    )
                ],
            )
        )

    def configure(self, environment: Environment | Mapping[str, str]) -> None:
        """Add environment variables; names and addresses only, never a secret.

        Raises
        ------
        TypeError
            When a value is not a text.
        ValueError
            When Lambda refuses a name, or all variables together.
        """
        given = environment.to_environment() if isinstance(environment, Environment) else environment
        for name, value in given.items():
            if not isinstance(value, str):
                raise TypeError(f"environment: {name} is {value!r} and not a text")
            if not _VARIABLE.fullmatch(name) or name in _RESERVED:
                raise ValueError(
                    f"environment: {name!r} is not allowed; allowed: a letter, then letters, digits and underscores, "
                    "and none that Lambda sets itself"
                )
        together = {**self._environment, **given}
        if (size := _size(together)) > MAX_BYTES:
            raise SettingsError(
                f"environment: the variables of {self.name} take {size:,} bytes as JSON, with {', '.join(given)}; "
                f"allowed: {MAX_BYTES:,}"
            )
        self._environment = together
        self.function.put_environment(variables=dict(together))


def _size(variables: Mapping[str, str]) -> int:
    """Return how long variables are at least: a text that only Terraform will know counts for nothing."""
    known = {name: _TOKEN.sub("", value) for name, value in variables.items()}
    return size_of({name: "" if "${" in value else value for name, value in known.items()})


def _check_bundle(name: str, bundle: Path, handler: str) -> None:
    """Check that Lambda can unpack a bundle, and Python import the handler's module from it."""
    if not bundle.is_file():
        raise FileNotFoundError(f"bundle of {name}: {bundle} is not there")
    if not zipfile.is_zipfile(bundle):
        raise SettingsError(f"bundle of {name}: {bundle} is no zip; allowed: a zip with its code")
    if (size := bundle.stat().st_size) > _MAX_ZIPPED:
        raise SettingsError(f"bundle of {name}: {bundle} has {size:,} bytes; allowed: {_MAX_ZIPPED:,}")
    with zipfile.ZipFile(bundle) as archive:
        files = archive.infolist()
    if (size := sum(file.file_size for file in files)) > _MAX_UNZIPPED:
        raise SettingsError(f"bundle of {name}: {bundle} holds {size:,} bytes; allowed: {_MAX_UNZIPPED:,}")
    module = re.escape(handler.rpartition(".")[0].replace(".", "/"))
    if not any(re.fullmatch(rf"{module}((/__init__)?\.pyc?|(\.[\w-]+)?\.so)", file.filename) for file in files):
        raise SettingsError(
            f"handler of {name}: {handler!r} is in no file of {bundle}; allowed: a module in it, and its function"
        )
