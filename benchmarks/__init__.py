"""Measures of the server beside others: one command per measure, see ``benchmarks/README.md``."""
