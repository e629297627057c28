"""What the stack passes to the daily statement."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class StatementEnvironment(Environment):
    """The variables of the daily statement.

    Attributes
    ----------
    table_name, bucket_name : str
        Names of the table and of the archive bucket.
    providers : str
        JSON: each deployed name, with the seconds between two reconciliations, or null where there are none.
    look_back_days : int
        Closed days of which it is looked whether records came to them since.
    quarantines : bool
        Whether there is a quarantine.
    ingestion : str | None
        Value of the dimension ``service`` of ingestion's metrics; None where CloudWatch cannot be asked.
    delivery_worker, tenants : str | None
        The same of delivery's worker, and JSON: each provider, with the tenants that get its events and of which
        accounts, null for all of them; None where they are not known.
    """

    table_name: str
    bucket_name: str
    providers: str
    look_back_days: int
    quarantines: bool
    ingestion: str | None = None
    delivery_worker: str | None = None
    tenants: str | None = None
