"""What may be compared: groups of runs, averages over seeds, significance, tables.

Nothing is imported here: the number format must not wait for SciPy.
"""
