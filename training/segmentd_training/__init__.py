"""Pyramid ShuffleNetV2 with Vortex Pooling in PyTorch, under the names that segmentd's model files use."""
