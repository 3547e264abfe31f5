"""The tables of the pages under docs/, from the JSON that the other scripts wrote.

Run from the repository: ``python benchmarks/tables.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from common import HERE

NAMES = {
    "jk": "JK",
    "sr": "SR",
    "toggle": "toggle",
    "rnn": "RNN",
    "simple_rnn": "RNN",
    "gru": "GRU",
    "gru_reset_before": "GRU, reset before",
    "lstm": "LSTM",
}


def read(name: str) -> dict[str, Any]:
    return json.loads((HERE / f"{name}.json").read_text())


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def runtimes() -> str:
    rows = read("runtimes")["rows"]
    columns = list(dict.fromkeys((r["inputs"], r["units"], r["steps"], r["batch"]) for r in rows))
    found = {(r["backend"], r["inputs"], r["units"], r["steps"], r["batch"]): r for r in rows}
    head = ["backend", *(f"{d} in, {n} units, batch {batch:,}" for d, n, _, batch in columns)]
    shown = [
        [f"`{name}`", *(f"{r['steps_per_s']:,} ({r['times_golden']})" for r in (found[(name, *c)] for c in columns))]
        for name in dict.fromkeys(r["backend"] for r in rows)
    ]
    return table(head, shown)


def emulators() -> str:
    """A row an emulator: steps a second, one sequence at a time and many together."""
    rates: dict[str, list[int]] = {}
    for row in read("emulators")["rows"]:
        rates.setdefault(row["emulator"], []).append(row["steps_per_s"])
    return table(
        ["emulator", "batch 1", "batch 1,024"], [[name, *(f"{r:,}" for r in of)] for name, of in rates.items()]
    )


def few_bits() -> str:
    """One table a task: rows are widths, columns cells; quantized only, then trained on integers."""
    parts = []
    rows = read("few_bits")["rows"]
    for task in dict.fromkeys(row["task"] for row in rows):
        of_task = [row for row in rows if row["task"] == task]
        cells = list(dict.fromkeys(row["cell"] for row in of_task))
        widths = list(dict.fromkeys((r["weight_bits"], r["state_bits"], r["bits"]) for r in of_task if r["bits"]))
        head = [f"`{task}`, bits of weights / states / inputs and outputs", *(NAMES[cell] for cell in cells)]
        shown = [["floats", *(_spread(of_task, cell, None, "test") for cell in cells)]]
        for width in widths:
            pairs = [[_spread(of_task, cell, width, name) for name in ("quantized_only", "test")] for cell in cells]
            shown.append([" / ".join(map(str, width)), *(" → ".join(pair) if all(pair) else "" for pair in pairs)])
        parts.append(table(head, shown))
    return "\n\n".join(parts)


def few_bits_area() -> str:
    """One row a set of widths: lookup tables, multipliers and block RAMs of each cell's design."""
    rows = read("few_bits_area")["rows"]
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    shown = []
    for width in dict.fromkeys((row["weight_bits"], row["state_bits"], row["bits"]) for row in rows):
        built = {r["cell"]: r for r in rows if (r["weight_bits"], r["state_bits"], r["bits"]) == width}
        figures = (
            f"{built[cell]['luts']:,} / {built[cell]['multipliers']} / {built[cell]['block_rams']}"
            if cell in built
            else ""
            for cell in cells
        )
        shown.append([" / ".join(map(str, width)), *figures])
    head = ["bits of weights / states / inputs and outputs", *(NAMES[cell] for cell in cells)]
    return table(head, shown)


def memory_at_few_bits() -> str:
    """Signs of the 3-bit memory that are right, one row a set of widths, each seed's figure."""
    by_widths: dict[tuple[int, ...], list[dict[str, Any]]] = {}
    for row in read("memory_at_few_bits")["rows"]:
        by_widths.setdefault((row["weight_bits"], row["state_bits"], row["input_bits"]), []).append(row)
    shown = [
        [
            " / ".join(map(str, widths)),
            *(", ".join(f"{row[key]:.2%}" for row in rows) for key in ("quantized_only", "test")),
        ]
        for widths, rows in by_widths.items()
    ]
    return table(["bits of weights / states / inputs and outputs", "quantized only", "trained on integers"], shown)


