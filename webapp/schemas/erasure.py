"""What was erased of a customer."""

from __future__ import annotations

from pydantic import Field

from webapp.schemas.base import Answer


class ErasedAnswer(Answer):
    """A customer who is anonymous now. What was bought and owed stays, without a name."""

    customer_id: int
    code: str = Field(description="The code that stands in the place of the old one.")
    files: int = Field(description="Uploaded files that were deleted, since the customer was in them.")
    rejected_rows: int
    versions: int = Field(description="Older versions of what was known.")
    notes: int = Field(description="Notes of what was done to collect.")
    log_entries: int = Field(description="Entries of the log whose values were emptied.")
