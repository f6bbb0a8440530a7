"""The door for the web server."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "botaniqal.settings")
application = get_wsgi_application()

# What is loaded now stays for as long as the process: looking through it for garbage would stop answers for a moment.
gc.collect()
gc.freeze()