def memory_of_cells() -> str:
    """One row a network and rate: signs that are right in floats, and after each stage; quantized only before it."""
    shown = []
    for row in read("memory_of_cells")["rows"]:
        stages = [f"{stage['quantized_only']:.1%} → {stage['test']:.1%}" for stage in row["stages"]]
        name = NAMES.get(row["network"], row["network"])
        shown.append([name, f"{row['parameters']:,}", f"{row['rate']:g}", f"{row['float']:.2%}", *stages])
    return table(["network", "parameters", "rate", "floats", "4 bits", "3 bits", "2 bits"], shown)


def few_codes() -> str:
    """One row a width of states and kind of weights: accuracy quantized only, trained on integers; what was built."""
    rows = read("few_codes")["rows"]
    kinds = dict.fromkeys((row["state_bits"], row["weights"]) for row in rows)
    figures = ("luts", "flip_flops", "block_rams", "fmax_mhz")
    head = ["bits of states", "weights", "accuracy", "LUTs", "flip-flops", "block RAMs", "Fmax in MHz"]
    shown = []
    for state_bits, weights in kinds:
        of_kind = [row for row in rows if (row["state_bits"], row["weights"]) == (state_bits, weights)]
        means = [_mean(of_kind, key) for key in ("quantized_only", "test")]
        built = next((row["built"] for row in of_kind if "built" in row), None)
        cells = [f"{built[key]:,}" if built else "" for key in figures]
        shown.append([str(state_bits), str(weights), " → ".join(f"{mean:.1%}" for mean in means), *cells])
    return table(head, shown)


def gates() -> str:
    """One row a design."""
    head = ["board", "units", "inputs", "weights", "LUTs", "of a neuron", "Fmax in MHz"]
    keys = ("board", "units", "inputs", "weights", "luts", "luts_per_neuron", "fmax_mhz")
    return table(head, [[str(row[key]) for key in keys] for row in read("gates")["rows"]])


def sparsity() -> str:
    """One table a task: penalty and share that were asked for, what they cost, and what came of them."""
    rows, parts = read("sparsity")["rows"], []
    for task in dict.fromkeys(row["task"] for row in rows):
        of_task = [row for row in rows if row["task"] == task]
        merit = of_task[0]["judged_by"].replace("_", " ")
        states = ["unchanged states, floats", "unchanged states, 8 bits"]
        head = [f"`{task}`: penalty", "pruned", f"{merit}, floats", f"{merit}, 8 bits", *states, "zero weights, 8 bits"]
        shown = []
        for penalty, share in sorted({(row["hold_penalty"], row["prune"]) for row in of_task}, key=lambda s: s[::-1]):
            those = [row for row in of_task if (row["hold_penalty"], row["prune"]) == (penalty, share)]
            still, zero = ([row[name] for row in those] for name in ("unchanged_states", "zero_weights"))
            columns = [[row["float"] for row in those], [row["quantized"] for row in those]]
            columns += [
                [one["float"] for one in still],
                [one["codes"] for one in still],
                [one["codes"] for one in zero],
            ]
            shown.append([f"{penalty:g}", f"{share:.0%}".replace("%", " %"), *map(_of_seeds, columns)])
        parts.append(table(head, shown))
    return "\n\n".join(parts)


def closing() -> str:
    """One row a task and kind of training: what gates that close cost and bring, means of the seeds."""
    rows = read("closing")["rows"]
    head = ["task", "gates", "penalty", "score, floats", "8 bits", "4 bits"]
    shown = []
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    kinds = {(row["task"], row["closing"], row["hold_penalty"]) for row in rows}
    for task, closing, penalty in sorted(kinds, key=lambda kind: (tasks.index(kind[0]), kind[2], kind[1])):
        those = [r for r in rows if (r["task"], r["closing"], r["hold_penalty"]) == (task, closing, penalty)]
        figures = ("float", "8 bits", "4 bits", "unchanged float", "unchanged 8 bits", "unchanged 4 bits")
        means = [f"{100 * _mean(those, name):.1f} %" for name in figures]
        shown.append([f"`{task}`", "closing" if closing else "sigmoid", f"{penalty:g}", *means])
    return table([*head, *(f"unchanged states, {name}" for name in ("floats", "8 bits", "4 bits"))], shown)


def _of_seeds(shares: list[float]) -> str:
    """Each seed's share, in percent."""
    return ", ".join(f"{100 * share:.1f}" for share in shares) + " %"


