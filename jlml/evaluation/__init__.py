"""From finished runs to numbers, pictures and a report. Needs nothing but their folders and the data.

`entry` has `evaluate`. Nothing is imported here: a sweep takes tables from below without the rest.
"""
