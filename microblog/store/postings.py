"""Posting lists: which microposts have a gram.

A document: `_id` "<segment>.<bucket>" and `lists`, packed: each gram whose hash falls
into the bucket, and the ids of the microposts of the segment that have it. A gram is
known by 32 bits of a hash; whoever finds a micropost by it looks for the part itself.

The embedded server needs 65 µs and 88 bytes for an entry of a multikey index, of which
a micropost would have 76; packed, all of them take it 12 µs and 650 bytes.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from zlib import crc32

from microblog.store import Database, Document, grams, pieces

PIECE = 25  # documents asked for at once
WRITTEN = 100  # documents written at once
AVERAGE = 2048  # postings in a bucket, at most

Lists = Mapping[int, Iterable[int]]  # ids in ascending order, by the hash of their gram


def hashes(found: Iterable[str]) -> set[int]:
    """The hashes of grams."""
    return {crc32(gram.encode()) for gram in found}


def of_micropost(document: Document) -> set[int]:
    """The hashes of all grams of a micropost."""
    return hashes(grams.of_micropost(document["author"], document["text"]))


def buckets(postings: int) -> int:
    """Among how many buckets so many postings are spread: a power of two, so that the
    buckets of a small segment are parts of those of a large one."""
    return 1 << max(0, -(-postings // AVERAGE) - 1).bit_length()


def document(segment: int, bucket: int, lists: Lists) -> Document:
    """A bucket, with its lists packed."""
    keys, ends, ids = array("I"), array("I"), array("Q")
    for key in sorted(lists):
        ids.extend(lists[key])
        keys.append(key)
        ends.append(len(ids))
    head = array("I", [len(keys), 0])  # Eight bytes, as everything that follows.
    packed = b"".join(part.tobytes() for part in (head, keys, ends, ids))
    return {"_id": name(segment, bucket), "lists": packed}


def name(segment: int, bucket: int) -> str:
    """The `_id` of a bucket."""
    return f"{segment}.{bucket}"


def unpacked(packed: bytes) -> "dict[int, array[int]]":
    """All lists of a bucket."""
    keys, ends, ids = _parts(packed)
    begins = [0, *ends][:-1]
    return {
        key: array("Q", ids[begin:end])
        for key, begin, end in zip(keys, begins, ends, strict=True)
    }


def of_gram(packed: bytes, key: int) -> "memoryview[int]":
    """The ids in one list of a bucket, in ascending order; none, if it has none."""
    keys, ends, ids = _parts(packed)
    place = bisect_left(keys, key)
    if place == len(keys) or keys[place] != key:
        return ids[:0]
    return ids[ends[place - 1] if place else 0 : ends[place]]


def read(database: Database, wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """The buckets of these names that there are, with their packed lists."""
    for piece in pieces(wanted, PIECE):
        for one in database.postings.find({"_id": {"$in": piece}}):
            yield one["_id"], one["lists"]


def write(database: Database, documents: Iterable[Document]) -> None:
    """Write buckets of a segment that is not read yet."""
    for piece in pieces(documents, WRITTEN):
        database.postings.insert_many(piece, ordered=False)


def remove(database: Database, segment: int, buckets: int) -> None:
    """Remove the buckets of a segment that nobody reads any more."""
    for piece in pieces((name(segment, one) for one in range(buckets)), 2 * PIECE):
        database.postings.delete_many({"_id": {"$in": piece}})


def _parts(
    packed: bytes,
) -> "tuple[memoryview[int], memoryview[int], memoryview[int]]":
    """Keys, ends of the lists, and ids."""
    words = memoryview(packed).cast("I")
    count = words[0]
    ids = memoryview(packed)[8 + 8 * count :].cast("Q")
    return words[2 : 2 + count], words[2 + count : 2 + 2 * count], ids
