"""The functions of the inbound stack."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from modules.constructs.bundling import FUNCTIONS, RECONCILE, STATEMENT, bundle_of
from modules.constructs.lambda_fleet import Fleet, FleetMember
from modules.constructs.naming import Names
from modules.constructs.network import Network
from modules.constructs.webhook_function import FunctionSize
from modules.settings.checked import checked
from modules.settings.formats import ACCOUNT_ID
from modules.settings.reconciliation import RUN_SECONDS
from modules.settings.sections import FunctionSettings
from modules.synth.cdk import (
    Construct,
)

# Of this, Lambda gives a whole CPU, which many small queries side by side need.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
QUERY_MEMORY = 1_769
# The longest that Lambda allows: a day can have millions of records.
STATEMENT_SECONDS = 900


@checked
class LambdaFleet(Fleet):
    """All functions of the inbound pipeline.

    Parameters
    ----------
    bundles : Path
        Folder with the bundles that ``make bundle`` built.
    reserved_concurrency : Mapping[str, int]
        Executions reserved for a function, by its name.
    native_ingestion : bool
        Whether a deployed provider's signatures need compiled code, which is in a bundle of its own.
    direct : bool
        Whether ingestion reads from the ingest queue, and answers by HTTP only what providers ask before they send.
    reconciles : bool
        Whether there is a function that reconciles.
    states : bool
        Whether there is a function that makes the daily statement.

    Attributes
    ----------
    ingestion, processing, status, dead_letter, replay, operator : WebhookFunction
        The functions.
    reconcile, statement : WebhookFunction | None
        The one that reconciles, and the one that makes the daily statement.

    Raises
    ------
    FileNotFoundError
        When a bundle has not been built.
    ValueError
        When executions are reserved for a function that there is not.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: FunctionSettings,
        names: Names,
        account_id: Annotated[str, ACCOUNT_ID],
        bundles: Path,
        reserved_concurrency: Mapping[str, int],
        network: Network | None = None,
        native_ingestion: bool = False,
        direct: bool = False,
        reconciles: bool = False,
        states: bool = False,
    ) -> None:
        if unknown := sorted(set(reserved_concurrency) - set(FUNCTIONS)):
            raise ValueError(
                f"reserved_concurrency: {', '.join(unknown)} is no function; functions: {', '.join(FUNCTIONS)}"
            )
        modules = {"ingestion": "direct_integration"} if direct else {}
        sizes = {
            "operator": FunctionSize(memory=QUERY_MEMORY, timeout=settings.timeout),
            RECONCILE: FunctionSize(memory=settings.memory, timeout=RUN_SECONDS),
            STATEMENT: FunctionSize(memory=QUERY_MEMORY, timeout=STATEMENT_SECONDS),
        }
        members = [
            FleetMember(
                name=name,
                bundle=bundle_of(bundles, name, native=native_ingestion and name == "ingestion"),
                handler=f"lambdas.{name}.{modules.get(name, 'handler')}.handler",
                reserved_concurrency=reserved_concurrency.get(name),
                size=sizes.get(name),
            )
            for name in (*FUNCTIONS, *([RECONCILE] if reconciles else []), *([STATEMENT] if states else []))
        ]
        super().__init__(
            scope,
            id_,
            members=members,
            settings=settings,
            names=names,
            account_id=account_id,
            network=network,
        )
        self.ingestion = self.functions["ingestion"]
        self.processing = self.functions["processing"]
        self.status = self.functions["status"]
        self.dead_letter = self.functions["dead_letter"]
        self.replay = self.functions["replay"]
        self.operator = self.functions["operator"]
        self.reconcile = self.functions.get(RECONCILE)
        self.statement = self.functions.get(STATEMENT)
