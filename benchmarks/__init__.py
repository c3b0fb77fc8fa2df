"""Figures, measured against the stand-in on this machine, as ratios within one run.

`uv run python -m benchmarks [NAME …] [--json] [--quick]`
"""
