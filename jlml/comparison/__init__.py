"""What may be compared: groups of runs, averages over seeds, significance, tables."""
