"""Which records do the files hold that appear in a folder?"""

import os
from dataclasses import dataclass, field
from typing import Any

from pipelines.inputs.opening import InputError
from pipelines.inputs.streams.inbox_reader import InboxMark, InboxReader
from pipelines.inputs.streams.sources import StreamSource
from pipelines.inputs.streams.watermarks import WatermarkOptions


@dataclass(frozen=True)
class InboxStream(StreamSource):
    """JSON Lines files (`.jsonl`, `.jsonl.gz`) that are renamed into a folder or those below it.

    A file is complete when it appears, and no name is used twice. Lines are records, received when
    the file was last changed, or lines of a raw zone, which are passed on as they are. `topic`:
    of files that are not below `<topic>/date=…/`. Finished files move to `done/` in the folder,
    two checkpoint intervals later; until then a start without a checkpoint reads them again.
    """

    mark = InboxMark

    folder: str
    topic: str = "inbox"
    watermark: WatermarkOptions = field(default_factory=WatermarkOptions)
    checkpoint_interval_seconds: float = 5.0

    @property
    def name(self) -> str:
        """The folder."""
        return f"inbox {self.folder}"

    def check(self) -> None:
        """Raise InputError when files cannot be read and moved in the folder."""
        if not os.path.isdir(self.folder):
            raise InputError(f"There is no folder {self.folder!r}: create it or check --inbox")
        if not os.access(self.folder, os.R_OK | os.W_OK | os.X_OK):
            raise InputError(f"No right to read and write in {self.folder!r}: check --inbox")

    def create_reader(self, options: Any, checkpoint_mark: Any) -> InboxReader:
        """A reader that begins after the mark."""
        return InboxReader(self, checkpoint_mark)
