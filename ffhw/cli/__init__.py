"""The command line: one module a subcommand. Heavy packages are imported when a command runs, so help is instant."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import NoReturn

import typer

import ffhw
from ffhw.cli import (
    analyze,
    bench,
    board,
    compare,
    demo,
    doctor,
    explore,
    export,
    predict,
    report,
    run,
    sample,
    sim,
    stream,
    synth,
    train,
    update,
)
from ffhw.errors import FfhwError, InputError, OutputError

app = typer.Typer(
    help="Flip-flop neural networks from Keras to silicon: train, analyze, explore, export, sim, synth, report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done, 2 bad input, 3 mismatch, 4 tool missing or failed, 5 does not fit, 6 cannot write, "
    "7 damaged bundle, 130 interrupted, 143 ended.",
)
for name, module in (
    ("train", train),
    ("compare", compare),
    ("bench", bench),
    ("sample", sample),
    ("predict", predict),
    ("analyze", analyze),
    ("export", export),
    ("explore", explore),
    ("sim", sim),
    ("synth", synth),
    ("update", update),
    ("run", run),
    ("stream", stream),
    ("report", report),
    ("doctor", doctor),
    ("demo", demo),
):
    app.command(name)(module.run)
app.add_typer(board.app, name="board")


def _version(value: bool) -> None:
    if value:
        typer.echo(ffhw.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    pass


def main() -> None:
    """Run a command. Expected failures end in one line and an exit code by class; defects keep their traceback."""
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            # a terminal that cannot show a character gets another one, not a crash
            output.reconfigure(errors="replace")
    try:
        app()
        sys.stdout.flush()
    except FfhwError as error:
        fail(str(error), error.exit_code)
    except BrokenPipeError:
        # whoever read the help has gone: there is nobody left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            fail("the disk is full; nothing was left half-written", OutputError.exit_code)
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{error.strerror or error}", OutputError.exit_code)
    except MemoryError:
        fail("this needs more memory than there is", InputError.exit_code)


def fail(message: str, code: int) -> NoReturn:
    """One line on standard error, and out."""
    # no markup and no wrapping: paths and shapes contain brackets
    from ffhw.cli.console import Output

    console = Output(stderr=True, soft_wrap=True, highlight=False, markup=False)
    console.print(" ".join(f"ffhw: {message}".split("\n")), style="red")
    sys.exit(code)
