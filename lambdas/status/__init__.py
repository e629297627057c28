"""``GET /status/{transactionId}``: where a transaction stands, and how it got there."""
