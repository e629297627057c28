"""What goes wrong when a module is written."""


class ModuleError(Exception):
    """The stack cannot be written as a module; the message says which place of it stands in the way."""
