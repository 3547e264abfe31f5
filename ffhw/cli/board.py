"""The commands `ffhw board ...`."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer(help="Boards: list them, load a bitstream, talk to it, or simulate one.", no_args_is_help=True)

_BUNDLE = typer.Argument(help="Bundle folder.")
_BOARD = typer.Option(..., help="Board: ffhw board list names them.")
_PORT = typer.Option(..., help="Serial port: /dev/ttyUSB1, COM3, socket://HOST:PORT, rfc2217://HOST:PORT.")
_BAUD = typer.Option(1_000_000, min=1, help="Bits a second on the wire, as the bitstream was built.")


@app.command("list")
def show() -> None:
    """Name the boards that there are bitstreams for."""
    from ffhw.boards.catalogue import Board

    for board in Board.BY_NAME.values():
        more = [] if board.volatile else ["loads from flash only"]
        more += [] if board.bridge else ["needs a serial adapter"]
        notes = "".join(f", {note}" for note in more)
        typer.echo(f"{board.name:16}{board.title:44}{board.oscillator_mhz:3g} MHz, {board.baud:,} baud{notes}")


@app.command()
def detect(
    probe: bool = typer.Option(False, help="Ask each port whether an ffhw device is there; this writes to it."),
    baud: int = _BAUD,
) -> None:
    """List the serial ports of this machine."""
    from ffhw.boards.host.device import Device
    from ffhw.errors import FfhwError, ToolError

    try:
        from serial.tools.list_ports import comports
    except ImportError:
        raise ToolError("pyserial is missing: pip install 'ffhw[board]'") from None
    ports = sorted(comports())
    for port in ports:
        line = f"{port.device:18}{port.description}"
        if probe:
            try:
                with Device(port.device, baud=baud) as device:
                    line += f": bundle {device.identity.bundle[:12]} on {device.identity.board}"
            except FfhwError as error:
                line += f": {error}"
        typer.echo(line)
    if not ports:
        typer.echo("no serial ports: is the board plugged in?")


@app.command()
def flash(
    bundle: Path = _BUNDLE,
    board: str = _BOARD,
    permanent: bool = typer.Option(False, help="Write the board's flash, not the device's own memory."),
) -> None:
    """Load the bitstream that `ffhw synth` made, through openFPGALoader."""
    from ffhw.boards import catalogue
    from ffhw.boards.loading import load
    from ffhw.bundle import Bundle
    from ffhw.cli.console import Steps, console

    chosen = catalogue.board(board)
    with Steps() as steps:
        load(Bundle.open(bundle), chosen, permanent, steps, steps.note)
    console.print(f"loaded {chosen.title}", markup=False)


@app.command("load")
def load_weights(bundle: Path = _BUNDLE, port: str = _PORT, baud: int = _BAUD) -> None:
    """Send a bundle's weights to a device that was exported with --loadable; test them with its test vectors."""
    from ffhw.backends.run import compare
    from ffhw.backends.run import run as run_backend
    from ffhw.boards.host.device import Device
    from ffhw.bundle import Bundle
    from ffhw.cli.console import Steps, console

    opened = Bundle.open(bundle)
    # a few: the checksum is of all that was sent, these are of what became of it
    vectors = {name: opened.vectors()[name][:4] for name in ("codes", "lengths")}
    with Steps() as steps:
        steps("sending the weights")
        with Device(port, baud=baud) as device:
            device.load(opened, steps.progress)
            status = device.weights()
        assert status is not None
        told = f"loaded, CRC-32 {status.checksum:08x}"
        if not opened.keep_state:
            steps("test vectors")
            outputs = run_backend(opened, "board", vectors["codes"], vectors["lengths"], port=port, baud=baud)
            compare(opened, "board", vectors["codes"], vectors["lengths"], outputs)
            told += f"; equal: {outputs.size:,} codes of {len(outputs)} sequences"
    console.print(told)


