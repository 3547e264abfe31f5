"""The command line: one module a subcommand. Heavy packages are imported when a command runs, so help is instant."""

from __future__ import annotations

import errno
import sys

import typer
from rich.console import Console

import ffhw
from ffhw.cli import analyze, demo, doctor, export, report, run, sim, synth, train
from ffhw.errors import FfhwError

INTERRUPTED = 130

app = typer.Typer(
    help="Flip-flop neural networks from Keras to silicon: train, analyze, export, sim, synth, report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done, 2 bad input, 3 mismatch, 4 tool missing or failed, 5 does not fit, 6 cannot write, "
    "7 damaged bundle, 130 interrupted.",
)
for name, module in (
    ("train", train),
    ("analyze", analyze),
    ("export", export),
    ("sim", sim),
    ("synth", synth),
    ("run", run),
    ("report", report),
    ("doctor", doctor),
    ("demo", demo),
):
    app.command(name)(module.run)


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
    try:
        app()
    except FfhwError as error:
        fail(str(error), error.exit_code)
    except SystemExit as end:
        # typer turns the keyboard's interrupt into a silent exit
        if end.code == INTERRUPTED:
            fail("interrupted; nothing was left half-written", INTERRUPTED)
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            fail("the disk is full; nothing was left half-written", 6)
        raise


def fail(message: str, code: int) -> None:
    """One line on standard error, and out."""
    # no markup and no wrapping: paths and shapes contain brackets
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"ffhw: {message}", style="red")
    sys.exit(code)
