"""The quantized network as an ONNX graph."""