@app.command()
def info(port: str = _PORT, baud: int = _BAUD) -> None:
    """Show what a device says of itself, and what it has counted."""
    from ffhw.boards.host.device import Device

    with Device(port, baud=baud) as device:
        identity, found = device.identity, device.info()
    typer.echo(f"board {identity.board}, built by ffhw {identity.ffhw}, bundle {identity.bundle}")
    if identity.weights is not None:
        typer.echo(f"weights can be sent: {identity.weights['bytes']:,} bytes")
    typer.echo(f"clock {identity.clock_hz / 1e6:g} MHz, {identity.baud:,} baud, window {identity.window} bytes")
    for name, stream in (("input", identity.input), ("output", identity.output)):
        packing = stream.packing
        typer.echo(f"{name}: {packing.size} of {packing.format}, {packing.width} a beat")
    typer.echo(f"predicted cycles a step: {identity.cycles_per_step}")
    counts = ", ".join(f"{name} {count}" for name, count in found["counters"].items() if name != "span")
    typer.echo(f"counted: {counts}; damaged here {found['damaged_here']}")


@app.command("test")
def check(
    bundle: Path = _BUNDLE,
    port: str = _PORT,
    baud: int = _BAUD,
    seconds: float = typer.Option(1.0, min=0.0, help="Time for the measurement of the link."),
) -> None:
    """Identity, loopback, the bundle's test vectors against the golden model, speed. Exit code 3 if a code differs."""
    from ffhw.backends.run import compare
    from ffhw.backends.run import run as run_backend
    from ffhw.boards.host.device import Device
    from ffhw.bundle import Bundle
    from ffhw.cli.console import Steps, console

    opened = Bundle.open(bundle)
    vectors = opened.vectors()
    with Steps() as steps:
        steps("identity and loopback")
        with Device(port, baud=baud, bundle=opened) as device:
            device.loopback(bytes(range(256)) * 4)
        steps("test vectors")
        options = {"port": port, "baud": baud, "progress": steps.progress}
        outputs = run_backend(opened, "board", vectors["codes"], vectors["lengths"], **options)
        compare(opened, "board", vectors["codes"], vectors["lengths"], outputs)
        steps("speed")
        with Device(port, baud=baud, bundle=opened) as device:
            speed = device.throughput_test(seconds)
    console.print(f"equal: {outputs.size:,} codes of {len(outputs)} sequences")
    console.print(f"link: {speed['loopback_bytes_per_second']:,.0f} bytes a second each way")
    if speed["steps_per_second"] is not None:
        console.print(
            f"{speed['cycles_per_step']:g} cycles a step measured on the device, "
            f"{device.identity.cycles_per_step} predicted: {speed['steps_per_second']:,.0f} steps a second"
        )


@app.command()
def serve(
    bundle: Path = _BUNDLE,
    board: str = _BOARD,
    port: int = typer.Option(7000, min=0, max=65535, help="TCP port of this machine, 0 for any free one."),
    clock_mhz: float = typer.Option(None, min=1.0, help="Clock; that of the bitstream if there is one."),
    baud: int = typer.Option(None, min=1, help="Bits a second on the wire; as fast as the clock allows."),
) -> None:
    """Simulate a board: its top level, compiled, behind a TCP port that any host can talk to as to a serial port."""
    from ffhw.boards import catalogue
    from ffhw.boards.link.uart import LEAST_CYCLES
    from ffhw.bundle import Bundle
    from ffhw.cli.console import Steps, console
    from ffhw.sim.served import ServedBoard

    opened, chosen = Bundle.open(bundle), catalogue.board(board)
    built = opened.results().get(f"synth-{board}", {}).get("clock_mhz")
    mhz = clock_mhz or (built if isinstance(built, (int, float)) else chosen.clock_mhz)
    with Steps() as steps:
        steps("compiling the simulation")
        simulated = ServedBoard(opened, chosen, mhz, baud or int(mhz * 1e6) // LEAST_CYCLES)
    with simulated.serve(port) as served:
        console.print(f"{chosen.title} at {mhz:g} MHz, {simulated.baud:,} baud: --port {served.url}", markup=False)
        served.process.wait()
