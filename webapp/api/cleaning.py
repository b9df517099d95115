"""The cleaning policy, and the outliers and stockouts flagged under it."""

from __future__ import annotations

from flask import Response, url_for

from ml.db.cleaning import CleaningPolicy
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.edits import check_unchanged, hold, tagged
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.extensions import db, redis_client
from webapp.queries import cleaning as queries
from webapp.queries import jobs
from webapp.schemas.base import PageQuery, encode_cursor
from webapp.schemas.cleaning import (
    ChangedPolicy,
    FlagAnswer,
    FlagList,
    FlagPath,
    FlagQuery,
    PolicyAnswer,
    PolicyBody,
    PolicyList,
    VerdictBody,
)
from webapp.schemas.jobs import JobAnswer
from webapp.services import cleaning as service

blueprint = api_blueprint("cleaning", "/cleaning")


@blueprint.get("/policy", responses={200: PolicyAnswer, 304: None})
@requires(SALES_READ)
def show_policy() -> Response:
    """Read how sales are cleaned before they are learned from."""
    return tagged(PolicyAnswer.model_validate(queries.current_policy(db.session())))


@blueprint.put("/policy", responses={202: ChangedPolicy, **problems(400, 412, 415)})
@requires(FORECASTS_MAKE)
def set_policy(body: PolicyBody) -> Response:
    """Set the cleaning policy. Sales are flagged and forecast anew; the sales themselves stay as they are."""
    session = db.session()
    hold(session, CleaningPolicy)
    check_unchanged(PolicyAnswer.model_validate(queries.current_policy(session)))
    row, job = service.set_policy(session, body.model_dump(), signed_in_user().email)
    policy = PolicyAnswer.model_validate(queries.policy_view(row))
    location = url_for("api_jobs.show_job", job_id=job.id)
    return answer(ChangedPolicy(**policy.model_dump(), job_id=job.id), 202, Location=location)


@blueprint.post("/run", responses={202: JobAnswer})
@requires(FORECASTS_MAKE)
def run_cleaning() -> Response:
    """Look for outliers and stockouts anew, under the policy that holds; a forecast follows."""
    session = db.session()
    job = service.request_cleaning(session, signed_in_user().email)
    view = jobs.job_view(session, redis_client(), job.id)
    return answer(JobAnswer.model_validate(view), 202, Location=url_for("api_jobs.show_job", job_id=job.id))


@blueprint.get("/policies", responses={200: PolicyList})
@requires(SALES_READ)
def list_policies(query: PageQuery) -> Response:
    """List all policies that ever held, newest first. To go back to one, put its settings again."""

    def fetch(part: PageQuery) -> PolicyList:
        page = queries.list_policies(db.session(), part.limit, part.cursor)
        items = [PolicyAnswer.model_validate(view) for view in page.items]
        return PolicyList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/flags", responses={200: FlagList})
@requires(SALES_READ)
def list_flags(query: FlagQuery) -> Response:
    """List outliers and stockouts, the last found first."""

    def fetch(part: FlagQuery) -> FlagList:
        page = queries.list_flags(
            db.session(),
            kind=part.kind,
            verdict=part.verdict,
            series_id=part.series_id,
            limit=part.limit,
            below=part.cursor,
        )
        items = [FlagAnswer.model_validate(view) for view in page.items]
        return FlagList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.post("/flags/<int:flag_id>", responses={200: FlagAnswer, **problems(400, 404, 415)})
@requires(FORECASTS_MAKE, scoped=True)
def decide_flag(path: FlagPath, body: VerdictBody) -> Response:
    """Accept or dismiss a flag; the next training and forecast learn from it."""
    session = db.session()
    service.decide_flag(session, path.flag_id, body.verdict, signed_in_user().email)
    return answer(FlagAnswer.model_validate(queries.get_flag(session, path.flag_id)))
