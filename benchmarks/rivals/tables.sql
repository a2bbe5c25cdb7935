-- The tables of the batch run as hand-written SQL, for DuckDB and Spark alike.
--
-- Each statement is the table named above it. The engine has prepared `received` (one row a record:
-- typed columns, at_ms, place = course and chapter as one text, carried = its row number, or the
-- row itself where joining it back would cost more) and the functions date_of(ms),
-- hour_of(ms), time_of(ms), whole_ms(x) and seconds(ms). What no event of the generated file has,
-- these queries do not look for (see the module docstrings). LEAST and GREATEST are used on known
-- values only: both engines skip nulls in them.

-- table: gapped
-- Events in order without copies, and the session by inactivity alone.
WITH ordered AS (
    SELECT carried, student_id, event_id, at_ms, event_type, place,
           LAG(at_ms) OVER w AS before_ms,
           LAG(event_id) OVER w AS before_id
    FROM received
    WINDOW w AS (PARTITION BY student_id ORDER BY at_ms, event_id)
)
SELECT carried, student_id, event_id, at_ms, event_type, place, before_ms,
       ROW_NUMBER() OVER w AS seq,
       SUM(CASE WHEN before_ms IS NULL OR at_ms - before_ms > 1800000 THEN 1 ELSE 0 END)
           OVER w AS gap_session
FROM ordered
WHERE before_id IS NULL OR before_id <> event_id OR before_ms <> at_ms
WINDOW w AS (PARTITION BY student_id ORDER BY at_ms, event_id)

-- table: long_sessions
SELECT student_id, gap_session
FROM gapped
GROUP BY student_id, gap_session
HAVING MAX(at_ms) - MIN(at_ms) > 86400000

-- table: begun
-- Where sessions begin, those over 24 h cut at midnight UTC; `state` is what an event leaves open:
-- its chapter, nothing (''), or what was open before (null).
WITH marked AS (
    SELECT /*+ BROADCAST(l) */ g.*,
           COALESCE(l.gap_session IS NOT NULL AND at_ms - before_ms <= 1800000
                    AND FLOOR(at_ms / 8.64e7) <> FLOOR(before_ms / 8.64e7), FALSE) AS is_cut,
           event_type IN ('click', 'scroll', 'idle', 'active', 'other')
               OR event_type LIKE 'video!_%' ESCAPE '!'
               OR event_type LIKE 'quiz!_%' ESCAPE '!'
               OR event_type LIKE 'assignment!_%' ESCAPE '!' AS is_joining
    FROM gapped AS g
    LEFT JOIN long_sessions AS l
      ON g.student_id = l.student_id AND g.gap_session = l.gap_session
), firsts AS (
    SELECT *, before_ms IS NULL OR at_ms - before_ms > 1800000 OR is_cut AS is_first
    FROM marked
)
SELECT *,
       CASE WHEN place IS NOT NULL THEN place
            WHEN is_joining AND NOT is_first THEN NULL
            ELSE '' END AS state
FROM firsts

