"""Lists that may be very long."""

from django.core.paginator import Paginator
from django.utils.functional import cached_property


class BoundedPaginator(Paginator):
    """Pages of a list that may be a million rows long: it counts no further than anybody turns pages."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        """How many rows there are to turn through."""
        return min(self._counted, self.MOST)

    @property
    def shown_count(self) -> str:
        """The number in words, as in 1,234."""
        return f"{self.count:,}"

    @property
    def is_cut(self) -> bool:
        """Tell whether there are more rows than that."""
        return self._counted > self.MOST

    @cached_property
    def _counted(self) -> int:
        return self.object_list.order_by()[: self.MOST + 1].count()
