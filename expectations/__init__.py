"""Expectation suites as data, and the code that runs them."""
