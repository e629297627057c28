"""The Lambda functions of a stack."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from modules.constructs.naming import Names
from modules.constructs.network import Network
from modules.constructs.webhook_function import CONCURRENCY, HANDLER, NAME, FunctionSize, WebhookFunction
from modules.settings.checked import checked
from modules.settings.concurrency import UNRESERVED
from modules.settings.formats import ACCOUNT_ID
from modules.settings.sections import FunctionSettings
from modules.settings.validation import SettingsError, Validated, setting
from modules.synth.cdk import (
    Construct,
)


@dataclass(frozen=True, kw_only=True)
class FleetMember(Validated):
    """A function that a fleet deploys; see `WebhookFunction`.

    Raises
    ------
    SettingsError
        When Lambda takes no such function.
    """

    name: str = setting(
        doc="Its name in AWS, without prefix and environment.",
        rule=NAME,
    )
    bundle: Path = setting(doc="Zip with its code.")
    handler: str = setting(doc="Module and function of its handler.", rule=HANDLER)
    reserved_concurrency: int | None = setting(
        None,
        rule=CONCURRENCY,
        doc="Executions reserved for it; None leaves it to the account's unreserved ones.",
    )
    size: FunctionSize | None = setting(None, doc="Its memory and time-out, where they are not those of the settings.")


@checked
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
    network : Network | None
        Where the functions are placed; None for no VPC.

    Attributes
    ----------
    functions : dict[str, WebhookFunction]
        Name of a function, without prefix and environment, to the function.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        members: Sequence[FleetMember],
        settings: FunctionSettings,
        names: Names,
        account_id: Annotated[str, ACCOUNT_ID],
        network: Network | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self._settings, self._names, self._account_id, self._network = settings, names, account_id, network
        self.functions: dict[str, WebhookFunction] = {}
        self._reserved = 0
        for member in members:
            self.add(member)

    def add(self, member: FleetMember) -> WebhookFunction:
        """Add a function, with its role, policy and log group, in the network of the others.

        Raises
        ------
        ValueError
            When the fleet has a function of this name, the account not so many executions, or Lambda takes no such
            bundle.
        FileNotFoundError
            When there is no such bundle.
        """
        if member.name in self.functions:
            raise ValueError(f"name: {member.name!r} is a function of this fleet already")
        asked, limit = member.reserved_concurrency or 0, self._settings.account_concurrency - UNRESERVED
        if self._reserved + asked > limit:
            raise SettingsError(
                f"reserved_concurrency: {asked:,} for {member.name} and {self._reserved:,} for the others are not "
                f"allowed; allowed: {limit:,} together, since Lambda keeps {UNRESERVED} of "
                "functions.account_concurrency for functions without a reservation"
            )
        function = WebhookFunction(
            self,
            member.name,
            name=member.name,
            bundle=member.bundle,
            handler=member.handler,
            reserved_concurrency=member.reserved_concurrency,
            size=member.size,
            settings=self._settings,
            names=self._names,
            account_id=self._account_id,
            network=self._network,
        )
        self.functions[member.name] = function
        self._reserved += asked
        return function
