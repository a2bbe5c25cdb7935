"""What does BigQuery answer to a query? Its rows as a frame."""

import datetime
from collections.abc import Mapping
from typing import Any

import polars as pl
from google.cloud import bigquery

from pipelines.outputs.bigquery.address import Address
from pipelines.outputs.bigquery.connect import LABELS, refusals

_TYPES: dict[type, str] = {datetime.date: "DATE", int: "INT64", float: "FLOAT64", str: "STRING"}


def rows_of(
    client: bigquery.Client,
    address: Address,
    sql: str,
    what: str,
    parameters: Mapping[str, Any] | None = None,
) -> pl.DataFrame:
    """The rows of a query whose names are whole ones; none for a statement without any.

    `what`: what it is for, in words that follow "cannot". `parameters`: values by name. Raises as
    `refusals`.
    """
    values = [
        bigquery.ScalarQueryParameter(name, _TYPES[type(value)], value)
        for name, value in (parameters or {}).items()
    ]
    settings = bigquery.QueryJobConfig(query_parameters=values, labels=LABELS)
    with refusals(address, what):
        found = client.query_and_wait(sql, job_config=settings)
        if not found.schema:
            return pl.DataFrame()
        frame = pl.from_arrow(found.to_arrow(create_bqstorage_client=False))
    assert isinstance(frame, pl.DataFrame)
    return frame
