"""How fast Banyan is beside what it could be: each hot path next to a baseline, in one run, on real processes.

`make bench` (or `python -m benchmarks`) starts its own engines, plants a small city, and measures one after the other,
three times over. What counts is the CPU that a request costs in every process that serves it: that is the same on a
busy machine and a quiet one, which requests per second are not.
"""
