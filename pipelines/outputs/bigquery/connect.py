"""How is BigQuery reached, and what do its refusals mean? One line each that says what to do."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import google.auth.exceptions
import requests
from google.api_core import exceptions as api
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from pipelines.outputs.bigquery.address import Address
from pipelines.readers.snapshot import WarehouseError, one_line

EMULATOR = "BIGQUERY_EMULATOR_HOST"
LABELS = {"product": "chapterflow"}
_REQUEST = re.compile(r"^[A-Z]+ https?://\S+: ")
_PROVISION = "is it made, by this version? python -m pipelines.provision --warehouse="


class BigQueryError(Exception):
    """BigQuery did not do what was asked, for no fault of the options; one line."""


def connect(project: str, location: str | None = None) -> bigquery.Client:
    """A client, one for each process and endpoint; BIGQUERY_EMULATOR_HOST names an emulator.

    Raises WarehouseError without credentials.
    """
    return _connect(project, location, os.environ.get(EMULATOR))


@cache
def _connect(project: str, location: str | None, emulator: str | None) -> bigquery.Client:
    nobody = AnonymousCredentials() if emulator else None
    try:
        return bigquery.Client(project=project, location=location, credentials=nobody)
    except google.auth.exceptions.DefaultCredentialsError:
        raise no_credentials(project) from None


def no_credentials(project: str) -> WarehouseError:
    """What to raise without any."""
    return WarehouseError(
        f"no credentials for bq://{project}: gcloud auth application-default login, or set "
        "GOOGLE_APPLICATION_CREDENTIALS"
    )


@contextmanager
def refusals(address: Address, what: str) -> Iterator[None]:
    """Raise what BigQuery refuses as WarehouseError (to be mended by a person) or BigQueryError.

    `what`: what was to be done, in words that follow "cannot": "load gold.chapter_engagement".
    """
    try:
        yield
    except api.GoogleAPICallError as error:
        raise _explained(address, what, error) from None
    except google.auth.exceptions.GoogleAuthError as error:
        message = f"{address}: the credentials are refused, cannot {what}: {one_line(error)}"
        raise WarehouseError(message) from None
    except requests.ConnectionError:
        message = f"{address}: BigQuery does not answer, cannot {what}: check the network"
        raise BigQueryError(message) from None


def _explained(address: Address, what: str, error: api.GoogleAPICallError) -> Exception:
    said = _REQUEST.sub("", one_line(ValueError(error.message or error)))
    said = said.partition("; reason: ")[0]
    is_used_up = reason_of(error) in ("quotaExceeded", "rateLimitExceeded")
    if is_used_up or isinstance(error, api.ResourceExhausted):
        return BigQueryError(
            f"{address}: a quota is used up, cannot {what}; nothing of it is visible, "
            f"try again later or raise the quota: {said}"
        )
    if isinstance(error, api.Forbidden | api.Unauthorized):
        return WarehouseError(f"{address}: no permission to {what}, ask for the role: {said}")
    if isinstance(error, api.NotFound | api.InvalidArgument):
        # The latter is of the Storage Write API: the table has other columns than these rows.
        return WarehouseError(f"{address}: cannot {what}: {said}; {_PROVISION}{address}")
    return BigQueryError(f"{address}: cannot {what}: {said}")


def reason_of(error: api.GoogleAPICallError) -> str:
    """The reason that BigQuery gives: notFound, accessDenied, quotaExceeded …; else empty.

    Its Storage Write API gives none: there `errors` are of gRPC.
    """
    told = (detail for detail in error.errors or () if isinstance(detail, Mapping))
    reasons = [detail.get("reason", "") for detail in told if detail]
    return reasons[0] if reasons else ""
