"""``python -m ffhw``, and the ``ffhw`` command."""

import os
import signal


def _stop(number: int, _: object) -> None:
    word = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    try:
        os.write(2, f"ffhw: {word}; nothing was left half-written\n".encode())
    finally:
        os._exit(130 if number == signal.SIGINT else 128 + number)


# The first thing of all: nothing is begun yet, so that there is nothing to clear away.
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if __name__ == "__main__" and signal.getsignal(_number) != signal.SIG_IGN:
        signal.signal(_number, _stop)

import sys  # noqa: E402

from ffhw.processes import clear_away, end_at_signals, sweep_temporary  # noqa: E402


def start() -> None:
    """Run the command line; signals end it cleanly, from the first moment to the last."""
    end_at_signals()
    from ffhw.cli import main

    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    sweep_temporary()
    clear_away()
    # the interpreter's own end takes a while, in which it answers signals in its own way
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    start()
