"""Benchmarks, side by side in one run. One file each; `python -m bench` runs them all."""
