"""One call for every implementation of a quantized network: the golden model's own, in :mod:`ffhw.backends.run`."""
