"""Evaluates run folders: metrics, pictures and a report.

`entry` has `evaluate`. This file imports nothing, so that importing one module does not import them all.
"""
