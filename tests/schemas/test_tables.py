"""Is every table of the requirements described, with at least its minimum columns?"""

import pytest

from schemas import tables
from schemas.kinds import kind

MINIMUM = {
    "silver.events": "event_id student_hash event_type event_name occurred_at ended_at "
    "is_id_conflict received_at event_date event_hour measured_seconds course_id chapter_id "
    "lesson_id video_id quiz_id question_id assignment_id class_id subject_id client_session_id "
    "session_id device_type os browser network_type country_code region page scroll_depth metadata",
    "silver.sessions": "session_id student_hash session_start session_end "
    "session_duration_seconds active_seconds event_count pages_visited average_event_gap_seconds "
    "device_type is_mobile browser os network_type class_id country_code region end_reason "
    "is_anomalous session_date",
    "silver.page_views": "event_id session_id student_hash page course_id chapter_id viewed_at "
    "dwell_seconds active_seconds is_entry is_exit view_date",
    "silver.chapter_visits": "visit_id session_id student_hash course_id chapter_id started_at "
    "ended_at time_spent_seconds active_seconds scroll_depth completion_rate is_completed "
    "is_drop_off is_idle is_skim class_id subject_id device_type visit_date",
    "silver.video_views": "student_hash session_id course_id chapter_id video_id started_at "
    "watched_seconds unique_watched_seconds video_duration_seconds watch_ratio rewatched_seconds "
    "average_playback_rate seeks_count pauses_count is_completed furthest_position_seconds "
    "view_date",
    "silver.question_attempts": "event_id student_hash session_id quiz_id question_id "
    "attempted_at is_correct score time_spent_seconds selected_option attempt_date",
    "gold.session_daily_stats": "date student_hash total_sessions total_time_spent_seconds "
    "average_session_duration_seconds longest_session_seconds shortest_session_seconds",
    "gold.student_daily_activity": "date student_hash total_sessions total_time_spent_seconds "
    "active_seconds pages_viewed quizzes_attempted videos_watched_seconds assignments_submitted "
    "engagement_score",
    "gold.chapter_engagement": "date course_id chapter_id total_time_spent_seconds "
    "average_time_per_visit_seconds median_time_per_visit_seconds p25_time_per_visit_seconds "
    "p75_time_per_visit_seconds p90_time_per_visit_seconds unique_students visits_count "
    "average_scroll_depth drop_off_rate completion_rate time_distribution",
    "gold.chapter_hourly_activity": "date hour course_id chapter_id class_id time_spent_seconds "
    "visits_count active_students",
    "gold.question_attempts_summary": "date quiz_id question_id attempts_count correct_count "
    "average_time_spent_seconds difficulty_estimate",
    "gold.video_engagement": "date course_id video_id viewers views_count watched_seconds "
    "average_watch_ratio completion_rate rewatch_ratio average_playback_rate drop_off_curve",
    "gold.device_daily": "date device_type sessions_count active_students total_time_spent_seconds",
    "gold.geo_daily": "date country_code region sessions_count active_students "
    "total_time_spent_seconds",
    "gold.platform_daily": "date active_students events_count sessions_count "
    "total_time_spent_seconds enrolments_count completions_count",
    "gold.student_course_metrics": "as_of_date student_hash course_id completion_ratio "
    "lessons_started lessons_completed total_lessons time_spent_total_seconds "
    "time_spent_video_seconds time_spent_reading_seconds time_spent_quiz_seconds sessions_count "
    "average_session_duration_seconds videos_watched video_watch_ratio_average "
    "quizzes_attempted quizzes_passed quiz_average_score assignments_submitted last_activity_at "
    "streak_days",
    "gold.chapter_engagement_summary": "as_of_date student_hash course_id chapter_id "
    "total_time_spent_seconds average_time_spent_seconds visits_count last_visited_at "
    "completion_rate is_drop_off",
    "gold.chapter_analytics": "as_of_date course_id chapter_id average_time_spent_seconds "
    "median_time_spent_seconds p5_time_spent_seconds p25_time_spent_seconds "
    "p75_time_spent_seconds p95_time_spent_seconds total_visits unique_students drop_off_rate "
    "difficulty_score",
    "gold.course_comparison": "as_of_date course_id enrolled_students students "
    "time_per_student_seconds sessions_per_student completion_rate drop_off_rate quiz_accuracy "
    "video_watch_ratio_average",
    "gold.course_dropoff": "as_of_date course_id chapter_id chapter_order students_reached "
    "students_stopped drop_off_index",
    "gold.student_features": "as_of_date student_hash time_spent_7d_seconds "
    "time_spent_30d_seconds sessions_7d sessions_30d active_days_7d active_days_30d "
    "quiz_accuracy_30d quiz_attempts_30d video_watch_ratio_30d last_login_days_ago "
    "engagement_trend streak_days regularity",
    "gold.student_profiles": "as_of_date student_hash first_enrollment_at total_enrolments "
    "active_enrolments completed_enrolments dropped_enrolments total_hours "
    "average_daily_minutes preferred_hour preferred_weekday average_completion_days "
    "learning_consistency_score overall_average_score quiz_accuracy at_risk_score "
    "last_activity_at days_since_active",
    "gold.cohort_retention": "as_of_date cohort_week week_number cohort_students "
    "retained_students retention_rate",
    "gold.assignment_status": "as_of_date student_hash course_id assignment_id started_at "
    "submitted_at status",
    "gold.skill_mastery": "as_of_date student_hash skill_id attempts_count correct_count "
    "accuracy mastery is_gap",
    "gold.dim_courses": "course_id course_title subject_id class_id",
    "gold.dim_chapters": "course_id chapter_id chapter_title chapter_order subject_id class_id",
    "gold.dim_questions": "quiz_id question_id pass_mark skill_id",
    "gold.dim_dates": "date",
    "gold.chapter_difficulty": "as_of_date course_id chapter_id students median_active_seconds "
    "time_rank drop_off_rate quiz_accuracy difficulty_score",
    "gold.at_risk_scores": "as_of_date student_hash course_id score segment reasons model_version",
    "gold.session_predictions": "session_id predicted_at long_session_score "
    "low_engagement_score dropout_score model_version",
    "gold.recommendations": "recommendation_id student_hash course_id chapter_id kind reason "
    "created_at delivered_at",
    "gold.ab_test_results": "test_id as_of_date metric control_students treatment_students "
    "effect ci_low ci_high p_value sample_ratio_p_value",
    "gold.anomalies": "anomaly_id kind date student_hash session_id course_id chapter_id value "
    "expected score severity explanation",
    "gold.alerts": "alert_id kind scope severity opened_at closed_at value threshold "
    "explanation date",
    "ops.dead_letters": "dead_letter_id failed_date failed_at stage reason message payload "
    "source position is_replayed",
    "ops.pipeline_runs": "run_id run_date mode status started_at finished_at code_version "
    "options inputs records_read events duplicates dead_letters excluded late dropped "
    "out_of_range sessions table_versions",
    "ops.data_quality": "check_date checked_at table_name check_name severity is_passed observed "
    "expected",
}

