"""The command `ffhw bench`."""

from __future__ import annotations

from pathlib import Path

import typer


def run(
    output: Path = typer.Option(Path("bench"), "--output", "-o", help="Folder to write."),
    steps: int = typer.Option(None, help="Batches of an epoch.", show_default="4; quick: 2"),
    quick: bool = typer.Option(
        False, "--quick", help="An eighth of the batch, 30 time steps: a minute, for a first look."
    ),
    devices: str = typer.Option(None, help="Of cpu, gpu, tpu, separated by commas.", show_default="all that are found"),
    runtime: str = typer.Option("tensorflow,jax", help="Each device is measured by the first of these that finds it."),
) -> None:
    """Measure the paper's hardware benchmark: time and memory of an epoch of training, on the devices that are here.

    Four networks: FFNN and LSTM (10 units; batches of 256 sequences of 300 steps, 30 in, 10 out), ConvFFNN and
    ConvLSTM (8 maps, 3 x 3; batches of 64 sequences of 300 steps, 16 x 16 x 3 in, 30 out). Each is trained in a process
    of its own, so that its memory is its own: one batch in which everything is compiled, then an epoch of so many.

    Takes MINUTES on two cores. Writes bench.json, time.png and memory.png, with the paper's figures as far as they are
    known. A benchmark that was killed goes on with the same command; one that came to its end begins anew.
    """
    import json

    from ffhw.cli.console import Steps, console
    from ffhw.errors import OutputError, ToolError
    from ffhw.files import check_file, write_together
    from ffhw.training.benchmark.run import benchmark, check_target, find, places
    from ffhw.training.benchmark.subjects import QUICK_SHARE, QUICK_TIME_STEPS, Effort

    batches = steps if steps is not None else 2 if quick else 4
    effort = Effort(batches, QUICK_TIME_STEPS, QUICK_SHARE) if quick else Effort(batches)
    pictures = {name: output / f"{name}.png" for name in ("time", "memory")}
    for path in pictures.values():
        check_file(path)
    check_target(output)
    try:
        # drawn last, but missed first
        from ffhw.report import bench_figures
        from ffhw.report.style import png, styled
    except ImportError as error:
        raise ToolError(f"drawing needs {error.name}: pip install 'ffhw[report]'") from None
    with Steps() as told:
        told("looking for devices")
        found = find(_words(runtime))
        chosen = places(found, _words(devices) if devices is not None else None)
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write {output}: {error.strerror}") from None
        record = benchmark(output, effort, found, chosen, told, told.note)
    with styled():
        drawn = {path: png(getattr(bench_figures, name)(record)) for name, path in pictures.items()}
    write_together({**drawn, output / "bench.json": json.dumps(record, indent=2) + "\n"})
    for row in record["rows"]:
        held = row["device_peak_mib"]
        memory = f"{row['peak_mib'] - row['loaded_mib']:,} MiB above loading" if held is None else f"{held:,} MiB there"
        console.print(
            f"{row['network']:9}{row['device']:4} {row['epoch_s']:9.3f} s an epoch, {row['batch_s']:.3f} s a batch, "
            f"{memory}"
        )
    known = ", ".join(f"{cell} {seconds} s" for cell, seconds in record["paper"]["seconds_per_epoch"].items())
    console.print(f"the paper, an epoch: {known}; {record['paper']['not_known']} are not known")
    console.print(f"wrote {output / 'bench.json'}, {', '.join(map(str, pictures.values()))}", markup=False)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
