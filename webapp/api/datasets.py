"""Data sets: what arrives, and files to fill in."""

from __future__ import annotations

from flask import Response

from ml.etl.datasets import DATASETS, get_dataset
from ml.etl.templates import FORMATS, template, template_name
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.auth import requires
from webapp.auth.permissions import SALES_READ
from webapp.schemas.catalog import DatasetAnswer, DatasetList, TemplatePath, TemplateQuery

blueprint = api_blueprint("datasets", "/datasets")
FILES = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FORMATS.values()}


@blueprint.get("", responses={200: DatasetList})
@requires(SALES_READ)
def list_datasets() -> Response:
    """List the data sets with their fields."""
    return answer(DatasetList(items=[DatasetAnswer.model_validate(dataset) for dataset in DATASETS.values()]))


@blueprint.get("/<string:name>/template", responses={200: {"content": FILES}, **problems(404)})
@requires(SALES_READ)
def download_template(path: TemplatePath, query: TemplateQuery) -> Response:
    """Download a file to fill in: a header and two example rows; the workbook explains its columns, too."""
    dataset = get_dataset(path.name)
    headers = {"Content-Disposition": f'attachment; filename="{template_name(dataset, query.format)}"'}
    return Response(template(dataset, query.format), headers=headers, content_type=FORMATS[query.format])
