"""The progress of jobs on a terminal: one line that fills, and a line for each job that is done."""

from __future__ import annotations

import sys

import click

from webapp.queries.jobs import JobView

LABELS = {
    "ingest": "Loading the sales",
    "refresh": "Summing them up",
    "train": "Training the models",
    "forecast": "Forecasting",
}
WIDTH = 24


class ProgressLine:
    """Shows one job after another. Where no terminal watches, only what is done is written."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._done: set[int] = set()

    def show(self, job: JobView) -> None:
        """Say how far a job is; each finished one once."""
        if job.state == "succeeded":
            self._finish(job)
        elif self._live:
            click.echo(f"\r\x1b[K{line(job)}", nl=False)

    def clear(self) -> None:
        """Leave the line empty for what is written next."""
        if self._live:
            click.echo("\r\x1b[K", nl=False)

    def _finish(self, job: JobView) -> None:
        if job.id in self._done:
            return
        self._done.add(job.id)
        self.clear()
        click.echo(f"  {label(job):<22}done{duration(job)}")


def label(job: JobView) -> str:
    """What the job does, in words."""
    return LABELS.get(job.kind, job.kind)


def line(job: JobView) -> str:
    """A job that is not done: a bar, and its phase."""
    share = job.share or 0.0
    filled = round(share * WIDTH)
    bar = "█" * filled + "░" * (WIDTH - filled)
    state = job.phase if job.state == "running" else "waiting for a worker"
    counted = f" {job.done:,} of {job.total:,}" if job.total else ""
    return f"  {label(job):<22}{bar} {state}{counted}"


def duration(job: JobView) -> str:
    """How long a finished job ran."""
    if job.started_at is None or job.finished_at is None:
        return ""
    return f" in {(job.finished_at - job.started_at).total_seconds():.1f} s"
