"""The one reader of Terraform JSON: a synthesized stack or a plan becomes a document that rules and tools ask."""
