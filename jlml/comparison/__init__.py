"""Comparisons of runs: which metrics compare, groups of runs, averages over seeds, significance, tables.

Imports nothing, so that formatting a number does not import SciPy.
"""
