"""How does a simulated student read a chapter, watch its video, and do its quiz and assignment?"""

from typing import Any

from benchmarks.simulate.courses import OPTION_LETTERS, Chapter, Question
from benchmarks.simulate.trace import Trace

MINUTE = 60.0
# Names no taxonomy has: they must be kept as `other`.
UNKNOWN_TYPES = ("certificate_printed", "dark_mode_toggled", "bookmark_added")


def read_in_points(trace: Trace, chapter: Chapter) -> bool:
    """Read with a page view, scrolls and clicks; whether the end was reached."""
    target, seconds = _plan(trace, chapter)
    start_ms, name = trace.now_ms, "page_view" if trace.rng.random() < 0.85 else "chapter_view"
    trace.act(name, chapter, scroll_depth=round(trace.rng.uniform(0, 12), 1))
    while trace.now_ms - start_ms < seconds * 1000:
        passed = (trace.now_ms - start_ms) / 1000 / seconds
        _small_sign_of_life(trace, chapter, target * passed)
    trace.act("scroll", chapter, scroll_depth=round(target, 1), **_time_spent(trace, start_ms))
    return _finish(trace, chapter, target)


def _small_sign_of_life(trace: Trace, chapter: Chapter, depth: float) -> None:
    """One click, scroll or the like, after some seconds of reading."""
    if trace.has("open_tabs", 0.06):
        trace.act("idle", chapter)
        trace.wait(10 * MINUTE, 29 * MINUTE)
        trace.act("active", chapter)
    trace.wait(5, 100)
    roll = trace.rng.random()
    if roll < 0.5:
        trace.act("scroll", chapter, scroll_depth=round(depth, 1))
    elif roll < 0.7:
        trace.act("click", chapter)
    elif roll < 0.85:
        trace.act("click", x=trace.rng.randrange(1920), y=trace.rng.randrange(1080))
    elif roll < 0.92:
        trace.act("content_interact", chapter, sections_reached=1, sections_total=chapter.sections)
    else:
        trace.act(trace.rng.choice(UNKNOWN_TYPES))


