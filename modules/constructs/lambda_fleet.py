"""The Lambda functions of a stack."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modules.constructs.naming import Names
from modules.constructs.network import Network
from modules.constructs.webhook_function import FunctionSize, WebhookFunction
from modules.settings.checked import checked
from modules.settings.sections import FunctionSettings
from modules.settings.validation import Validated, setting
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
        pattern="[a-z0-9]([a-z0-9_-]{0,28}[a-z0-9])?",
        words="1 to 30 lower-case letters, digits, inner hyphens and underscores",
    )
    bundle: Path = setting(doc="Zip with its code.")
    handler: str = setting(
        doc="Module and function of its handler.",
        pattern=r"(\w+\.)+\w+",
        words="names with dots between, of modules and of the function, as in app.handler",
    )
    reserved_concurrency: int | None = setting(
        None,
        unit="executions",
        low=0,
        high=1_000_000,
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
        account_id: str,
        network: Network | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self._settings, self._names, self._account_id, self._network = settings, names, account_id, network
        self.functions: dict[str, WebhookFunction] = {}
        for member in members:
            self.add(member)

    def add(self, member: FleetMember) -> WebhookFunction:
        """Add a function, with its role, policy and log group, in the network of the others.

        Raises
        ------
        ValueError
            When the fleet has a function of this name.
        FileNotFoundError
            When there is no such bundle.
        """
        if member.name in self.functions:
            raise ValueError(f"name: {member.name!r} is a function of this fleet already")
        if not member.bundle.is_file():
            raise FileNotFoundError(f"bundle of {member.name}: {member.bundle} is not there")
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
        return function