def _spread(rows: list[dict[str, Any]], cell: str, width: tuple[int, ...] | None, name: str) -> str:
    """Mean over the seeds, in percent; where there are several, the largest distance from it."""
    found = [
        100 * row[name]
        for row in rows
        if row["cell"] == cell
        and ((row["weight_bits"], row["state_bits"], row["bits"]) == width if width else not row["bits"])
    ]
    if not found:
        return ""
    mean = sum(found) / len(found)
    return f"{mean:.1f}" + (f" ± {max(abs(v - mean) for v in found):.1f}" if len(found) > 1 else "")


def bench() -> str:
    record = read("bench")
    head = ["network", "parameters", "s an epoch", "processor s", "s a batch", "MiB, training"]
    shown = [
        [
            f"{row['network']}, {row['device'].upper()}",
            f"{row['parameters']:,}",
            f"{row['epoch_s']:.3g}",
            f"{row['epoch_cpu_s']:.3g}",
            f"{row['batch_s']:.2g}",
            f"{row['peak_mib'] - row['loaded_mib']:,}",
        ]
        for row in record["rows"]
    ]
    paper = record["paper"]["seconds_per_epoch"]
    shown += [[f"the paper's {NAMES[cell]}", "", f"{seconds}", "", "", ""] for cell, seconds in paper.items()]
    return table(head, shown)


def decisions() -> str:
    rows: dict[str, dict[str, Any]] = {}
    for row in read("decision_tasks")["rows"]:
        rows.setdefault(row["task"], {})[row["cell"]] = row["sign_accuracy"]
        rows[row["task"]]["ideal"] = row["ideal_observer"]
    shown = [
        [f"`{task}`", f"{r['jk']:.1%}", f"{r['gru']:.1%}", f"{r['ideal']:.1%}" if r["ideal"] else ""]
        for task, r in rows.items()
    ]
    return table(["task", "JK, 32 units", "GRU, 32 units", "ideal observer"], shown)


def networks() -> str:
    head = ["network", "parameters", "tour", "signs right", "sequences right", "eigenvalues outside", "purity"]
    head += ["separation", "disparity", "stable / unstable / slow points"]
    rows = []
    for r in read("memory_laboratory")["networks"]:
        spectrum = r["recurrent_spectrum"]
        rows.append(
            [
                r["name"],
                f"{r['parameters']:,}",
                "right" if r["tour_success"] else "wrong",
                f"{r['scores']['sign_accuracy']:.2%}",
                f"{r['scores']['success_rate']:.0%}",
                f"{spectrum['outside']} of {r['units']}" if spectrum else "",
                f"{r['purity']:.1%}",
                f"{r['separation']:.1f}",
                f"{r['cube']['disparity']:.4f}",
                " / ".join(str(n) for n in r["fixed_points"].values()),
            ]
        )
    return table(head, rows)


def _kept(hold: dict[str, Any]) -> str:
    lost = sorted(n for n in hold["lost_at"] if n)
    kept = f"{len(hold['lost_at']) - len(lost)} of {len(hold['lost_at'])}"
    if not lost:
        return kept
    if lost[-1] == 1:
        return f"{kept}, others lost at once"
    return f"{kept}, others lost after {lost[0]:,}" + (f" to {lost[-1]:,}" if lost[-1] > lost[0] else "") + " steps"


def holding() -> str:
    data = read("memory_laboratory")
    head = ["network", "bits right after 10 / 100 / 1000 training lengths of noise", "kept in silence", "for how long"]
    rows = []
    jk = next(r for r in data["networks"] if r["cell"] == "jk")
    eight = next(b for b in jk["bits"] if b["bits"] == 8)
    described = [(r["name"], r["noisy_hold"], r["silent_hold"]) for r in data["networks"]]
    described.append(("jk32, 8 bits", data["noisy_hold_of_jk32_at_8_bits"], eight["silent_hold"]))
    for name, noisy, silent in described:
        right = dict(zip(noisy["factors"], noisy["bits_right"], strict=True))
        proof = "proved for ever" if silent["for_ever"] else f"watched for {silent['steps']:,} steps"
        rows.append([name, " / ".join(f"{right[f]:.0%}" for f in (10, 100, 1000)), _kept(silent), proof])
    return table(head, rows)


