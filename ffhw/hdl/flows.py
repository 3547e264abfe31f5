"""A design in other flows than ours: a FuseSoC core file, and timing constraints as most tools read them."""

from __future__ import annotations

from collections.abc import Iterable

# Vendor, library and version of a core's name in FuseSoC.
_NAME = "ffhw:designs:{top}:0"


def flow_files(top: str, sources: Iterable[str], mhz: float) -> dict[str, str]:
    """Files of a bundle for other flows by name: ``<top>.core`` (CAPI 2) and ``<top>.sdc``.

    Parameters
    ----------
    top: the top module. sources: names of the files under ``rtl/``: Verilog, and memories that it reads by name.
    mhz: clock to constrain the design to.
    """
    names = sorted(sources)
    # a tool's working folder is where memories are looked for
    memories = [f"      - rtl/{name}: {{file_type: user, copyto: {name}}}" for name in names if name.endswith(".mem")]
    verilog = [f"      - rtl/{name}: {{file_type: verilogSource}}" for name in names if name.endswith(".v")]
    core = [
        "CAPI=2:",
        f"name: {_NAME.format(top=top)}",
        "description: A quantized recurrent network behind AXI4-Stream, exported by ffhw",
        "filesets:",
        "  rtl:",
        "    files:",
        *verilog,
        *memories,
        "  constraints:",
        "    files:",
        f"      - {top}.sdc: {{file_type: SDC}}",
        "targets:",
        "  default: &default",
        "    filesets: [rtl]",
        f"    toplevel: {top}",
        "  synth:",
        "    <<: *default",
        "    filesets: [rtl, constraints]",
        "  lint:",
        "    <<: *default",
        "    flow: lint",
        "    flow_options: {tool: verilator}",
    ]
    constraints = [
        f"# The clock of {top}; choose your own. Inputs and outputs are registered or one gate deep: a quarter of the",
        "# period each leaves the rest to what stands around it.",
        f"create_clock -name clk -period {1e3 / mhz:.3f} [get_ports clk]",
        f"set_input_delay -clock clk {250 / mhz:.3f} [remove_from_collection [all_inputs] [get_ports clk]]",
        f"set_output_delay -clock clk {250 / mhz:.3f} [all_outputs]",
    ]
    return {f"{top}.core": "\n".join(core) + "\n", f"{top}.sdc": "\n".join(constraints) + "\n"}
