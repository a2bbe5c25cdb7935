"""How does a stream become a PCollection of envelope lines and watermarks?"""

from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.io.unbounded_source import _PROVIDER, _ReadFromUnboundedSourceDoFn
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator

from pipelines.inputs.streams.sources import Element, StreamSource

MAX_READ_SECONDS, MAX_RECORDS = 1.0, 10_000
"""Of a bundle: longer ones hold checkpoints back, shorter ones cost throughput."""


class ReadStream(beam.PTransform):
    """Read a stream without end.

    Input: PBegin. Output: `(envelope line without line end, watermark in epoch ms)`.
    Time: of the event, or of its receipt if it tells none, but never before the watermark.
    State: the source's mark, in the runner's checkpoint. Errors: as the source says.
    """

    def __init__(self, source: StreamSource) -> None:
        super().__init__()
        self.source = source

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """Wire the reader."""
        read = _ReadAndAcknowledge if self.source.must_acknowledge else _Read
        reading = beam.ParDo(read(0.0, MAX_RECORDS, MAX_READ_SECONDS))
        return (
            begin
            | "NameSource" >> beam.Create([self.source], reshuffle=False)
            | "ReadRecords" >> reading.with_output_types(Element)
        )


class _ReadAndAcknowledge(_ReadFromUnboundedSourceDoFn):
    """Beam's reading, which tells the source of every durable mark."""


_TRACKER = beam.DoFn.RestrictionParam(_PROVIDER)
_ESTIMATOR = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())


class _Read(_ReadFromUnboundedSourceDoFn):
    """Reading with one reader for the whole run.

    Beam keeps a DoFn whose bundle wants to be told of its checkpoint, until then, and makes a new
    one with a new reader for the next bundle. So nobody is told here.
    """

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        element: Any,
        tracker: Any = _TRACKER,
        watermark_estimator: Any = _ESTIMATOR,
    ) -> Iterator[Any]:
        yield from super().process(element, _NOBODY, tracker, watermark_estimator)


class _Nobody:
    def register(self, callback: Callable[[], None]) -> None:
        """Keep nothing."""


_NOBODY = _Nobody()
