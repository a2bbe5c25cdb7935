"""Which files of a table can hold the rows that a query asks for? Told by their partition alone."""

from collections.abc import Mapping
from typing import Any

import pyarrow.dataset as ds


def by_partition(dataset: ds.FileSystemDataset) -> ds.Dataset:
    """The dataset, whose files are told apart by their partition and else by what is in them.

    deltalake takes a bound that the log does not give for null. A condition on such a column would
    find no row, as nothing is greater or less than null.
    """
    fragments = [
        dataset.format.make_fragment(
            file.path, file.filesystem, _all_equal(ds.get_partition_keys(file.partition_expression))
        )
        for file in dataset.get_fragments()
    ]
    return ds.FileSystemDataset(fragments, dataset.schema, dataset.format, dataset.filesystem)


def _all_equal(keys: Mapping[str, Any]) -> ds.Expression:
    expression = ds.scalar(True)
    for name, value in keys.items():
        expression &= ds.field(name) == value
    return expression
