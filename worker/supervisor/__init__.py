"""Runs all processes of one machine: starts them in order, keeps them alive, stops them in order."""

from worker.supervisor.supervisor import up

__all__ = ["up"]
