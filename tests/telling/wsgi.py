"""What a web server starts to have a page that breaks."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.ROOT_URLCONF = "tests.telling.broken"
application = get_wsgi_application()
