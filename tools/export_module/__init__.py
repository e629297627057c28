"""``make module``: the stack as a plain Terraform module, for those who use no Python."""
