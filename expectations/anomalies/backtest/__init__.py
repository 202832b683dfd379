"""`make backtest`: faults planted into real and simulated counts, and how many of them are found.

Faults are planted into the counts of models/marts/quality, which is the same as planting them into the
files (`tests/expectations/test_planting.py` shows it through whole runs), so hundreds of
trials take minutes.
"""