-- table: walked
-- One row per event: its session and visit, and the next event of the session.
WITH stepped AS (
    SELECT carried, student_id, at_ms, event_type, place, seq, is_first, is_joining,
           SUM(CASE WHEN is_first THEN 1 ELSE 0 END) OVER w AS session_no,
           LEAD(at_ms) OVER w AS following_ms,
           LEAD(is_first) OVER w AS is_last,
           LEAD(is_cut) OVER w AS is_cut_after,
           LAST_VALUE(state IGNORE NULLS)
               OVER (PARTITION BY student_id ORDER BY seq
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS open_place
    FROM begun
    WINDOW w AS (PARTITION BY student_id ORDER BY seq)
), judged AS (
    SELECT *,
           CASE WHEN is_last THEN NULL ELSE following_ms END AS next_ms,
           place IS NOT NULL
               AND (is_first OR open_place IS NULL OR open_place <> place) AS is_visit_start,
           place IS NOT NULL
               OR (NOT is_first AND open_place <> ''
                   AND (is_joining OR event_type IN ('lesson_complete', 'course_complete')))
               AS is_in_visit
    FROM stepped
)
SELECT carried, student_id, seq, session_no, next_ms,
       COALESCE(is_cut_after, FALSE) AS is_cut_after,
       CASE WHEN next_ms IS NULL THEN 0
            WHEN next_ms - at_ms < 300000 THEN next_ms - at_ms
            ELSE 300000 END AS active_ms,
       CASE WHEN is_in_visit
            THEN SUM(CASE WHEN is_visit_start THEN 1 ELSE 0 END)
                 OVER (PARTITION BY student_id ORDER BY seq ROWS UNBOUNDED PRECEDING)
            END AS visit_no
FROM judged

-- table: events
$events

-- table: sessions
WITH grouped AS (
    SELECT student_id, session_no,
           MIN(at_ms) AS start_ms, MAX(at_ms) AS end_ms, SUM(active_ms) AS active_ms,
           MIN_BY(event_id, seq) AS first_event_id,
           COUNT(*) AS event_count,
           COUNT(DISTINCT page) AS pages_visited,
           MIN_BY(device_type, CASE WHEN device_type IS NOT NULL THEN seq END) AS device_type,
           BOOL_OR(next_ms IS NULL AND is_cut_after) AS is_cut
    FROM events
    GROUP BY student_id, session_no
)
SELECT md5(student_id || '|' || CAST(start_ms AS VARCHAR(20)) || '|' || first_event_id)
           AS session_id,
       student_id, session_no,
       time_of(start_ms) AS session_start, time_of(end_ms) AS session_end,
       seconds(end_ms - start_ms) AS session_duration_seconds,
       end_ms - start_ms AS duration_ms, active_ms,
       seconds(active_ms) AS active_seconds,
       event_count, pages_visited,
       CASE WHEN event_count > 1 THEN (end_ms - start_ms) / (event_count - 1) / 1e3 END
           AS average_event_gap_seconds,
       device_type, device_type IN ('mobile', 'tablet') AS is_mobile,
       CASE WHEN is_cut THEN 'max_length' ELSE 'inactivity' END AS end_reason,
       date_of(start_ms) AS session_date
FROM grouped

-- table: chapter_visits
WITH measured AS (
    SELECT *,
           CASE WHEN next_ms IS NOT NULL THEN 0
                WHEN COALESCE(time_spent, duration, 0) > 300 THEN 300000
                ELSE whole_ms(COALESCE(time_spent, duration, 0)) END AS tail_ms
    FROM events
    WHERE visit_no IS NOT NULL
), grouped AS (
    SELECT student_id, session_no, visit_no,
           MIN_BY(event_id, seq) AS first_event_id,
           MIN(course_id) AS course_id, MIN(chapter_id) AS chapter_id,
           MIN(at_ms) AS start_ms,
           CASE WHEN BOOL_OR(next_ms IS NULL) THEN MAX(at_ms) + SUM(tail_ms)
                ELSE MAX(next_ms) END AS end_ms,
           SUM(active_ms) + SUM(tail_ms) AS active_ms,
           MAX(scroll_depth) AS scroll_depth,
           BOOL_OR(event_type IN ('lesson_complete', 'video_complete', 'course_complete')
                   OR COALESCE(completed, FALSE)) AS has_completion,
           MIN_BY(device_type, CASE WHEN device_type IS NOT NULL THEN seq END) AS device_type
    FROM measured
    GROUP BY student_id, session_no, visit_no
), judged AS (
    SELECT *, end_ms - start_ms AS time_ms,
           CASE WHEN has_completion THEN 1e0 ELSE scroll_depth / 1e2 END AS completion_rate
    FROM grouped
)
SELECT md5(s.session_id || '|' || COALESCE(course_id, '') || '|' || chapter_id || '|'
           || CAST(start_ms AS VARCHAR(20)) || '|point|' || first_event_id) AS visit_id,
       s.session_id, v.student_id, course_id, chapter_id, start_ms, end_ms, time_ms,
       time_of(start_ms) AS started_at, time_of(end_ms) AS ended_at,
       seconds(time_ms) AS time_spent_seconds, seconds(v.active_ms) AS active_seconds,
       scroll_depth, completion_rate, completion_rate >= 0.9e0 AS is_completed,
       CASE WHEN scroll_depth IS NOT NULL
            THEN scroll_depth < 50 AND completion_rate < 0.9e0 END AS is_drop_off,
       time_ms >= 1800000 AND time_ms > 3 * v.active_ms AS is_idle,
       COALESCE(scroll_depth >= 80 AND v.active_ms < 20000, FALSE) AS is_skim,
       COALESCE(v.device_type, s.device_type) AS device_type,
       date_of(start_ms) AS visit_date
FROM judged AS v
JOIN sessions AS s ON v.student_id = s.student_id AND v.session_no = s.session_no

-- table: video_steps
-- Video events with what was playing before each of them.
WITH placed AS (
    SELECT student_id, session_no, video_id, course_id, chapter_id, seq, at_ms, next_ms,
           event_type, event_type = 'video_play' AS is_play, event_type = 'video_seek' AS is_seek,
           whole_ms(position) AS position_ms, whole_ms(seek_from) AS from_ms,
           whole_ms(COALESCE(seek_to, position)) AS to_ms,
           CASE WHEN playback_rate > 0 THEN playback_rate END AS playback_rate,
           CASE WHEN video_duration > 0 THEN whole_ms(video_duration) END AS length_ms
    FROM events
    WHERE event_type LIKE 'video!_%' ESCAPE '!' AND video_id IS NOT NULL
), playing AS (
    SELECT *,
           MAX(length_ms) OVER (PARTITION BY student_id, session_no, video_id) AS view_length_ms,
           LAG(at_ms) OVER w AS since_ms,
           LAG(CASE WHEN is_seek THEN to_ms ELSE position_ms END) OVER w AS begin_ms,
           LAST_VALUE(CASE WHEN is_play THEN TRUE
                           WHEN event_type IN ('video_pause', 'video_stop', 'video_complete')
                           THEN FALSE END IGNORE NULLS)
               OVER (PARTITION BY student_id, session_no, video_id ORDER BY seq
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS was_playing,
           LEAD(at_ms) OVER w IS NULL AS is_last_of_view
    FROM placed
    WINDOW w AS (PARTITION BY student_id, session_no, video_id ORDER BY seq)
)
SELECT *,
       LAST_VALUE(CASE WHEN is_play AND NOT COALESCE(was_playing, FALSE)
                       THEN COALESCE(playback_rate, 1e0)
                       WHEN (is_play OR is_seek) AND was_playing THEN playback_rate
                       END IGNORE NULLS)
           OVER (PARTITION BY student_id, session_no, video_id ORDER BY seq
                 ROWS UNBOUNDED PRECEDING) AS rate_after
FROM playing

-- table: video_segments
-- What was played between two events of a view, and after its last.
WITH rated AS (
    SELECT *,
           LAG(rate_after) OVER (PARTITION BY student_id, session_no, video_id ORDER BY seq) AS rate
    FROM video_steps
), between_events AS (
    SELECT student_id, session_no, video_id, begin_ms, at_ms - since_ms AS elapsed_ms, rate,
           view_length_ms, CASE WHEN is_seek THEN from_ms ELSE position_ms END AS end_ms
    FROM rated
    WHERE was_playing
), after_last AS (
    SELECT student_id, session_no, video_id,
           CASE WHEN is_seek THEN to_ms ELSE position_ms END AS begin_ms,
           next_ms - at_ms AS elapsed_ms, rate_after AS rate, view_length_ms,
           CAST(NULL AS BIGINT) AS end_ms
    FROM rated
    WHERE is_last_of_view AND next_ms IS NOT NULL
      AND (is_play OR (was_playing AND event_type NOT IN
                       ('video_pause', 'video_stop', 'video_complete')))
), estimated AS (
    SELECT student_id, session_no, video_id, begin_ms, elapsed_ms, rate, view_length_ms,
           COALESCE(end_ms, begin_ms + whole_ms(
               CASE WHEN elapsed_ms < 300000 THEN elapsed_ms ELSE 300000 END * rate / 1e3))
               AS end_ms
    FROM (SELECT * FROM between_events UNION ALL SELECT * FROM after_last) AS played
), cut AS (
    SELECT student_id, session_no, video_id, begin_ms, elapsed_ms, rate,
           CASE WHEN end_ms > view_length_ms THEN view_length_ms ELSE end_ms END AS end_ms
    FROM estimated
)
SELECT student_id, session_no, video_id, begin_ms, end_ms, rate,
       MAX(end_ms) OVER (PARTITION BY student_id, session_no, video_id ORDER BY begin_ms, end_ms
                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_ms
FROM cut
WHERE end_ms > begin_ms AND end_ms - begin_ms <= whole_ms(elapsed_ms * rate / 1e3) + 1000

-- table: video_views
WITH played AS (
    SELECT student_id, session_no, video_id,
           SUM(end_ms - begin_ms) AS watched_ms,
           SUM(CASE WHEN covered_ms IS NULL OR covered_ms <= begin_ms THEN end_ms - begin_ms
                    WHEN covered_ms >= end_ms THEN 0
                    ELSE end_ms - covered_ms END) AS unique_ms,
           SUM((end_ms - begin_ms) / rate) AS playing_ms,
           MAX(end_ms) AS furthest_ms
    FROM video_segments
    GROUP BY student_id, session_no, video_id
), viewed AS (
    SELECT student_id, session_no, video_id,
           MIN_BY(course_id, CASE WHEN course_id IS NOT NULL THEN seq END) AS course_id,
           MIN_BY(chapter_id, CASE WHEN chapter_id IS NOT NULL THEN seq END) AS chapter_id,
           MIN(at_ms) AS start_ms, MAX(view_length_ms) AS length_ms,
           COUNT_IF(is_seek) AS seeks_count, COUNT_IF(event_type = 'video_pause') AS pauses_count,
           BOOL_OR(event_type = 'video_complete') AS has_completion
    FROM video_steps
    GROUP BY student_id, session_no, video_id
), joined AS (
    SELECT v.*, COALESCE(watched_ms, 0) AS watched_ms, COALESCE(unique_ms, 0) AS unique_ms,
           playing_ms, furthest_ms,
           CASE WHEN COALESCE(unique_ms, 0) > length_ms THEN 1e0
                ELSE COALESCE(unique_ms, 0) / CAST(length_ms AS DOUBLE) END AS watch_ratio
    FROM viewed AS v
    LEFT JOIN played AS p
      ON v.student_id = p.student_id AND v.session_no = p.session_no AND v.video_id = p.video_id
)
SELECT s.session_id, j.student_id, course_id, chapter_id, video_id,
       time_of(start_ms) AS started_at, watched_ms,
       seconds(watched_ms) AS watched_seconds, seconds(unique_ms) AS unique_watched_seconds,
       seconds(length_ms) AS video_duration_seconds, watch_ratio,
       seconds(watched_ms - unique_ms) AS rewatched_seconds,
       watched_ms / playing_ms AS average_playback_rate,
       seeks_count, pauses_count,
       has_completion OR COALESCE(watch_ratio >= 0.9e0, FALSE) AS is_completed,
       seconds(furthest_ms) AS furthest_position_seconds,
       date_of(start_ms) AS view_date
FROM joined AS j
JOIN sessions AS s ON j.student_id = s.student_id AND j.session_no = s.session_no

-- table: question_attempts
WITH quizzes AS (
    SELECT student_id, session_no, event_id, event_type, quiz_id, question_id, at_ms,
           correct, score, selected_option, time_spent,
           LAG(at_ms) OVER (PARTITION BY student_id, session_no ORDER BY seq) AS before_ms
    FROM events
    WHERE event_type LIKE 'quiz!_%' ESCAPE '!'
)
SELECT event_id, q.student_id, s.session_id, quiz_id, question_id, time_of(at_ms) AS attempted_at,
       COALESCE(correct, score >= 0.5e0) AS is_correct, score, selected_option,
       CASE WHEN time_spent IS NOT NULL THEN whole_ms(time_spent)
            WHEN at_ms - before_ms > 600000 THEN 600000
            ELSE at_ms - before_ms END AS time_ms,
       seconds(CASE WHEN time_spent IS NOT NULL THEN whole_ms(time_spent)
                    WHEN at_ms - before_ms > 600000 THEN 600000
                    ELSE at_ms - before_ms END) AS time_spent_seconds,
       date_of(at_ms) AS attempt_date
FROM quizzes AS q
JOIN sessions AS s ON q.student_id = s.student_id AND q.session_no = s.session_no
WHERE event_type = 'quiz_answer'

-- table: session_daily_stats
SELECT session_date AS date, student_id,
       COUNT(*) AS total_sessions,
       seconds(SUM(duration_ms)) AS total_time_spent_seconds,
       SUM(duration_ms) / COUNT(*) / 1e3 AS average_session_duration_seconds,
       seconds(MAX(duration_ms)) AS longest_session_seconds,
       seconds(MIN(duration_ms)) AS shortest_session_seconds
FROM sessions
GROUP BY session_date, student_id

-- table: student_daily_activity
WITH by_event AS (
    SELECT event_date, student_id,
           COUNT_IF(event_type IN ('page_view', 'chapter_view')) AS pages_viewed,
           COUNT(DISTINCT CASE WHEN event_type LIKE 'quiz!_%' ESCAPE '!' THEN quiz_id END)
               AS quizzes_attempted,
           COUNT_IF(event_type = 'assignment_submit') AS assignments_submitted,
           SUM(CASE WHEN event_type LIKE 'video!_%' ESCAPE '!' THEN 10
                    WHEN event_type LIKE 'quiz!_%' ESCAPE '!' THEN 8
                    WHEN event_type LIKE 'assignment!_%' ESCAPE '!' THEN 8
                    WHEN event_type IN ('page_view', 'chapter_view') THEN 5
                    ELSE 3 END) AS weight_tenths
    FROM events
    GROUP BY event_date, student_id
), by_session AS (
    SELECT session_date, student_id, COUNT(*) AS total_sessions,
           SUM(duration_ms) AS duration_ms, SUM(active_ms) AS active_ms
    FROM sessions
    GROUP BY session_date, student_id
), by_view AS (
    SELECT view_date, student_id, SUM(watched_ms) AS watched_ms
    FROM video_views
    GROUP BY view_date, student_id
), by_visit AS (
    SELECT visit_date, student_id,
           COUNT(DISTINCT COALESCE(course_id, '') || '/' || chapter_id) AS chapters
    FROM chapter_visits
    GROUP BY visit_date, student_id
), joined AS (
    SELECT e.*, COALESCE(total_sessions, 0) AS total_sessions,
           COALESCE(duration_ms, 0) AS duration_ms, COALESCE(active_ms, 0) AS active_ms,
           COALESCE(watched_ms, 0) AS watched_ms, COALESCE(chapters, 0) AS chapters
    FROM by_event AS e
    LEFT JOIN by_session AS s ON e.student_id = s.student_id AND event_date = session_date
    LEFT JOIN by_view AS v ON e.student_id = v.student_id AND event_date = view_date
    LEFT JOIN by_visit AS c ON e.student_id = c.student_id AND event_date = visit_date
)
SELECT event_date AS date, student_id, total_sessions,
       seconds(duration_ms) AS total_time_spent_seconds, seconds(active_ms) AS active_seconds,
       pages_viewed, quizzes_attempted, seconds(watched_ms) AS videos_watched_seconds,
       assignments_submitted,
       1e2 * (4e-1 * LEAST(1e0, active_ms / 3.6e6) + 4e-1 * LEAST(1e0, weight_tenths / 6e2)
              + 2e-1 * LEAST(1e0, chapters / 3e0)) AS engagement_score
FROM joined

-- table: chapter_engagement
SELECT visit_date AS date, course_id, chapter_id,
       seconds(SUM(time_ms)) AS total_time_spent_seconds,
       SUM(time_ms) / COUNT(*) / 1e3 AS average_time_per_visit_seconds,
       PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST(time_ms AS DOUBLE)) / 1e3
           AS median_time_per_visit_seconds,
       PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY CAST(time_ms AS DOUBLE)) / 1e3
           AS p25_time_per_visit_seconds,
       PERCENTILE_CONT(0.75) WITHIN GROUP (ORDER BY CAST(time_ms AS DOUBLE)) / 1e3
           AS p75_time_per_visit_seconds,
       PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY CAST(time_ms AS DOUBLE)) / 1e3
           AS p90_time_per_visit_seconds,
       COUNT(DISTINCT student_id) AS unique_students,
       COUNT(*) AS visits_count,
       AVG(scroll_depth) AS average_scroll_depth,
       AVG(CASE WHEN is_drop_off THEN 1e0 WHEN NOT is_drop_off THEN 0e0 END) AS drop_off_rate,
       AVG(CASE WHEN is_completed THEN 1e0 WHEN NOT is_completed THEN 0e0 END) AS completion_rate
