"""The API's description as a file, and as a page to try it."""

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class SchemaFile(SpectacularAPIView):
    """The API in OpenAPI."""

    authentication_classes = []


class SchemaPage(SpectacularSwaggerSplitView):
    """The page to read the API and try it; its script is a file of its own, as the content security policy asks."""

    authentication_classes = []
    template_name = "api/schema_page.html"
