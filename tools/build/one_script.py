"""The portal's script: its modules, and those of `tools.pages` that it uses, in one file.

A browser asks for all modules at once. The function that serves them has few executions, so that some would be
refused. What the modules may say is little: ``import { a, b } from "/assets/x.js"``, and ``export`` before a function
or a constant. Each becomes a function that is called once, so that no name meets another's.
"""

import re
from pathlib import Path

from tools import ROOT

FOLDERS = (ROOT / "tools" / "portal", ROOT / "tools" / "pages")
_IMPORT = re.compile(r'^import \{ (\w+(?:, \w+)*) \} from "/assets/(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function|const) (\w+)", re.MULTILINE)


def one_script(name: str = "portal") -> str:
    """Return a module with all that it imports.

    Raises
    ------
    FileNotFoundError
        When a module is not there.
    ValueError
        When modules import each other, or have an ``import`` or ``export`` of another form.
    """
    done: dict[str, str] = {}
    _add(name, done, ())
    return "".join(done.values())


def _add(name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if name in above:
        raise ValueError(f"{name}.js imports itself, by {' and '.join(above)}")
    if name in done:
        return
    text = _source(name).read_text(encoding="utf-8")
    for _, imported in _IMPORT.findall(text):
        _add(imported, done, (*above, name))
    exported = ", ".join(found for _, found in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1 \2", _IMPORT.sub(r"const { \1 } = $\2;", text))
    if strange := re.search(r"^(import|export)\b.*", body, re.MULTILINE):
        raise ValueError(f"{name}.js: {strange[0]!r} is of no known form")
    done[name] = f"const ${name} = (() => {{\n{body}return {{ {exported} }};\n}})();\n"


def _source(name: str) -> Path:
    for folder in FOLDERS:
        if (path := folder / f"{name}.js").is_file():
            return path
    raise FileNotFoundError(f"{name}.js is in neither of {', '.join(map(str, FOLDERS))}")
