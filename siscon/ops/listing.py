"""Lists that grow with the data: their ids first, their rows by page. What a paged table is fed from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from siscon.domain.filters import Order

RowT_co = TypeVar("RowT_co", covariant=True)


class Listing(Protocol[RowT_co]):
    """A list whose rows have ids: ``ids`` in the order of the list, ``rows`` for any of them, ``count`` of all."""

    def ids(self) -> AsyncIterator[Sequence[int]]: ...

    async def rows(self, ids: Sequence[int]) -> Mapping[int, RowT_co]: ...

    async def count(self) -> int: ...


class Journal(Listing[RowT_co], Protocol[RowT_co]):
    """A listing that only grows at its end: ``ids`` also after one, ``newest`` those at the end, oldest first."""

    def ids(self, after: int = 0) -> AsyncIterator[Sequence[int]]: ...

    async def newest(self, limit: int) -> Sequence[int]: ...


@runtime_checkable
class Narrowed(Listing[RowT_co], Protocol[RowT_co]):
    """A listing that can be filtered and ordered; ``whole`` is the same without a filter.

    ``orders`` are the columns by which it can be ordered however long it is; a short one by any.
    """

    @property
    def orders(self) -> frozenset[str]: ...

    @property
    def order(self) -> Order: ...

    @property
    def whole(self) -> Listing[RowT_co]: ...

    def ordered(self, order: Order) -> Narrowed[RowT_co]: ...


@runtime_checkable
class Placed(Narrowed[RowT_co], Protocol[RowT_co]):
    """A listing that can be read from any place on: ``ids_from`` begins there, ``ids_before`` is what lies before."""

    def ids_from(self, place: Any) -> AsyncIterator[Sequence[int]]: ...

    def ids_before(self, place: Any) -> AsyncIterator[Sequence[int]]: ...
