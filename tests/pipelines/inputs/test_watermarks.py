"""Does the watermark follow events, partition by partition, and never go back or too far?"""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.inputs.streams.watermarks import NO_WATERMARK_MS, Watermark, WatermarkOptions

NOW = 1_700_000_000_000
OPTIONS = WatermarkOptions(60, 300, 5)


def watermark(*partitions: str, options: WatermarkOptions = OPTIONS) -> Watermark:
    made = Watermark(options)
    for name in partitions:
        made.add(name, NOW)
    return made


def test_nothing_is_known_before_every_partition_told_something() -> None:
    mark = watermark("a", "b")
    mark.observe("a", NOW, NOW, NOW)
    assert mark.value_ms == NO_WATERMARK_MS
    mark.observe("b", NOW - 5000, NOW, NOW)
    assert mark.value_ms == NOW - 5000 - 60_000


def test_events_out_of_order_do_not_move_it_back() -> None:
    mark = watermark("a")
    for event_ms in (NOW, NOW - 50_000, NOW - 3_600_000):
        mark.observe("a", event_ms, NOW, NOW)
        assert mark.value_ms == NOW - 60_000


def test_a_producer_whose_clock_is_ahead_does_not_move_it() -> None:
    mark = watermark("a")
    mark.observe("a", NOW, NOW, NOW)
    mark.observe("a", NOW + 300_001, NOW, NOW)
    assert mark.value_ms == NOW - 60_000
    mark.observe("a", NOW + 300_000, NOW, NOW)
    assert mark.value_ms == NOW + 240_000


def test_a_record_without_time_moves_nothing() -> None:
    mark = watermark("a")
    mark.observe("a", None, NOW, NOW)
    assert mark.value_ms == NO_WATERMARK_MS


def test_an_idle_partition_follows_the_clock_only_when_it_is_known_to_be_empty() -> None:
    mark = watermark("a", "b")
    mark.observe("a", NOW, NOW, NOW)
    assert mark.quiet(NOW + 4999) == []
    assert mark.quiet(NOW + 5000) == ["a", "b"]
    assert mark.value_ms == NO_WATERMARK_MS  # silence alone says nothing: it may be an outage
    mark.found_empty("b", NOW + 4999)
    assert mark.value_ms == NO_WATERMARK_MS
    mark.found_empty("b", NOW + 5000)
    assert mark.value_ms == NOW - 60_000
    mark.found_empty("a", NOW + 9000)
    assert mark.value_ms == NOW + 5000 - 60_000


def test_a_partition_that_gave_something_lately_is_not_idle() -> None:
    mark = watermark("a")
    mark.observe("a", NOW - 7_200_000, NOW, NOW + 8000)
    mark.found_empty("a", NOW + 9000)
    assert mark.value_ms == NOW - 7_200_000 - 60_000


def test_without_idle_time_partitions_wait_for_ever() -> None:
    mark = watermark("a", options=WatermarkOptions(idle_partition_seconds=None))
    mark.found_empty("a", NOW + 10**9)
    assert (mark.value_ms, mark.quiet(NOW + 10**9)) == (NO_WATERMARK_MS, [])


def test_a_new_partition_holds_it_but_does_not_move_it_back() -> None:
    mark = watermark("a")
    mark.observe("a", NOW, NOW, NOW)
    mark.add("b", NOW)
    mark.observe("a", NOW + 10_000, NOW + 10_000, NOW + 10_000)
    assert mark.value_ms == NOW - 60_000
    mark.observe("b", NOW - 500_000, NOW, NOW + 10_000)
    assert mark.value_ms == NOW - 60_000
    mark.found_empty("b", NOW + 15_000)
    assert mark.value_ms == NOW + 10_000 - 60_000


def test_partitions_that_are_gone_hold_nothing() -> None:
    mark = watermark("a", "b")
    mark.observe("a", NOW, NOW, NOW)
    mark.keep_only(["a"])
    assert mark.value_ms == NOW - 60_000


STEPS = st.tuples(
    st.sampled_from("abc"), st.sampled_from(["observe", "empty", "add"]),
    st.integers(-10_000_000, 10_000_000), st.integers(0, 20_000),
)  # fmt: skip


@given(st.lists(STEPS, max_size=40), st.integers(0, 40))
def test_it_never_goes_back_nor_past_a_partition_and_survives_a_checkpoint(
    steps: list[tuple[str, str, int, int]], at: int
) -> None:
    mark, now_ms, highest = watermark("a"), NOW, NO_WATERMARK_MS
    for place, (name, what, offset_ms, pause_ms) in enumerate(steps):
        now_ms += pause_ms
        mark.add(name, now_ms)
        if what == "observe":
            mark.observe(name, now_ms + offset_ms, now_ms, now_ms)
        elif what == "empty":
            mark.found_empty(name, now_ms)
        if place == at:
            restored = Watermark(OPTIONS)
            restored.restore(mark.value_ms, dict(mark.partitions), now_ms)
            assert (restored.value_ms, restored.partitions) == (mark.value_ms, mark.partitions)
            mark = restored
        assert highest <= mark.value_ms <= now_ms + 240_000
        # It stands at its slowest partition, or where a later one found it.
        assert mark.value_ms == max(highest, min(mark.partitions.values()))
        highest = mark.value_ms


def test_what_is_left_of_a_partition_that_is_gone_moves_and_holds_nothing() -> None:
    mark = watermark("a", "gone")
    mark.observe("a", NOW, NOW, NOW)
    mark.keep_only(["a"])
    assert mark.value_ms == NOW - 60_000
    mark.observe("gone", NOW + 1000, NOW + 1000, NOW)
    mark.observe("a", NOW + 500, NOW + 500, NOW)
    assert mark.value_ms == NOW + 500 - 60_000
    assert mark.quiet(NOW + 60_000) == ["a"]
