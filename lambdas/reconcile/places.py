"""Where reconciliation keeps what it knows; read at synth too, so that nothing of AWS's SDK is imported here."""

# Of the items with the progress. No transaction id has a blank, and no record's partition begins like this.
PROGRESS_PARTITION = "reconciliation "
