"""What the kinds of jobs do: ids in, one pipeline call, its event recorded in the commit of its work.

These modules load the engine's libraries; only processes that run jobs import them.
"""
