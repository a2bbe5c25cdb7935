"""The hour: today's rows once more, so that they are never older than an hour.

The same step as terraform/workflows/batch.yaml. For warehouses that no stream writes.
"""

from airflow.sdk import DAG, Param
from airflow.timetables.interval import CronDataIntervalTimetable
from chapterflow_steps.choose import choose_steps
from chapterflow_steps.dates import MACROS
from chapterflow_steps.timing import FIRST_DATE, default_arguments, within

settings, steps = choose_steps()

with DAG(
    dag_id="chapterflow_hourly",
    description="Batch of today",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("10 * * * *", timezone="UTC"),
    start_date=FIRST_DATE,
    catchup=False,
    max_active_runs=1,
    default_args=default_arguments(),
    deadline=within(settings, minutes=50),
    user_defined_macros=MACROS,
    params={
        "days": Param(
            1, type="integer", minimum=1, maximum=31, description="Days to replace, up to today"
        ),
    },
    tags=["chapterflow"],
) as dag:
    steps.batch("{{ hourly_dates(dag_run, params)[0] }}", "{{ hourly_dates(dag_run, params)[1] }}")