FROM chapter_visits
GROUP BY visit_date, course_id, chapter_id

-- table: chapter_hourly_activity
WITH hours AS (
    SELECT student_id, course_id, chapter_id, start_ms, end_ms,
           EXPLODE(SEQUENCE(
               CAST(FLOOR(start_ms / 3.6e6) AS BIGINT),
               CAST(FLOOR(CASE WHEN end_ms > start_ms THEN end_ms - 1 ELSE start_ms END / 3.6e6)
                    AS BIGINT))) AS hour_no
    FROM chapter_visits
), cut AS (
    SELECT *, start_ms >= hour_no * 3600000 AS is_start,
           CASE WHEN end_ms < (hour_no + 1) * 3600000 THEN end_ms ELSE (hour_no + 1) * 3600000 END
           - CASE WHEN start_ms > hour_no * 3600000 THEN start_ms ELSE hour_no * 3600000 END
               AS part_ms
    FROM hours
)
SELECT date_of(hour_no * 3600000) AS date, hour_of(hour_no * 3600000) AS hour,
       course_id, chapter_id, CAST(NULL AS VARCHAR(20)) AS class_id,
       seconds(SUM(part_ms)) AS time_spent_seconds,
       COUNT_IF(is_start) AS visits_count,
       COUNT(DISTINCT student_id) AS active_students