ALL = list(tables.tables().values())


@pytest.mark.parametrize("full_name", MINIMUM)
def test_table_has_at_least_its_minimum_columns(full_name: str) -> None:
    table = tables.get(full_name.split(".")[1])
    assert table.full_name == full_name
    wanted = {*MINIMUM[full_name].split(), "processed_at", "schema_version"}
    assert wanted <= {column.name for column in table.columns}


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.full_name)
def test_key_and_partition_are_columns_and_every_column_is_described(table: tables.Table) -> None:
    columns = {column.name: column for column in table.columns}
    assert set(table.key) <= set(columns)
    assert table.partition is None or kind(columns[table.partition].type).word == "date"
    assert table.grain.startswith("one row per ")
    assert all(column.description.endswith((".", "?")) for column in table.columns)


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.full_name)
def test_suffix_of_a_column_says_its_type(table: tables.Table) -> None:
    words = {"_seconds": "double", "_at": "timestamp", "_date": "date", "_count": "integer"}
    for column in table.columns:
        for suffix, word in words.items():
            assert not column.name.endswith(suffix) or kind(column.type).word == word, column.name


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.full_name)
def test_columns_about_one_student_are_sensitive(table: tables.Table) -> None:
    assert all(c.is_sensitive for c in table.columns if c.name == "student_hash")
