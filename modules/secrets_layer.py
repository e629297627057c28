"""One Secrets Manager secret for each deployed provider, created empty: its value never passes through Terraform."""

import json
from collections.abc import Mapping

from modules.cdk import Construct, SecretsmanagerSecret
from modules.lambda_fleet import WebhookFunction
from modules.naming import Names
from modules.pinning import pin


class SecretsLayer(Construct):
    """The signing secrets.

    Parameters
    ----------
    providers : Mapping[str, str]
        Deployed name to registry entry.
    names : Names
        Naming of the environment.

    Attributes
    ----------
    secrets : dict[str, SecretsmanagerSecret]
        Deployed name to secret.
    """

    def __init__(self, scope: Construct, id_: str, *, providers: Mapping[str, str], names: Names) -> None:
        super().__init__(scope, id_)
        self._providers = providers
        self.secrets = {
            name: pin(
                SecretsmanagerSecret(
                    self,
                    name,
                    name=names("secret", of=name),
                    description=f"Signing secrets of {name}: plain text, or JSON with a list 'secrets', newest first",
                    recovery_window_in_days=0,
                ),
                f"{id_}_{name}",
            )
            for name in providers
        }

    def grant_read(self, function: WebhookFunction) -> None:
        """Allow ``secretsmanager:GetSecretValue`` on these secrets."""
        arns = [secret.arn for secret in self.secrets.values()]
        function.allow("ReadSigningSecrets", ["secretsmanager:GetSecretValue"], arns)

    def providers_variable(self) -> str:
        """Return the value of the variable ``PROVIDERS``: for each name, its registry entry and its secret's ARN."""
        return json.dumps(
            {name: {"entry": self._providers[name], "secretArn": secret.arn} for name, secret in self.secrets.items()},
            separators=(",", ":"),
        )
