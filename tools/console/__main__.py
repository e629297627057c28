"""``make console``: the console of the stack that ``make up`` started, or of ``ENVIRONMENT_SUFFIX``."""

import argparse
import contextlib

from tools.commands.target_stack import NoTargetError, Target, run
from tools.console.answers import Answers
from tools.console.server import ConsoleServer


def main() -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="make console")
    parser.add_argument("--port", type=int, default=0, help="port on the loopback address; any free one by default")
    port = parser.parse_args().port
    answers = Answers(Target.chosen())
    try:
        server = ConsoleServer(answers, port)
    except (OSError, OverflowError) as error:
        raise NoTargetError(f"PORT: {port} cannot be opened: {error}") from error
    with server, contextlib.suppress(KeyboardInterrupt):
        print(f"{server.start_url}\nOpen it in a browser of this machine. Ctrl-C ends the console.", flush=True)
        server.serve_forever()
    return 0


if __name__ == "__main__":
    run(main)
