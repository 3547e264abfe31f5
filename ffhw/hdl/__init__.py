"""Amaranth components, their performance model, and the choice of folding."""

if __name__ != "ffhw.hdl":
    # The folder is also reachable through a link at the root; imported that way its relatives would load twice.
    raise ImportError("import ffhw.hdl, not hdl")
