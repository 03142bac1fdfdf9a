"""Many small files read as one: beginning a query takes longer than running it over a hundred lines.

Put here how files are put together, and which line is whose. Keep out what lines mean (`workloads.importers.formats`)
and when files may be read so (`workloads.importers.ingest`).
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from workloads.importers.files.reading import Content, Source, lines_in

SMALL_BYTES = 1 << 18  # of a file, unpacked
TOGETHER_BYTES = 8 << 20
TOGETHER_FILES = 512


def small_content(source: Source) -> bytes | None:
    """Everything in a file, unpacked and ended by a line feed; None if that is more than `SMALL_BYTES`.

    Raises:
        ArchduelError: The file is missing or damaged.
    """
    if source.bytes_stored() > SMALL_BYTES:
        return None
    with source.explained(), source.open() as stream:
        content = stream.read(SMALL_BYTES + 1)
    if len(content) > SMALL_BYTES:
        source.bytes_read = 0  # it is read again
        return None
    return content if not content or content.endswith(b"\n") else content + b"\n"


@dataclass
class Joined(Source):
    """The lines of several files, numbered on from one to the next; it is called what the first of them is.

    Attributes:
        contents: Of each file, as `small_content` gives it.
    """

    leaves_out_blank: ClassVar[bool] = False  # lines are found by their numbers, and files are small

    contents: Sequence[bytes] = field(default=())

    def lines(self) -> Iterator[pa.Table]:
        """See `Source.lines`."""
        return lines_in(Content(io.BytesIO(b"".join(self.contents)), None), self)

    def line_counts(self) -> npt.NDArray[np.int64]:
        """How many lines each file has."""
        return np.array([content.count(b"\n") for content in self.contents], np.int64)
