"""Where do the records of a streaming run come from? Sources without end behind one interface."""

from pipelines.inputs.streams.read import ReadStream
from pipelines.inputs.streams.sources import Element, StreamSource
from pipelines.inputs.streams.watermarks import WatermarkOptions

__all__ = ["Element", "ReadStream", "StreamSource", "WatermarkOptions"]
