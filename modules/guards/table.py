"""All guards in one table."""

from modules.guards import functions, names_and_tags, policies, queues, routes, storage, variables
from modules.guards.guard import Guard

GUARDS: tuple[Guard, ...] = (
    *queues.GUARDS,
    *functions.GUARDS,
    *variables.GUARDS,
    *routes.GUARDS,
    *policies.GUARDS,
    *storage.GUARDS,
    *names_and_tags.GUARDS,
)
