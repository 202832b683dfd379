"""Alerts: what is wrong is one incident from failing to passing, and is told to the right person once.

`incidents` follows the results of checks, `outbox` keeps what is to be told in the same transaction, `routes` says to
whom, `message` in which words, and `sending` sends it after the run.
"""
