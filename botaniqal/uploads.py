"""Files in forms: no form of the portal takes one, so none is read, kept or looked at."""

from typing import Any, NoReturn

from django.core.exceptions import SuspiciousMultipartForm
from django.core.files.uploadhandler import FileUploadHandler


class NoFiles(FileUploadHandler):
    """Refuses a form with a file before any of it is read."""

    def new_file(self, *args: Any, **kwargs: Any) -> NoReturn:
        """
        Refuse.

        :raises SuspiciousMultipartForm: always.
        """
        raise SuspiciousMultipartForm("a file was sent")
