"""Simulations whose results docs/ reports. `make experiments` runs them, and writes those pages and pictures.

agreement: theory beside the engine. published: formulas of papers beside the engine. verdicts: claims about training
on one's own samples. studies: shipped sweeps and their pictures. analysis, report: pictures of results for the pages
of these names.
"""
