"""Where granian finds the sandbox: one process, many threads, since the state is shared in the process."""

import os

from django.core.wsgi import get_wsgi_application

# Set, not defaulted: the portal's own settings module may well be named in the environment.
os.environ["DJANGO_SETTINGS_MODULE"] = "botaniqal.sandbox.settings"

application = get_wsgi_application()
