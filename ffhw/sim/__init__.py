"""Simulation of the generated RTL against the golden model: cocotb benches and the compiled batch driver."""

if __name__ != "ffhw.sim":
    # The folder is also reachable through a link at the root; imported that way its relatives would load twice.
    raise ImportError("import ffhw.sim, not sim")
