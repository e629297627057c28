"""What both stacks have: provider, state, names, and functions that a subclass adds."""

from modules.constructs.backend import configure_backend
from modules.constructs.lambda_fleet import Fleet, FleetMember
from modules.constructs.monitoring import Monitoring
from modules.constructs.naming import PREFIX, Names
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.settings.model import Settings
from modules.synth.cdk import AwsProvider, Construct, DataAwsCallerIdentity, TerraformStack

# Tested with the oldest. The bindings would ask for exactly the version that they were made from.
AWS_PROVIDER_VERSIONS = ">= 5.100.0, < 7.0.0"


@checked
class BaseStack(TerraformStack):
    """A stack of an environment.

    Parameters
    ----------
    settings : Settings
        All that an environment can choose.
    prefix : str
        What every name begins with.
    part : str | None
        Which of the environment's stacks this is, where it is not the first: its state has a key of its own.

    Attributes
    ----------
    settings, names, account_id
        What the layers are made of, for those of a subclass.
    fleet, monitoring
        The functions and the alarms.
    """

    fleet: Fleet
    monitoring: Monitoring

    def __init__(
        self, scope: Construct, id_: str, settings: Settings, *, prefix: str = PREFIX, part: str | None = None
    ) -> None:
        super().__init__(scope, id_)
        self.settings, self.names = settings, Names(settings.environment, prefix)
        AwsProvider(self, "aws", region=settings.region)
        self.add_override("terraform.required_providers.aws.version", AWS_PROVIDER_VERSIONS)
        self.configure_backend(id_, part)
        self.account_id: str = DataAwsCallerIdentity(self, "account").account_id

    def configure_backend(self, id_: str, part: str | None) -> None:
        """Say where the state is kept. A subclass that keeps it elsewhere, as with ``CloudBackend``, overrides this."""
        configure_backend(self, id_, self.settings.backend, part=part)

    def add_function(self, member: FleetMember) -> WebhookFunction:
        """Add a function of one's own, with role, log group, alarms and graphs, in the network of the others.

        What it may do and which routes lead to it are added afterwards, as for the others:
        ``stack.storage.grant_query_records(function)``, ``stack.api.route(route, function)``.

        Raises
        ------
        ValueError
            When the stack has a function of this name.
        FileNotFoundError
            When its bundle is not there.
        """
        function = self.fleet.add(member)
        self.monitoring.watch_function(function)
        return function
