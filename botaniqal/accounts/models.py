"""People who log in."""

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models.functions import Lower


class EmailUserManager(UserManager):
    """Make users by e-mail; there is no user name."""

    def _create_user_object(self, username: str, email: str | None, password: str | None, **fields):
        user = self.model(email=self.normalize_email(username or email), **fields)
        user.set_password(password)
        return user

    def create_user(self, email: str, password: str | None = None, **fields):
        """Make a person who can log in."""
        return super().create_user(email, email, password, **fields)

    def create_superuser(self, email: str, password: str | None = None, **fields):
        """Make an administrator."""
        return super().create_superuser(email, email, password, **fields)

    def get_by_natural_key(self, email: str):
        """Find a person by e-mail, whatever the case."""
        return self.get(email__iexact=email)


class User(AbstractUser):
    """A person who may log in; the e-mail is the name."""

    username = None
    email = models.EmailField("e-mail", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = EmailUserManager()

    class Meta:
        ordering = ["email"]
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [models.UniqueConstraint(Lower("email"), name="one_person_per_email")]

    def __str__(self) -> str:
        return self.get_full_name() or self.email