def cubes() -> str:
    """One row a training on integers: what is left of the memories and of their cube."""
    rows = []
    for row in read("memory_cubes")["rows"]:
        widths = " / ".join(str(row["widths"][name]) for name in ("weight_bits", "state_bits", "input_bits"))
        shares = [f"{row[name]:.2%}" for name in ("sign_accuracy", "sequences", "purity")]
        kept = f"{round(8 * row['memories_kept'])} of 8"
        rows.append([row["name"], widths, *shares, f"{row['disparity']:.3f}", kept])
    head = ["trained at", "bits of weights / states / inputs", "signs right", "sequences right", "purity", "disparity"]
    return table([*head, "memories kept in silence"], rows)


def bits() -> str:
    jk = next(r for r in read("memory_laboratory")["networks"] if r["cell"] == "jk")
    rows = []
    for b in jk["bits"]:
        rows.append(
            [
                "float" if b["bits"] is None else str(b["bits"]),
                f"{b['scores']['sign_accuracy']:.2%}",
                f"{b['scores']['success_rate']:.0%}",
                f"{b['purity']:.1%}",
                f"{b['cube']['disparity']:.3f}",
                _kept(b["silent_hold"]),
            ]
        )
    return table(["bits", "signs right", "sequences right", "purity", "disparity", "memories kept in silence"], rows)


def sizes() -> str:
    data = read("minimal_size")
    goals = (0.99, data["accuracy"])
    rows = []
    for cell in data["smallest"]:
        row = [NAMES[cell]]
        for goal in goals:
            enough = [r for r in data["rows"] if r["cell"] == cell and r["sign_accuracy"] >= goal]
            least = min(enough, key=lambda r: r["units"], default=None)
            most = max(r["units"] for r in data["rows"] if r["cell"] == cell)
            row += [str(least["units"]), f"{least['parameters']:,}"] if least else [f"none up to {most}", ""]
        rows.append(row)
    return table(["cell", *(h for g in goals for h in (f"units for {g:.1%}", "parameters"))], rows)


def constrained() -> str:
    words = {
        "continuous": "continuous time, 64 units",
        "dale": "Dale's law, 100 units, 80 excitatory",
        "sparse": "sparse, 100 units, no self-connections",
    }
    rows = [
        [
            words[r["name"]],
            f"{r['connections']:.0%}",
            "right" if r["tour_success"] else "wrong",
            f"{r['scores']['sign_accuracy']:.2%}",
            f"{r['scores']['success_rate']:.0%}",
        ]
        for r in read("constrained_networks")["rows"]
    ]
    return table(["network", "connections that exist", "tour", "signs right", "sequences right"], rows)


