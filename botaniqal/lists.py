"""Lists that may be very long."""

from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property


class BoundedPaginator(Paginator):
    """Pages of a list that may be a million rows long: it counts no further than anybody turns pages."""

    MOST = 10_000

    def page(self, number: int | str) -> Page:
        """
        Give a page's rows, found by their keys.

        A list that is narrowed and sorted by different things is sorted whole: the keys alone are read from an index
        and sorted in little room, the rows with all that hangs on them are not.
        """
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        keys = list(self.object_list.values_list("pk", flat=True)[first : first + self.per_page])
        return self._get_page(self.object_list.filter(pk__in=keys), number, self)

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
