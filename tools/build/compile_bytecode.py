"""Compile files to bytecode that the runtime takes without looking at the source, in a process of its own.

What ``marshal`` writes depends on how often an object is referred to in the process that compiles, and so on whatever
else that process has loaded. This one loads nothing else, so that the same sources always give the same bytes.
Source: https://bugs.python.org/issue34093
"""

import json
import py_compile
import sys


def main() -> None:
    """Compile what standard input lists: source, bytecode file, and path in the deployed function."""
    for source, bytecode, deployed in json.load(sys.stdin):
        # Time-stamped bytecode would be void in a zip, whose times are not the files'.
        # https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation
        py_compile.compile(
            source,
            cfile=bytecode,
            dfile=deployed,
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


if __name__ == "__main__":
    main()
