"""A range of dates again, piece by piece and in order, then ranges and checks as of its end.

The same steps as terraform/workflows/backfill.yaml. Started by hand, with dates.
"""

from airflow.exceptions import AirflowFailException
from airflow.sdk import DAG, Param, chain, get_current_context, task
from chapterflow_steps.choose import choose_steps
from chapterflow_steps.dates import DatesError, pieces
from chapterflow_steps.timing import FIRST_DATE, default_arguments, within

settings, steps = choose_steps()


@task
def plan() -> list:
    """What each batch is told, in the order of the dates."""
    params = get_current_context()["params"]
    try:
        found = pieces(params["start_date"], params["end_date"], params["days_at_once"])
    except DatesError as error:
        raise AirflowFailException(str(error)) from None
    return [steps.piece(first, last) for first, last in found]


with DAG(
    dag_id="chapterflow_backfill",
    description="Batch of a range of dates, then rollup and checks as of its end",
    doc_md=__doc__,
    schedule=None,
    start_date=FIRST_DATE,
    catchup=False,
    max_active_runs=1,
    default_args=default_arguments(),
    deadline=within(settings, hours=12),
    params={
        "start_date": Param(type="string", format="date", description="First date to replace"),
        "end_date": Param(type="string", format="date", description="Last date to replace"),
        "days_at_once": Param(
            7, type="integer", minimum=1, maximum=366, description="Days that a batch replaces"
        ),
    },
    tags=["chapterflow"],
) as dag:
    chain(
        steps.batches(plan()),
        steps.job("rollup", as_of="{{ params.end_date }}"),
        steps.job("check"),
    )
