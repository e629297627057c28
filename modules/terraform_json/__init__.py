"""The one reader of Terraform JSON: a synthesized stack or a plan."""
