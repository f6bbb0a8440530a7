"""The forms that a new portal begins with; from then on operations manage them."""

import json
from pathlib import Path

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.apps.registry import Apps
from django.utils import timezone

FOLDER = Path(__file__).parent / "form_files"


def load_forms(sender: AppConfig, *, using: str, apps: Apps = installed_apps, **kwargs: object) -> None:
    """Make the first forms, in use at once, where there are none."""
    try:
        form_model, version_model = apps.get_model("services", "Form"), apps.get_model("services", "FormVersion")
    except LookupError:  # migrated back to before there were any
        return
    if form_model.objects.using(using).exists():
        return
    files = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    form_model.objects.using(using).bulk_create(
        [form_model(slug=file["slug"], name=file["name"]) for file in files], ignore_conflicts=True
    )
    forms = form_model.objects.using(using).in_bulk(field_name="slug")
    version_model.objects.using(using).bulk_create(
        [
            version_model(
                form=forms[file["slug"]],
                version=1,
                intro=file["intro"],
                schema=file["schema"],
                state="in_use",
                approved_at=timezone.now(),
            )
            for file in files
        ],
        ignore_conflicts=True,
    )
