"""What the functions of both halves use: errors, AWS clients, DynamoDB values, logs and traces, signature schemes."""