FROM cut
GROUP BY hour_no, course_id, chapter_id

-- table: question_attempts_summary
SELECT attempt_date AS date, quiz_id, question_id,
       COUNT(*) AS attempts_count,
       COUNT_IF(is_correct) AS correct_count,
       AVG(time_ms) / 1e3 AS average_time_spent_seconds,
       (COUNT_IF(NOT is_correct) + 1) / (COUNT(is_correct) + 2e0) AS difficulty_estimate
FROM question_attempts
GROUP BY attempt_date, quiz_id, question_id

-- table: platform_daily
WITH by_event AS (
    SELECT event_date, COUNT(DISTINCT student_id) AS active_students, COUNT(*) AS events_count,
           COUNT_IF(event_type = 'course_enroll') AS enrolments_count,
           COUNT_IF(event_type = 'course_complete') AS completions_count
    FROM events
    GROUP BY event_date
), by_session AS (
    SELECT session_date, COUNT(*) AS sessions_count, SUM(duration_ms) AS duration_ms
    FROM sessions
    GROUP BY session_date
)
SELECT event_date AS date, active_students, events_count,
       COALESCE(sessions_count, 0) AS sessions_count,
       seconds(COALESCE(duration_ms, 0)) AS total_time_spent_seconds,
       enrolments_count, completions_count
FROM by_event
LEFT JOIN by_session ON event_date = session_date

-- table: device_daily
SELECT session_date AS date, device_type,
       COUNT(*) AS sessions_count,
       COUNT(DISTINCT student_id) AS active_students,
       seconds(SUM(duration_ms)) AS total_time_spent_seconds
FROM sessions
GROUP BY session_date, device_type
