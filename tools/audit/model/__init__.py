"""A Terraform plan as things that a rule can ask: queues, functions, routes, statements, alarms."""
