"""Where do believable events of a whole school come from, when no real student may be used?

`python -m benchmarks.simulate --out=DIR` writes them as files; `simulate(...)` keeps them in
memory. Everything is invented, and the same options give the same bytes.
"""

from benchmarks.simulate.options import DIALECTS, Options
from benchmarks.simulate.school import Arrival, School, simulate

__all__ = ["DIALECTS", "Arrival", "Options", "School", "simulate"]
