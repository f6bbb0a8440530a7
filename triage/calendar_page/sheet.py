"""The calendar's rows and the services' colours as a stylesheet: the portal's pages allow no style inside them."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from services.models import Service

from .grid import DAY_MINUTES, ROWS_AN_HOUR, STEP

MOST_ROWS = DAY_MINUTES // STEP + ROWS_AN_HOUR


@require_safe
@cache_control(private=True, no_cache=True)
@conditional_page
def view(request: HttpRequest) -> HttpResponse:
    """Write the stylesheet; a browser that has it is told so."""
    rules = [f".r{row} {{ grid-row-start: {row + 1} }}" for row in range(MOST_ROWS)]
    rules += [f".s{span} {{ grid-row-end: span {span} }}" for span in range(1, MOST_ROWS + 1)]
    rules += [f".service-{pk} {{ --service: {colour} }}" for pk, colour in Service.objects.values_list("pk", "colour")]
    return HttpResponse("\n".join(rules), content_type="text/css")
