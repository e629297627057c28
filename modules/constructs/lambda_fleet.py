"""The Lambda functions of a stack."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modules.constructs.bundling import bundle_of
from modules.constructs.naming import Names
from modules.constructs.network import Network
from modules.constructs.webhook_function import FunctionSize, WebhookFunction
from modules.settings.sections import FunctionSettings
from modules.synth.cdk import (
    Construct,
)


@dataclass(frozen=True, kw_only=True)
class FleetMember:
    """A function that a fleet deploys.

    Attributes
    ----------
    folder : str
        Folder of its code below ``lambdas/``, after which its bundle is named.
    function_name : str | None
        Its name in AWS, without prefix and environment, where that is not the folder.
    size : FunctionSize | None
        Its memory and time-out, where they are not those of the settings.
    reserved_concurrency : int | None
        Executions reserved for it; None leaves it to the account's unreserved ones.
    native : bool
        Whether it needs the bundle with compiled code, where there are two.
    entry : str
        Module of its folder with its handler.
    """

    folder: str
    function_name: str | None = None
    size: FunctionSize | None = None
    reserved_concurrency: int | None = None
    native: bool = False
    entry: str = "handler"


class Fleet(Construct):
    """The functions of one stack.

    Parameters
    ----------
    members : Sequence[FleetMember]
        Which functions.
    settings : FunctionSettings
        Runtime, size, logs.
    names : Names
        Naming of the stack.
    account_id : str
        The account, which alone may have Lambda assume the roles.
    bundles : Path
        Folder with the bundles that ``make bundle`` built.
    network : Network | None
        Where the functions are placed; None for no VPC.

    Attributes
    ----------
    functions : dict[str, WebhookFunction]
        Name of a function, without prefix and environment, to the function.

    Raises
    ------
    FileNotFoundError
        When a bundle has not been built.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        members: Sequence[FleetMember],
        settings: FunctionSettings,
        names: Names,
        account_id: str,
        bundles: Path,
        network: Network | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self.functions = {
            member.function_name or member.folder: WebhookFunction(
                self,
                member.function_name or member.folder,
                name=member.folder,
                settings=settings,
                names=names,
                account_id=account_id,
                reserved_concurrency=member.reserved_concurrency,
                bundle=bundle_of(bundles, member.folder, native=member.native),
                network=network,
                function_name=member.function_name,
                size=member.size,
                entry=member.entry,
            )
            for member in members
        }
