"""Float ONNX graphs, read operator by operator; one file a kind of layer that an operator becomes."""
