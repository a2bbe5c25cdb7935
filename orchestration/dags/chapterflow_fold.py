"""Every hour: what a stream has appended goes into the tables of BigQuery.

Half an hour after the hourly batch, which folds before it commits.

The same job as the schedule of terraform/scheduler.tf. A stream commits to tables that are files
itself: for those there is no such DAG.
"""

from airflow.sdk import DAG
from chapterflow_steps.choose import choose_steps
from chapterflow_steps.timing import FIRST_DATE, default_arguments, within

settings, steps = choose_steps()

if not settings.is_lake:
    with DAG(
        dag_id="chapterflow_fold",
        description="Changes of a stream into the tables",
        doc_md=__doc__,
        schedule="40 * * * *",
        start_date=FIRST_DATE,
        catchup=False,
        # The next one does what this one has left.
        max_active_runs=1,
        default_args=default_arguments(),
        deadline=within(settings, minutes=30),
        tags=["chapterflow"],
    ) as dag:
        steps.job("fold")
