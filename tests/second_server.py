"""Deploy to a local AWS, and to a second one when the first left a request without an answer.

On a busy machine MiniStack now and then carries out a request without an answer, and what Terraform then creates again
is there already. A second server tells that from a mistake of the stack, which fails on it too.
"""

import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from tests.e2e.remote import CdktfError
from tools.ministack import LocalAws
from tools.terraform import TerraformError

T = TypeVar("T")


def deploy_to_a_server(servers: ExitStack, deploy: Callable[[LocalAws], T]) -> T:
    """Return what a deployment to a new server returns.

    Parameters
    ----------
    servers : ExitStack
        Ends the servers.
    deploy : Callable[[LocalAws], T]
        Deploys; called again, with another server, when Terraform fails.

    Raises
    ------
    TerraformError, CdktfError
        When the second deployment fails too.
    """
    first = servers.enter_context(LocalAws.start())
    try:
        return deploy(first)
    except (TerraformError, CdktfError) as error:
        complaints = [line for line in first.log().splitlines() if "Error handling" in line or "Traceback" in line]
        warnings.warn(f"deployed again: {str(error)[-2000:]}\nthe server said: {complaints[-20:]}", stacklevel=2)
        return deploy(servers.enter_context(LocalAws.start()))
