"""Django with the settings of the measurements; has to be imported before any app."""

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "bench._settings"
django.setup()