def counted() -> str:
    """Each cell's counts over those of the LSTM of the same size, at all sizes: least to most."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in read("cells")["counted"]:
        rows.setdefault(row["cell"], []).append(row)
    keys = ("multiplications_per_step", "weight_memory_bits", "state_bits", "cycles_per_step")
    shown = []
    for cell, of_cell in rows.items():
        ratios = [[row[key] / lstm[key] for row, lstm in zip(of_cell, rows["lstm"], strict=True)] for key in keys]
        shown.append([NAMES[cell], *(_span(min(r), max(r)) for r in ratios)])
    return table(["cell, over LSTM", "multiplications", "weight memory", "state memory", "cycles a step"], shown)


def _span(least: float, most: float) -> str:
    return f"{least:.2f}" if f"{least:.2f}" == f"{most:.2f}" else f"{least:.2f} - {most:.2f}"


def _designs(wanted: Callable[[dict[str, Any]], bool], first: str, name: Callable[[dict[str, Any]], str]) -> str:
    """What was placed and routed; the first column tells designs of one cell apart."""
    head = [first, "cell", "LUTs", "flip-flops", "multipliers", "block RAMs", "Fmax", "cycles a step", "latency"]
    head += ["steps a second", "register toggles a step"]
    rows = []
    for row in filter(wanted, read("cells")["built"]):
        if "luts" not in row:
            rows.append([name(row), NAMES[row["cell"]], "does not fit", *[""] * (len(head) - 3)])
            continue
        counts = (f"{row[key]:,}" for key in ("luts", "flip_flops", "multipliers", "block_rams"))
        pace = (f"{row[key]:,}" for key in ("cycles_per_step", "latency_cycles", "steps_per_second"))
        toggles = f"{row['register_toggles_per_step']:,}"
        rows.append([name(row), NAMES[row["cell"]], *counts, f"{row['fmax_mhz']:.0f} MHz", *pace, toggles])
    return table(head, rows)


def _usual(row: dict[str, Any]) -> bool:
    return (row["units"], row["inputs"], row["bits"]) == (32, 16, 8)


def built() -> str:
    return _designs(lambda row: _usual(row) and row["lane_multipliers"] is not None, "board", lambda row: row["board"])


def at_rate() -> str:
    return _designs(lambda row: row["lane_multipliers"] is None, "board", lambda row: row["board"])


def built_sizes() -> str:
    def size(row: dict[str, Any]) -> str:
        return f"{row['board']}: {row['units']} units, {row['inputs']} inputs, {row['bits']} bits"

    return _designs(lambda row: not _usual(row), "board and size", size)


def learned() -> str:
    titles = {"japanese-vowels": "JapaneseVowels", "flipflop3": "3-bit memory"}
    rows: list[list[str]] = []
    for row in read("cell_accuracy")["rows"]:
        forms = [[seed[form] for seed in row["seeds"]] for form in ("float", "quantized")]
        shown = [f"{sum(form) / len(form):.2%} ({min(form):.1%} - {max(form):.1%})" for form in forms]
        title = titles[row["task"]]
        task = "" if title in [found[0] for found in rows] else title
        rows.append([task, NAMES[row["cell"]], f"{row['parameters']:,}", f"{row['learning_rate']:g}", *shown])
    return table(["task", "cell, 32 units", "parameters", "learning rate", "float", "8 bits"], rows)


def compared() -> str:
    """What `ffhw compare` found, one row a network."""
    head = ["task, judged by", "network", "parameters", "test split, 95 % interval", "s an epoch", "MiB", "JK"]
    rows = []
    for path in sorted((HERE / "compare").glob("*.json")):
        record = json.loads(path.read_text())
        share = record["most_is_best"]
        for row in record["rows"]:
            mean, half = row["mean"], row["interval"]
            figure = f"{mean:.2%} ± {half:.2%}" if share else f"{mean:.4g} ± {half:.2g}"
            task = f"{record['task']}, {record['judged_by'].replace('_', ' ')}" if row is record["rows"][0] else ""
            cost = [f"{row['seconds_per_epoch']:.2g}", f"{row['peak_mib']:,}"]
            network = f"{row['title']}: {row['units']} units"
            rows.append([task, network, f"{row['parameters']:,}", figure, *cost, row.get("jk", "")])
    return table(head, rows)


def centered() -> str:
    """What centered states bring, one row a task: each seed's figure."""
    rows = read("centered")["rows"]
    shown = []
    for task in dict.fromkeys(row["task"] for row in rows):
        of_task = [row for row in rows if row["task"] == task]
        name = of_task[0]["judged_by"]
        kinds = [[row for row in of_task if row["centered"] == kind] for kind in (False, True)]
        figures = [", ".join(f"{row['test'][name]:.2%}" for row in kind) for kind in kinds]
        early = [", ".join(f"{row['early_loss']:.3g}" for row in kind) for kind in kinds]
        shown.append([f"`{task}`", *figures, *early])
    return table(["task", "plain", "centered", "training loss after a third: plain", "centered"], shown)


def centered_at_few_bits() -> str:
    """What centered states cost at few bits, one row a task and set of widths: means of the seeds."""
    found: dict[tuple[str, str], dict[bool, list[dict[str, Any]]]] = {}
    for row in read("centered")["rows"]:
        for few in row.get("few_bits", []):
            widths = " / ".join(str(few[key]) for key in ("weight_bits", "state_bits", "input_bits"))
            kinds = found.setdefault((row["task"], widths), {False: [], True: []})
            kinds[row["centered"]].append(few)
    shown = [
        [
            f"`{task}`",
            widths,
            *(" → ".join(f"{_mean(rows, key):.1%}" for key in ("quantized_only", "test")) for rows in kinds.values()),
        ]
        for (task, widths), kinds in found.items()
    ]
    return table(["task", "bits of weights / states / inputs and outputs", "plain", "centered"], shown)


def _mean(rows: list[dict[str, Any]], key: str) -> float:
    return float(sum(row[key] for row in rows) / len(rows))


