"""The float network as an ONNX graph."""
