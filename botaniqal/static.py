"""Static files as a deployment serves them: named by their content, compressed once."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedModules(CompressedManifestStaticFilesStorage):
    """Follows the imports of JavaScript modules too, so that a page never runs parts of two releases."""

    support_js_module_import_aggregation = True
