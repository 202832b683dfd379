"""Tests of the sample-data simulator."""
