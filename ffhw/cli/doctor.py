"""The command `ffhw doctor`."""

from __future__ import annotations

import typer


def run(
    warm: bool = typer.Option(False, help="Compile the WebAssembly tools now, so that their first use is quick."),
) -> None:
    """Show which tools are there, in which version, and what to install where one is missing.

    Exit code 4 if anything that a plain road from model to bitstream needs is missing.
    """
    from ffhw.cli.console import Steps
    from ffhw.doctor import examine, warm_up
    from ffhw.errors import ToolError

    checks = examine()
    for check in checks:
        state = check.version or ("missing" if check.required else "not there, not needed")
        # plain lines: names and remedies stay whole on any terminal
        typer.echo(f"{check.name:34}{state:24}{check.purpose}")
        if not check.version:
            typer.echo(f"{'':34}-> {check.remedy}")
    if warm:
        with Steps() as steps:
            warm_up(steps)
    missing = [check.name for check in checks if check.required and not check.version]
    if missing:
        raise ToolError(f"missing: {', '.join(missing)}")
    typer.echo("ready: every step from model to bitstream can run")
