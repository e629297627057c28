"""The functions of the inbound stack."""

from collections.abc import Mapping
from pathlib import Path

from modules.constructs.bundling import FUNCTIONS
from modules.constructs.lambda_fleet import Fleet, FleetMember
from modules.constructs.naming import Names
from modules.constructs.network import Network
from modules.settings.sections import FunctionSettings
from modules.synth.cdk import (
    Construct,
)


class LambdaFleet(Fleet):
    """All functions of the inbound pipeline.

    Parameters
    ----------
    reserved_concurrency : Mapping[str, int]
        Executions reserved for a function, by its name.
    native_ingestion : bool
        Whether a deployed provider's signatures need compiled code, which is in a bundle of its own.
    direct : bool
        Whether ingestion reads from the ingest queue, and answers by HTTP only what providers ask before they send.

    Attributes
    ----------
    ingestion, processing, status, dead_letter, replay : WebhookFunction
        The functions.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: FunctionSettings,
        names: Names,
        account_id: str,
        bundles: Path,
        reserved_concurrency: Mapping[str, int],
        network: Network | None = None,
        native_ingestion: bool = False,
        direct: bool = False,
    ) -> None:
        members = [
            FleetMember(
                folder=name,
                reserved_concurrency=reserved_concurrency.get(name),
                native=native_ingestion and name == "ingestion",
                entry="direct_integration" if direct and name == "ingestion" else "handler",
            )
            for name in FUNCTIONS
        ]
        super().__init__(
            scope,
            id_,
            members=members,
            settings=settings,
            names=names,
            account_id=account_id,
            bundles=bundles,
            network=network,
        )
        self.ingestion = self.functions["ingestion"]
        self.processing = self.functions["processing"]
        self.status = self.functions["status"]
        self.dead_letter = self.functions["dead_letter"]
        self.replay = self.functions["replay"]
