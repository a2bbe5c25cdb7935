"""What is every number of the batch half, worked out slowly and independently?

One event at a time, plain dicts and loops: a transcription of the metric definitions that shares no
code with the product. The order to read in: options, clock, json_text, records, fields, sessions,
visits, videos, answers, gold, chapters, anomalies, run.
"""

from benchmarks.reference.records import Record
from benchmarks.reference.run import compute

__all__ = ["Record", "compute"]
