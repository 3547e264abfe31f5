"""Networks: chains of layers. Quantize them, run them in floats and in integers, score them; no layer by its kind."""
