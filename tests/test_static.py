"""Static files as a deployment serves them."""

import re

from django.core.management import call_command


class TestHashedModules:
    def test_names_by_content_what_modules_import(self, settings, tmp_path):
        settings.STATIC_ROOT = tmp_path
        settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "botaniqal.static.HashedModules"}}

        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["drf_spectacular_sidecar"])

        [desk] = tmp_path.glob("desk.*.js")
        imported = re.findall(r'from "\./(.+)"', desk.read_text())
        assert imported
        assert all((tmp_path / name).exists() and re.search(r"\.[0-9a-f]{12}\.js$", name) for name in imported)
