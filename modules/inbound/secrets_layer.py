"""One Secrets Manager secret for each provider that has any, created empty: no value ever passes through Terraform."""

from collections.abc import Collection, Mapping

from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.settings.rules import check_provider_options, check_providers
from modules.settings.validation import SettingsError
from modules.synth.cdk import Construct, SecretsmanagerSecret
from modules.synth.json_text import json_text


@checked
class SecretsLayer(Construct):
    """The signing secrets.

    Parameters
    ----------
    providers : Mapping[str, str]
        Deployed name to registry entry.
    options : Mapping[str, Mapping[str, str]]
        Deployed name to the options of its entry.
    keyless : Collection[str]
        Deployed names of providers that have no secret.
    names : Names
        Naming of the environment.

    Attributes
    ----------
    secrets : dict[str, SecretsmanagerSecret]
        Deployed name to secret.

    Raises
    ------
    SettingsError
        When a provider is not in the registry, its entry does not take these options, or one without a secret is not
        deployed.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        providers: Mapping[str, str],
        options: Mapping[str, Mapping[str, str]],
        keyless: Collection[str] = (),
        names: Names,
    ) -> None:
        super().__init__(scope, id_)
        check_providers(providers)
        check_provider_options(providers, options)
        if unknown := sorted(set(keyless) - set(providers)):
            raise SettingsError(
                f"keyless: {', '.join(unknown)} is none of the deployed providers, {', '.join(providers)}"
            )
        self._providers = providers
        self._options = options
        self.secrets = {
            name: pin(
                SecretsmanagerSecret(
                    self,
                    name,
                    name=names("secret", qualifier=name),
                    description=f"Signing secrets of {name}: plain text, or JSON with a list 'secrets', newest first",
                    recovery_window_in_days=0,
                ),
                f"{id_}_{name}",
            )
            for name in providers
            if name not in keyless
        }

    def grant_read(self, function: WebhookFunction) -> None:
        """Allow ``secretsmanager:GetSecretValue`` on these secrets, if there are any."""
        self.grant_read_of(function, self.secrets)

    def grant_read_of(self, function: WebhookFunction, names: Collection[str]) -> None:
        """Allow ``secretsmanager:GetSecretValue`` on the secrets of some providers, if there are any."""
        if arns := [self.secrets[name].arn for name in names]:
            function.allow("ReadSigningSecrets", ["secretsmanager:GetSecretValue"], arns)

    def providers_variable(self) -> str:
        """Return the value of ``PROVIDERS``: for each deployed name its entry, options, and its secret if any.

        The secret goes by its name, which is some 70 characters shorter than its ARN: so many more providers fit.
        """
        return json_text(
            {
                name: {
                    "entry": entry,
                    **({"secretArn": self.secrets[name].name} if name in self.secrets else {}),
                    **({"options": dict(options)} if (options := self._options.get(name)) else {}),
                }
                for name, entry in self._providers.items()
            }
        )
