"""Models as ONNX files: preprocessing, model, calibration and threshold as one graph, compared with the bundle."""
