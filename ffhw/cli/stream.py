"""The command `ffhw stream`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer


def run(
    port: str = typer.Option(..., help="Serial port: /dev/ttyUSB1, COM3, socket://HOST:PORT, rfc2217://HOST:PORT."),
    data: Path = typer.Option(None, "--input", "-i", help="Read lines of this file, not of standard input."),
    bundle: Path = typer.Option(None, help="Refuse a device that computes another bundle than this one."),
    length: int = typer.Option(None, min=1, help="Steps of a sequence; else only an empty line ends one."),
    baud: int = typer.Option(1_000_000, min=1, help="Bits a second on the wire."),
) -> None:
    """Answer live data: a line of numbers a step in, a line of numbers an answer out, as it comes.

    Numbers are separated by blanks, commas or semicolons; lines that begin with # are left out. An empty line ends a
    sequence, and so does the end of the input.
    """
    import sys

    from ffhw.boards.host.device import Device
    from ffhw.bundle import Bundle
    from ffhw.errors import InputError

    expected = None if bundle is None else Bundle.open(bundle)

    def steps() -> Iterator[list[float] | None]:
        try:
            source = sys.stdin if data is None else open(data)  # noqa: SIM115
        except OSError as error:
            raise InputError(f"cannot read {data}: {error.strerror}") from None
        with source:
            for number, line in enumerate(source, start=1):
                text = line.strip()
                if text.startswith("#"):
                    continue
                try:
                    yield [float(word) for word in text.replace(",", " ").replace(";", " ").split()] or None
                except ValueError:
                    raise InputError(f"line {number} must hold numbers, not {text[:40]!r}") from None

    with Device(port, baud=baud, bundle=expected) as device:
        for answer in device.stream(steps(), length):
            print(" ".join(f"{value:.6g}" for value in answer), flush=True)
