"""The command `ffhw doctor`."""

from __future__ import annotations

import typer


def run(
    warm: bool = typer.Option(False, help="Compile the WebAssembly tools now, so that their first use is quick."),
) -> None:
    """Show which tools are there, in which version, and what to install where one is missing.

    Exit code 4 if anything that a plain road from model to bitstream needs is missing.
    """
    from rich.table import Table

    from ffhw.cli.console import Steps, console
    from ffhw.doctor import examine, warm_up
    from ffhw.errors import ToolError

    table = Table("tool", "for", "version", "remedy")
    checks = examine()
    for check in checks:
        mark = check.version or ("[red]missing[/red]" if check.required else "[yellow]missing[/yellow]")
        table.add_row(check.name, check.purpose, mark, "" if check.version else check.remedy)
    console.print(table)
    if warm:
        with Steps() as steps:
            warm_up(steps)
    missing = [check.name for check in checks if check.required and not check.version]
    if missing:
        raise ToolError(f"missing: {', '.join(missing)}")
    console.print("ready: every step from model to bitstream can run")
