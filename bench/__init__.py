"""Measurements of this project beside its peers, in the same run; `python -m bench` lists them.

A benchmark prints one JSON line a case (`bench.cases.Case`) and exits with 0 when all of them hold.
Run them alone, on an idle machine. They are no tests: `make test` runs none of them.
"""
