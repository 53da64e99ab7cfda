"""Reads the records of a SQLite file page by page, without SQLite: what is left of a damaged one.

SQLite finds a page by the one above it, so that one bad page hides thousands of good ones. Here each page is read for
itself, see https://sqlite.org/fileformat2.html. What makes no sense is left out.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_MAGIC = b"SQLite format 3\0"
_PAGE_SIZE = 4096
"""Bytes of a page where the file does not say."""

_PENDING_BYTE = 2**30
"""SQLite locks the page at this offset, and keeps nothing in it."""

_TABLE_LEAF, _INDEX_LEAF, _INDEX_INNER = 0x0D, 0x0A, 0x02
_FREE, _OVERFLOW, _FURTHER_OVERFLOW = 2, 3, 4
_WAL_HEADER, _FRAME_HEADER = 32, 24
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Bytes of an integer by its serial type."""

Value = None | int | float | str | bytes


class Record(NamedTuple):
    """One record of a page.

    Attributes:
        row: its row in a table; None: it is one of an index, which has the row as its last value.
        values: of its columns. A row that is the primary key is None here.
    """

    row: int | None
    values: tuple[Value, ...]


class Pages:
    """The pages of a file of a size that is not zero, with what its write-ahead log has of them.

    Args:
        path: the file. Nobody must write to it meanwhile.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._files = contextlib.ExitStack()
        self._main = self._files.enter_context(path.open("rb"))
        header = self._main.read(100)
        sound = header.startswith(_MAGIC)
        size = int.from_bytes(header[16:18], "big") if sound else _PAGE_SIZE
        self._size = 65_536 if size == 1 else size if size in {2**n for n in range(9, 16)} else _PAGE_SIZE
        self._usable = self._size - (header[20] if sound else 0)
        self._newer: dict[int, int] = {}  # where the log has a page
        self._log: BinaryIO | None = None
        self._map = 0, b""  # the page of the map that was looked at last
        self._count = path.stat().st_size // self._size
        with contextlib.suppress(FileNotFoundError):
            self._log = self._files.enter_context(Path(f"{path}-wal").open("rb"))  # noqa: SIM115  it is closed
            self._read_log(self._log)

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    def records(self, tables: Collection[int], indexes: Collection[int]) -> Iterator[Record]:
        """Every record that can be read, in no order.

        Args:
            tables: of tables with so many columns.
            indexes: of indexes with so many columns, the row counted.
        """
        for number in range(1, self._count + 1):
            if number > 1 and self._use_of(number) in (_FREE, _OVERFLOW, _FURTHER_OVERFLOW):
                continue
            page = self._page(number)
            start = 100 if number == 1 else 0
            kind = page[start] if len(page) == self._size else None
            if kind in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INNER):
                columns = tables if kind == _TABLE_LEAF else indexes
                head = start + (12 if kind == _INDEX_INNER else 8)
                cells = min(int.from_bytes(page[start + 3 : start + 5], "big"), (self._usable - head) // 2)
                for offset in struct.unpack_from(f">{cells}H", page, head):
                    with contextlib.suppress(ValueError, IndexError):
                        if record := self._record(page, offset, kind, columns):
                            yield record

    def _read_log(self, log: BinaryIO) -> None:
        """Note which pages the write-ahead log has, up to the last transaction that is whole."""
        salts = log.read(_WAL_HEADER)[16:24]
        begun: dict[int, int] = {}
        offset = _WAL_HEADER
        while len(frame := log.read(_FRAME_HEADER)) == _FRAME_HEADER and frame[8:16] == salts:
            number, committed = struct.unpack_from(">II", frame)
            begun[number] = offset + _FRAME_HEADER
            if committed:
                self._newer.update(begun)
                self._count = committed
                begun.clear()
            offset += _FRAME_HEADER + self._size
            log.seek(offset)

    def _page(self, number: int) -> bytes:
        """A page; b"" where the disk does not give it."""
        offset = self._newer.get(number)
        file = self._main if offset is None or self._log is None else self._log
        try:
            file.seek((number - 1) * self._size if offset is None else offset)
            return file.read(self._size)
        except OSError:
            return b""

    def _use_of(self, number: int) -> int:
        """What a page is used for, as the map of pages says."""
        group = (number - 2) // (self._usable // 5 + 1)
        where = group * (self._usable // 5 + 1) + 2
        where += where == _PENDING_BYTE // self._size + 1
        offset = 5 * (number - where - 1)
        if self._map[0] != where:
            self._map = where, self._page(where)
        use = self._map[1][offset : offset + 1] if offset >= 0 else b""
        return use[0] if use else 0

    def _record(self, page: bytes, offset: int, kind: int, columns: Collection[int]) -> Record | None:
        """The record of a cell, or None: it has another number of columns.

        Raises:
            ValueError, IndexError: it makes no sense.
        """
        size, offset = _varint(page, offset + (4 if kind == _INDEX_INNER else 0))
        row = None
        if kind == _TABLE_LEAF:
            row, offset = _varint(page, offset)
            row -= 2**64 if row >= 2**63 else 0
        local, most = size, self._usable - 35 if kind == _TABLE_LEAF else (self._usable - 12) * 64 // 255 - 23
        if size > most:
            least = (self._usable - 12) * 32 // 255 - 23
            local = least + (size - least) % (self._usable - 4)
            local = local if local <= most else least
        payload = page[offset : offset + local]
        # Most of a file is the index of words: what is not wanted is left alone before it is read on.
        if len(payload) < local or len(types := _serial_types(payload)) not in columns:
            return None
        if size > local:
            payload += self._overflow(int.from_bytes(page[offset + local : offset + local + 4], "big"), size - local)
        return Record(row, _values(payload, types))

    def _overflow(self, number: int, size: int) -> bytes:
        """What of a record did not fit into its page; raises `ValueError` where it ends too early."""
        parts: list[bytes] = []
        while size > 0:
            page = self._page(number) if 0 < number <= self._count else b""
            if len(page) < self._size:
                raise ValueError(number)
            parts.append(page[4 : min(self._usable, 4 + size)])
            size -= len(parts[-1])
            number = int.from_bytes(page[:4], "big")
        return b"".join(parts)


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    """An integer of variable length, and where it ends; raises `IndexError` beyond the data."""
    if data[offset] < 0x80:  # as nearly all are
        return data[offset], offset + 1
    value = 0
    for index in range(offset, offset + 8):
        value = value << 7 | data[index] & 0x7F
        if data[index] < 0x80:
            return value, index + 1
    return value << 8 | data[offset + 8], offset + 9


def _serial_types(payload: bytes) -> list[int]:
    """What the columns of a record are, as its header says; raises `ValueError` or `IndexError` where there is none."""
    end, offset = _varint(payload, 0)
    if end > len(payload):
        raise ValueError(end)
    types: list[int] = []
    while offset < end:
        serial_type, offset = _varint(payload, offset)
        types.append(serial_type)
    return types


def _values(payload: bytes, types: list[int]) -> tuple[Value, ...]:
    """The columns of a whole record; raises `ValueError` where it is shorter than they are."""
    offset = _varint(payload, 0)[0]
    values: list[Value] = []
    for serial_type in types:
        length = _INTEGERS.get(serial_type, 8 if serial_type == 7 else max(0, serial_type - 12) // 2)
        data = payload[offset : offset + length]
        if len(data) < length or serial_type in (10, 11):
            raise ValueError(serial_type)
        offset += length
        if serial_type >= 12:
            values.append(data.decode("utf-8", "replace") if serial_type % 2 else data)
        elif serial_type == 7:
            values.append(struct.unpack(">d", data)[0])
        else:
            values.append(int.from_bytes(data, "big", signed=True) if length else {8: 0, 9: 1}.get(serial_type))
    return tuple(values)
