"""Keras layers, tasks and data sets: everything before quantization."""

if __name__ != "ffhw.training":
    # The folder is also reachable through a link at the root; imported that way its relatives would load twice.
    raise ImportError("import ffhw.training, not training")
