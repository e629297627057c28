"""The Lambda functions: one role, one policy, one log group and one bundle each."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from modules.bundling import FUNCTIONS, bundle_of
from modules.cdk import (
    AssetType,
    CloudwatchLogGroup,
    Construct,
    IamRole,
    IamRolePolicy,
    LambdaFunction,
    LambdaFunctionEnvironment,
    LambdaFunctionTracingConfig,
    TerraformAsset,
)
from modules.naming import Names
from modules.policy import Condition, Statement, policy_document, to_block
from modules.settings import FunctionSettings

NAMESPACE = "Webhooks"


class WebhookFunction(Construct):
    """One deployed Lambda function.

    What it may do is what the ``grant_*`` methods of other layers add through `allow`; by itself it may write its own
    log and its traces.

    Attributes
    ----------
    function : LambdaFunction
        The function.
    role : IamRole
        Its execution role.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        settings: FunctionSettings,
        names: Names,
        account_id: str,
        reserved_concurrency: int | None,
        bundle: Path,
    ) -> None:
        super().__init__(scope, id_)
        self.name = names(name.replace("_", "-"))
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
                    conditions=[Condition(test="StringEquals", variable="aws:SourceAccount", values=[account_id])],
                )
            ],
        )
        self.role = IamRole(self, "role", name=self.name, assume_role_policy=trust.json)
        self._statements: list[Statement] = []
        self._policy = policy_document(self, "permissions", [])
        policy = IamRolePolicy(self, "policy", name=self.name, role=self.role.name, policy=self._policy.json)
        self.allow("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group.arn}:*"])
        # X-Ray knows no resources for these actions.
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
        self.allow("WriteTracesWhichHaveNoArn", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"])
        asset = TerraformAsset(
            self,
            "bundle",
            path=str(bundle),
            asset_hash=hashlib.sha256(bundle.read_bytes()).hexdigest(),
            type=AssetType.FILE,
        )
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
            handler=f"lambdas.{name}.handler.handler",
            filename=asset.path,
            source_code_hash=base64.b64encode(hashlib.sha256(bundle.read_bytes()).digest()).decode("ascii"),
            memory_size=settings.memory,
            timeout=settings.timeout,
            reserved_concurrent_executions=reserved_concurrency,
            tracing_config=LambdaFunctionTracingConfig(mode="Active"),
            environment=LambdaFunctionEnvironment(variables=dict(self._environment)),
            depends_on=[log_group, policy],
        )

    def allow(self, sid: str, actions: Sequence[str], resources: Sequence[str]) -> None:
        """Add a statement to the function's policy."""
        self._statements.append(Statement(sid=sid, actions=actions, resources=resources))
        self._policy.put_statement([to_block(statement) for statement in self._statements])

    def configure(self, variables: Mapping[str, str]) -> None:
        """Add environment variables; names and addresses only, never a secret."""
        self._environment |= variables
        self.function.put_environment(variables=dict(self._environment))


class LambdaFleet(Construct):
    """All functions of the inbound pipeline.

    Parameters
    ----------
    settings : FunctionSettings
        Runtime, size and concurrency.
    names : Names
        Naming of the environment.
    account_id : str
        The account, which alone may have Lambda assume the roles.
    bundles : Path
        Folder with the bundles that ``make bundle`` built.

    Attributes
    ----------
    ingestion, processing, status, dead_letter, replay : WebhookFunction
        The functions.

    Raises
    ------
    FileNotFoundError
        When a bundle has not been built.
    """

    def __init__(
        self, scope: Construct, id_: str, *, settings: FunctionSettings, names: Names, account_id: str, bundles: Path
    ) -> None:
        super().__init__(scope, id_)
        reserved = {
            "ingestion": settings.ingestion_reserved_concurrency,
            "processing": settings.processing_reserved_concurrency,
        }
        self.functions = {
            name: WebhookFunction(
                self,
                name,
                name=name,
                settings=settings,
                names=names,
                account_id=account_id,
                reserved_concurrency=reserved.get(name),
                bundle=bundle_of(bundles, name),
            )
            for name in FUNCTIONS
        }
        self.ingestion = self.functions["ingestion"]
        self.processing = self.functions["processing"]
        self.status = self.functions["status"]
        self.dead_letter = self.functions["dead_letter"]
        self.replay = self.functions["replay"]
