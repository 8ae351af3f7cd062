"""From pictures and videos to records, through ONNX Runtime."""
