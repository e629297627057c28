"""A local AWS, and both stacks deployed to it."""
