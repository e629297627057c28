"""Where Terraform keeps its state."""

from modules.settings.sections import BackendSettings
from modules.synth.cdk import LocalBackend, S3Backend, TerraformStack


def configure_backend(
    stack: TerraformStack, name: str, settings: BackendSettings | None, *, part: str | None = None
) -> None:
    """Keep the state in S3, with a lock file, or in a local file where no backend is set.

    The lock file needs Terraform 1.10 and no DynamoDB table. CDKTF 0.21 has no typed attribute for it.
    Source: https://developer.hashicorp.com/terraform/language/backend/s3

    Parameters
    ----------
    part : str | None
        Which of an environment's stacks this is, where it is not the first: its state has a key of its own.
    """
    if settings is None:
        # Relative to the synthesized stack's folder, so that the state lies beside cdktf.json and outlives cdktf.out.
        LocalBackend(stack, path=f"../../../terraform.{name}.tfstate")
        return
    key = _key_of_part(settings.key, part) if part else settings.key
    S3Backend(
        stack,
        bucket=settings.bucket,
        key=key,
        region=settings.region,
        encrypt=True,
        kms_key_id=settings.kms_key_id,
        profile=settings.profile,
    )
    stack.add_override("terraform.backend.s3.use_lockfile", True)
    if settings.role_arn:
        # https://developer.hashicorp.com/terraform/language/backend/s3#assume-role-configuration
        stack.add_override("terraform.backend.s3.assume_role", {"role_arn": settings.role_arn})
    if settings.use_path_style:
        stack.add_override("terraform.backend.s3.use_path_style", True)


def _key_of_part(key: str, part: str) -> str:
    """Return ``<key>-<part>``, before a suffix such as ``.tfstate``."""
    folder, slash, name = key.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    return f"{folder}{slash}{stem}-{part}{dot}{suffix}" if stem else f"{key}-{part}"
