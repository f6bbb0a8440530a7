"""Measurements, one command each; every figure is a ratio to something measured in the same run."""
