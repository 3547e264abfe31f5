"""The command `ffhw report`."""

from __future__ import annotations

from pathlib import Path

import typer


def run(bundle: Path = typer.Argument(help="Bundle folder.")) -> None:
    """Write a one-page report of a bundle, from the JSON that export, sim and synth left in it."""
    from ffhw.bundle import Bundle
    from ffhw.cli.console import console
    from ffhw.report.page import write_report

    target = write_report(Bundle.open(bundle))
    console.print(f"wrote {target}", markup=False)
