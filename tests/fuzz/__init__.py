"""Thousands of made-up links, files and zips: each is taken, or refused in one sentence, and nothing is left behind.

A short part runs with all tests; ``python -m tests.fuzz`` runs all of it.
"""