def holding_trained() -> str:
    """What makes the memory hold, one row a training: signs right, and what is kept in noise and in silence."""
    by_training: dict[str, list[dict[str, Any]]] = {}
    for row in read("holding")["rows"]:
        by_training.setdefault(row["trained"], []).append(row)
    shown = []
    for name, rows in by_training.items():
        noise = [" / ".join(f"{share:.0%}" for share in row["noise"]["bits_right"]) for row in rows]
        cells = ([f"{row['signs_right']:.2%}" for row in rows], noise, [_kept(row["silence"]) for row in rows])
        shown.append([name, *("; ".join(cell) for cell in cells)])
    lengths = "bits right after 10 / 100 / 1,000 lengths of noise"
    return table(["trained", "signs right", lengths, "kept in silence"], shown)


def roads() -> str:
    """What the paper's tasks keep at 8 bits, one row a task."""
    rows = []
    for row in read("paper_roads")["rows"]:
        ((score, real),) = row["scores"]["float"].items()
        whole = row["scores"]["quantized"][score]
        shown = [f"{value:.2%}" if score == "accuracy" else f"{value:.2g}" for value in (real, whole)]
        simulated = row["simulated"]
        counts = [f"{row['cycles_per_step']:,}", f"{simulated['sequences']:,}", f"{simulated['compared']:,}"]
        rows.append(
            [f"`{row['task']}`", f"{row['parameters']:,}", score.replace("mse", "mean square error"), *shown, *counts]
        )
    head = ["task", "parameters", "score", "float", "8 bits", "cycles a step", "sequences simulated", "codes equal"]
    return table(head, rows)


def maps() -> str:
    """What the paper's convolutional tasks keep in integers, one row a task."""
    rows = []
    for row in read("paper_maps")["rows"]:
        name = row["judged_by"]
        share = name == "accuracy"
        values = [row["baseline"][name], *(scores[name] for scores in row["scores"].values())]
        shown = [f"{value:.2%}" if share else f"{value:.4f}" for value in values]
        cells = [f"`{row['task']}`", f"{row['parameters']:,}", name.replace("_", " "), *shown]
        rows.append([*cells, f"{row['onnx_equal']['codes']:,}"])
    bits = [f"{bits} bits" for bits in read("paper_maps")["bits"]]
    return table(["task", "parameters", "score", "baseline", "float", *bits, "codes of the ONNX graph equal"], rows)


def boards() -> str:
    titles = {"flipflop3": "3-bit memory", "japanese-vowels": "JapaneseVowels"}
    rows = []
    for row in read("boards")["rows"]:
        if "does_not_fit" in row:
            cells = ["does not fit: " + row["does_not_fit"].rpartition(": ")[2].partition(";")[0]]
        else:
            used = {name: count["used"] for name, count in row["utilisation"].items()}
            cells = [f"{row['clock_mhz']:.4g}" + ("" if row["fmax_reliable"] else f" (of {row['fmax_mhz']:.4g})")]
            cells += [f"{row['cycles_per_step']:,}", f"{row['steps_per_second']:,.0f}", f"{used['luts']:,}"]
            cells += [str(used.get("multipliers", 0)), str(used["block_rams"])]
        rows.append([f"`{row['board']}`", titles[row["task"]], *(cells + [""] * 6)[:6]])
    head = ["board", "network", "clock, MHz", "cycles a step", "steps a second", "LUTs", "multipliers", "block RAMs"]
    return table(head, rows)


def float_layers() -> str:
    """A row a shape and runtime: milliseconds of a training step and of inference."""
    found = read("float_layers")["rows"]
    names = ("JK", "JK, fused", "JK, Keras' loop", "LSTM")
    shown = []
    for place in dict.fromkeys((row["shape"], row["runtime"]) for row in found):
        layers = {row["layer"]: row for row in found if (row["shape"], row["runtime"]) == place}
        shown.append([*place, *(_pair(layers.get(name)) for name in names)])
    return table(["shape", "runtime", "`JK`", "fused", "the same cell in Keras' loop", "LSTM"], shown)


