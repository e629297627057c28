"""What of an installed package a function can reach by imports, so that the rest of it is not shipped.

Imports are read from the source at any depth, those inside functions too, so that what is left out cannot be asked for
at some later time either. A package that loads modules by names that it computes keeps all that is below it.
"""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path


def unreachable(
    sources: Mapping[str, Path], package: str, roots: Iterable[str], never: Collection[str] = ()
) -> set[str]:
    """Return the files of a package that nothing among the sources leads to.

    Parameters
    ----------
    sources : Mapping[str, Path]
        Name in the bundle, as ``package/module.py``, to file.
    package : str
        Top-level package that is judged; whatever else is in the sources stays.
    roots : Iterable[str]
        Names of the files that are imported from outside.
    never : Collection[str]
        Modules and packages whose imports are known never to run.

    Returns
    -------
    set[str]
        Modules that are not reached, and data files of packages that are not.
    """
    modules = {_module_of(name): name for name in sources if name.endswith(".py")}
    reached: set[str] = set()
    waiting = [_module_of(name) for name in roots]
    while waiting:
        module = waiting.pop()
        if module in reached or module not in modules or any(f"{module}.".startswith(f"{one}.") for one in never):
            continue
        reached.add(module)
        # A module is imported after the packages that it is in.
        waiting.append(module.rpartition(".")[0])
        name = modules[module]
        tree = ast.parse(sources[name].read_bytes())
        waiting += _imports(name, module, tree)
        if name.endswith("/__init__.py") and _computes_names(tree):
            waiting += [below for below in modules if below.startswith(f"{module}.")]
    kept = {modules[module] for module in reached}
    folders = {name.rpartition("/")[0] for name in kept}
    return {
        name
        for name in sources
        if name.startswith(f"{package}/")
        and (name not in kept if name.endswith(".py") else name.rpartition("/")[0] not in folders)
    }


def _module_of(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _computes_names(tree: ast.AST) -> bool:
    names = {getattr(node, "attr", getattr(node, "id", None)) for node in ast.walk(tree)}
    return bool(names & {"import_module", "__import__"})


def _imports(name: str, module: str, tree: ast.AST) -> Iterator[str]:
    package = module if name.endswith("/__init__.py") else module.rpartition(".")[0]
    for node in _run(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield source
            # What is imported from a package may be a module of it.
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what can run: all but what is there for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in child.orelse:
                yield other
                yield from _run(other)
        else:
            yield child
            yield from _run(child)
