"""What the recording disk was told, and what a power cut may have left of it."""

import os
import struct
from bisect import bisect_right
from collections import namedtuple
from pathlib import Path

# struct entry of tests/powercut/disk.c
HEAD = struct.Struct("<IIQ")
WRITE, FLUSH = 1, 2
SECTOR, BLOCK = 512, 4096

Entry = namedtuple("Entry", "kind end where length")  # end: place in the journal behind it


class Journal:
    """The entries of a journal that is not written any more."""

    def __init__(self, path):
        self.entries = []
        self.file = open(path, "rb")
        size = os.fstat(self.file.fileno()).st_size
        at = 0
        while at + HEAD.size <= size:
            kind, length, where = HEAD.unpack(os.pread(self.file.fileno(), HEAD.size, at))
            at += HEAD.size + length
            if at <= size:
                self.entries.append(Entry(kind, at, where, length))
        self.ends = [entry.end for entry in self.entries]

    def close(self):
        self.file.close()

    def bytes_of(self, write):
        return os.pread(self.file.fileno(), write.length, write.end - write.length)

    def index_at(self, place):
        """How many entries there are before that place."""
        return bisect_right(self.ends, place)

    def place_of(self, index):
        """Behind the entries before index."""
        return self.ends[index - 1] if index > 0 else 0

    def random_cut(self, source, first_place, last_place):
        """A moment between these, as an index of entries. Half of them right before a flush, when
        the most is neither on the medium nor lost."""
        index = source.randint(self.index_at(first_place), self.index_at(last_place))
        if source.random() < 0.5:
            while index < len(self.entries) and self.entries[index].kind != FLUSH:
                index += 1
        return index

    def durable_at(self, index):
        """How many of the entries before index a flush before index has covered."""
        for entry in reversed(self.entries[:index]):
            if entry.kind == FLUSH:
                return self.index_at(entry.where)
        return 0

    def writes(self, first, last):
        return [entry for entry in self.entries[first:last] if entry.kind == WRITE]


class Image:
    """The medium: a file to which journals are applied."""

    def __init__(self, path, journal):
        self.path, self.journal = Path(path), journal
        self.applied = 0  # entries

    def advance(self, index):
        """All writes before index are on the medium."""
        with open(self.path, "r+b") as file:
            for write in self.journal.writes(self.applied, index):
                os.pwrite(file.fileno(), self.journal.bytes_of(write), write.where)
        self.applied = max(self.applied, index)

    def keep_some(self, writes, source, name):
        """Each of these writes may be there, or a part of it, or not, in the way of that name; says
        what was done. Leaving out an earlier or a later one of two writes to a place is all that
        their order can do."""
        kept = 0
        with open(self.path, "r+b") as file:
            for number, write in enumerate(writes):
                data = self.journal.bytes_of(write)
                for start, end in (WHOLE | TORN)[name](source, number, len(writes), write.length):
                    os.pwrite(file.fileno(), data[start:end], write.where + start)
                    kept += end - start
        total = sum(write.length for write in writes)
        return f"{name}: {kept} of {total} bytes of {len(writes)} writes without a flush"


# ---- what stays of one write: ranges of its bytes. `source` is a Random; write `number` of
# `count`. Those that need one choice for all writes make it from the count. ----

def _everything(_source, _number, _count, length):
    return [(0, length)]


def _nothing(_source, _number, _count, _length):
    return []


def _some_writes(source, _number, _count, length):
    return [(0, length)] if source.random() < 0.5 else []


def _pieces(size, chance):
    def choose(source, _number, _count, length):
        return [(start, min(start + size, length)) for start in range(0, length, size)
                if source.random() < chance]
    return choose


def _only_last(_source, number, count, length):
    return [(0, length)] if number == count - 1 else []


def _all_but_first(_source, number, _count, length):
    return [(0, length)] if number > 0 else []


def _last_torn(source, number, count, length):
    sectors = length // SECTOR
    return [(0, length if number < count - 1 else source.randint(0, sectors) * SECTOR)]


WHOLE = {
    "everything": _everything,
    "nothing": _nothing,
    "some writes": _some_writes,
    "some blocks": _pieces(BLOCK, 0.5),
    "most blocks": _pieces(BLOCK, 0.9),
    "the last write alone": _only_last,
    "all but the first write": _all_but_first,
}
# Within a block. A file system with checksums over blocks may itself not come back from that.
TORN = {
    "some sectors": _pieces(SECTOR, 0.5),
    "most sectors": _pieces(SECTOR, 0.9),
    "the last write torn": _last_torn,
}