def read_in_intervals(trace: Trace, chapter: Chapter) -> bool:
    """Read while the client measures start and end, in one piece or several."""
    target, seconds = _plan(trace, chapter)
    if trace.has("open_tabs", 0.12):
        seconds += trace.rng.uniform(1, 9) * 60 * MINUTE
    end_ms = trace.now_ms + int(seconds * 1000)
    pieces = trace.rng.choice((1, 1, 1, 2, 3))
    for piece in range(pieces):
        _interval(trace, chapter, (end_ms - trace.now_ms) // (pieces - piece), target)
    trace.now_ms = end_ms
    return _finish(trace, chapter, target)


def _interval(trace: Trace, chapter: Chapter, length_ms: int, target: float) -> None:
    """One interval, at times with another inside it; the next one touches, overlaps or follows."""
    rng, start_ms = trace.rng, trace.now_ms
    whole = trace.act("chapter_view", chapter, scroll_depth=round(target * rng.random(), 1))
    whole.ended_ms = start_ms + max(0, length_ms)
    if rng.random() < 0.1:
        trace.now_ms = start_ms + length_ms // 4
        trace.act("chapter_view", chapter).ended_ms = start_ms + length_ms // 2
    if rng.random() < 0.3:
        trace.now_ms = start_ms + length_ms // 2
        trace.act("scroll", chapter, scroll_depth=round(target, 1))
    shift_ms = rng.choice((0, 0, 1, 5_000, -7_000, -20_000))
    trace.now_ms = max(start_ms, whole.ended_ms + shift_ms)


def _plan(trace: Trace, chapter: Chapter) -> tuple[float, float]:
    """How far down, in per cent, and for how many seconds the student is going to read."""
    rng = trace.rng
    seconds = chapter.minutes * MINUTE * trace.student.pace * rng.lognormvariate(0, 0.35)
    if trace.has("skim", 0.6):
        return rng.uniform(80, 100), seconds * rng.uniform(0.02, 0.12)
    if rng.random() < 0.1 + 0.5 * chapter.difficulty * (1 - trace.student.ability):
        return rng.uniform(3, 55), seconds * rng.uniform(0.1, 0.5)
    return min(100.0, rng.uniform(60, 115)), seconds


def _time_spent(trace: Trace, start_ms: int) -> dict[str, Any]:
    """The client's own measure, where it sends one."""
    seconds = round((trace.now_ms - start_ms) / 1000, 1)
    roll = trace.rng.random()
    if roll < 0.25:
        return {"time_spent": seconds}
    return {"duration": seconds} if roll < 0.35 else {}


def _finish(trace: Trace, chapter: Chapter, depth: float) -> bool:
    if depth < 90 or trace.rng.random() < 0.3:
        return False
    trace.wait(0.5, 8)
    if trace.rng.random() < 0.15:
        trace.act("click", chapter, completed=True)
    else:
        trace.act("lesson_complete", chapter if trace.rng.random() < 0.8 else None)
    return True


def watch_video(trace: Trace, chapter: Chapter) -> None:
    """Play with heartbeats, seeks and pauses, to the end or until the student has had enough."""
    rng, rates = trace.rng, (1.0, 1.0, 1.0, 1.25)
    rate = rng.choice((1.5, 1.5, 2.0) if trace.has("fast_video", 0.8) else rates)
    position = 0.0 if rng.random() < 0.8 else round(rng.uniform(0, chapter.video_seconds / 2), 1)
    length = chapter.video_seconds
    _video(trace, chapter, "video_play", position, video_duration=length, playback_rate=rate)
    while position < length:
        position = min(length, position + trace.wait(8, 30) * rate)
        following = _next_of_video(trace, chapter, position, rate)
        if following is None:
            return
        position = following
    _video(trace, chapter, "video_complete", length, video_duration=length)


def _next_of_video(trace: Trace, chapter: Chapter, position: float, rate: float) -> float | None:
    """What happens at that position; the position playing goes on from, None when it is over."""
    rng, roll = trace.rng, trace.rng.random()
    if position >= chapter.video_seconds:
        return position
    if roll < 0.06:
        target = round(rng.uniform(0, chapter.video_seconds), 1)
        trace.act("video_seek", chapter, _ids(chapter), to=target, **{"from": round(position, 2)})
        return target
    if roll < 0.14:
        _video(trace, chapter, "video_pause", position)
        trace.wait(3, 400 if rng.random() < 0.2 else 60)
        _video(trace, chapter, "video_play", position, playback_rate=rate)
    elif roll < 0.18:
        if rng.random() < 0.6:
            _video(trace, chapter, "video_stop", position)
        return None
    else:
        known = position if rng.random() < 0.97 else None
        quality = {"video_quality": "720p", "buffer_health": round(rng.uniform(0, 30), 2)}
        _video(trace, chapter, "video_progress", known, **quality)
    return position


def _video(
    trace: Trace, chapter: Chapter, event_type: str, position: float | None, **measures: object
) -> None:
    place = None if position is None else round(position, 2)
    trace.act(event_type, chapter, _ids(chapter), current_time=place, **measures)


def _ids(chapter: Chapter) -> dict[str, str]:
    return {"video_id": chapter.video_id or ""}


def take_quiz(trace: Trace, chapter: Chapter) -> None:
    """All questions in turn, and again where it was not passed and the student retries."""
    right = _quiz_once(trace, chapter)
    passed = right >= chapter.pass_mark * len(chapter.questions)
    if not passed and trace.has("retry", 0.9):
        trace.wait(20, 240)
        _quiz_once(trace, chapter)


def _quiz_once(trace: Trace, chapter: Chapter) -> int:
    quiz = {"quiz_id": chapter.quiz_id or ""}
    trace.act("quiz_start", chapter, quiz)
    right = sum(_answer(trace, chapter, question) for question in chapter.questions)
    trace.wait(2, 20)
    trace.act("quiz_submit", chapter, quiz, score=round(right / len(chapter.questions), 3))
    return right


def _answer(trace: Trace, chapter: Chapter, question: Question) -> bool:
    """Answer one question; each way of saying whether it was right is missing at times."""
    rng = trace.rng
    ids = {"quiz_id": chapter.quiz_id or "", "question_id": question.question_id}
    seconds = trace.wait(4, 15 + 90 * question.difficulty)
    chance = min(0.98, max(0.1, 0.7 + trace.student.ability - question.difficulty))
    is_right = rng.random() < chance
    wrong = [letter for letter in OPTION_LETTERS if letter != question.correct_option]
    said = {
        "correct": is_right,
        "selected_option": question.correct_option if is_right else rng.choice(wrong),
        "score": float(is_right),
        "time_spent": round(seconds, 1),
    }
    for name, share in (("correct", 0.2), ("selected_option", 0.1), ("score", 0.7)):
        if rng.random() < share:
            del said[name]
    if rng.random() < 0.4:
        del said["time_spent"]
    trace.act("quiz_answer", chapter, ids, **said)
    if rng.random() < 0.3:
        trace.act("quiz_navigate", chapter, ids)
    return is_right


def do_assignment(trace: Trace, chapter: Chapter) -> None:
    """Start it, and mostly hand it in."""
    ids = {"assignment_id": chapter.assignment_id or ""}
    trace.act("assignment_start", chapter, ids)
    trace.wait(2 * MINUTE, 20 * MINUTE)
    if trace.rng.random() < 0.8:
        trace.act("assignment_submit", chapter, ids)
