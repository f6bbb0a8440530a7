"""The API's description as a file, and as a page to try it."""

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class SchemaFile(SpectacularAPIView):
    """The API in OpenAPI."""

    authentication_classes = []


@method_decorator(csp_update({"style-src": ["'unsafe-inline'"]}), name="dispatch")  # Swagger UI styles itself
class SchemaPage(SpectacularSwaggerSplitView):
    """The page to read the API and try it."""

    authentication_classes = []
