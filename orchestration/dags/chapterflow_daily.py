"""The night: the last days once more with what came late, ranges, checks, maintenance.

The same steps as terraform/workflows/daily.yaml, and the same dates.
"""

from airflow.sdk import DAG, Param, chain
from airflow.timetables.interval import CronDataIntervalTimetable
from chapterflow_steps.choose import choose_steps
from chapterflow_steps.dates import MACROS
from chapterflow_steps.timing import FIRST_DATE, default_arguments, within

settings, steps = choose_steps()
DATE = "{{ whole_day(dag_run, params) }}"

with DAG(
    dag_id="chapterflow_daily",
    description="Batch of the last days, rollup as of yesterday, checks, maintenance",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("30 2 * * *", timezone="UTC"),
    start_date=FIRST_DATE,
    catchup=False,
    max_active_runs=1,
    default_args=default_arguments(),
    deadline=within(settings, hours=4),
    user_defined_macros=MACROS,
    params={
        "date": Param(
            None, type=["null", "string"], format="date",
            description="Last whole day of the run (empty: that of its interval)",
        ),
        "days": Param(
            3, type="integer", minimum=2, maximum=31,
            description="Days to replace, up to the one after it",
        ),
    },
    tags=["chapterflow"],
) as dag:  # fmt: skip
    chain(
        [steps.wait_for_events(topic, DATE) for topic in settings.topics],
        steps.batch(
            "{{ daily_dates(dag_run, params)[0] }}", "{{ daily_dates(dag_run, params)[1] }}"
        ),
        steps.job("rollup", as_of=DATE),
        steps.job("check"),
        # After the checks: it deletes old files, which help to find out what went wrong.
        *([steps.job("maintain")] if settings.is_lake else []),
    )