def _pair(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    times = (row.get(key) for key in ("train_ms", "infer_ms"))
    return " / ".join("-" if ms is None else f"{ms:,.1f}" if ms < 100 else f"{ms:,.0f}" for ms in times)


def parallel_speed() -> str:
    """A row a cell, a column a runtime and batch: milliseconds of a training step and of inference."""
    found: dict[str, dict[str, str]] = {}
    for row in read("parallel")["speed"]:
        pair = _pair({"train_ms": row["training"], "infer_ms": row["inference"]})
        found.setdefault(row["cell"], {})[f"{row['backend']}, batch {row['batch']}"] = pair
    columns = list(dict.fromkeys(column for cells in found.values() for column in cells))
    return table(["cell", *columns], [[cell, *(cells[c] for c in columns)] for cell, cells in found.items()])


def parallel_learned() -> str:
    """A row a cell, two columns a task: signs that are right, of each seed, in floats and at 8 bits."""
    found: dict[str, list[str]] = {}
    rows = read("parallel")["learned"]
    for row in rows:
        for shares in (row["signs_right"], row["signs_right_8_bits"]):
            shown = ", ".join("" if share is None else f"{100 * share:.1f}" for share in shares)
            found.setdefault(row["cell"], []).append(shown.strip(" ,"))
    head = [f"{task}, {form}" for task in dict.fromkeys(row["task"] for row in rows) for form in ("floats", "8 bits")]
    return table(["cell", *head], [[cell, *cells] for cell, cells in found.items()])


def on_gpu() -> str:
    """A row a size, milliseconds: JK, the faster of both LSTMs by cuDNN and how many times as long it takes, loops."""
    sizes: dict[tuple[int, int], dict[str, dict[str, Any]]] = {}
    for row in read("gpu")["rows"]:
        sizes.setdefault((row["units"], row["batch"]), {})[row["layer"]] = row
    shown = []
    for (units, batch), layers in sizes.items():
        cells = [str(units), str(batch)]
        for key in ("infer_ms", "train_ms"):
            ours = layers["JK, fused"][key]
            lstm = min(layers[name][key] for name in ("LSTM, PyTorch", "LSTM, cuDNN"))
            cells += [f"{ours:.2f}", f"{lstm:.2f}", f"{lstm / ours:.1f}"]
        cells += [f"{layers[name]['train_ms']:.1f}" for name in ("JK, loop", "LSTM, loop")]
        shown.append(cells)
    head = ["units", "batch", "inference: JK", "LSTM, cuDNN", "ratio"]
    head += ["gradients: JK", "LSTM, cuDNN", "ratio", "JK, loop", "LSTM, loop"]
    return table(head, shown)


def one_bit() -> str:
    """A row a task: signs in floats, and on integers by width of the weights, of each seed; last, without stages."""
    by_task: dict[str, dict[str, list[float]]] = {}
    units: dict[str, int] = {}
    for row in read("one_bit")["rows"]:
        units[row["task"]] = row["units"]
        columns = by_task.setdefault(row["task"], {})
        width = f"{row['weights']} bits" if isinstance(row["weights"], int) else row["weights"]
        columns.setdefault(f"{width}, at once" if row["at_once"] else width, []).append(row["test"])
        if row["weights"] == 8:
            columns.setdefault("in floats", []).append(row["float"])
    names = ["in floats", "8 bits", "4 bits", "3 bits", "2 bits", "ternary", "3 bits, at once"]
    shown = [
        [f"`{task}`", str(units[task]), *(", ".join(f"{100 * v:.2f}" for v in columns.get(name, [])) for name in names)]
        for task, columns in by_task.items()
    ]
    return table(["task", "units", *names], shown)


TABLES = {
    "bench": bench,
    "few_bits": few_bits,
    "few_bits_area": few_bits_area,
    "one_bit": one_bit,
    "memory_at_few_bits": memory_at_few_bits,
    "memory_of_cells": memory_of_cells,
    "few_codes": few_codes,
    "gates": gates,
    "sparsity": sparsity,
    "closing": closing,
    "roads": roads,
    "maps": maps,
    "boards": boards,
    "float_layers": float_layers,
    "runtimes": runtimes,
    "emulators": emulators,
    "on_gpu": on_gpu,
    "parallel_speed": parallel_speed,
    "parallel_learned": parallel_learned,
    "compared": compared,
    "centered": centered,
    "centered_at_few_bits": centered_at_few_bits,
    "holding_trained": holding_trained,
    "decisions": decisions,
    "networks": networks,
    "holding": holding,
    "bits": bits,
    "cubes": cubes,
    "sizes": sizes,
    "constrained": constrained,
    "counted": counted,
    "built": built,
    "at_rate": at_rate,
    "built_sizes": built_sizes,
    "learned": learned,
}


if __name__ == "__main__":
    for name, make in TABLES.items():
        print(f"\n{name}\n\n{make()}")
