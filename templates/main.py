"""Which program do the parameters of a template mean? The launcher of Dataflow runs this file.

One image serves both templates: only the batch has --input, and cannot be without it.
"""

import sys
from collections.abc import Sequence

from pipelines import batch, streaming
from pipelines.observability.logs import leave


def main(arguments: Sequence[str]) -> int:
    """Run the batch or the stream with parameters as --name=value; the exit code."""
    is_batch = any(argument.startswith("--input=") for argument in arguments)
    return batch.main(arguments) if is_batch else streaming.main(arguments)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
