"""The person booked, who they were shown to be, and what they agreed to."""

import uuid
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from botaniqal import names
from botaniqal.cards import validate_none
from practitioners.models import check_time_zone


def ids_known_to(user) -> models.QuerySet:
    """
    Find the keys of the patients whom somebody has had on the phone or sees, to narrow other rows by.

    Each half has an index of its own; one condition over both would join every visit of every patient.
    """
    calls, visits = (Patient._meta.get_field(name).related_model.objects for name in ("triage_sessions", "bookings"))
    called = calls.filter(consultant__user=user).order_by().values("patient")
    return called.union(visits.filter(practitioner__user=user).order_by().values("patient"))


class PatientQuerySet(models.QuerySet):
    def standing(self) -> "PatientQuerySet":
        """Records that were not merged into another."""
        return self.filter(merged_into=None)

    def known_to(self, user) -> "PatientQuerySet":
        """Patients whom somebody has had on the phone or sees."""
        return self.filter(pk__in=ids_known_to(user))


class Patient(models.Model):
    """The person booked; families share e-mail and phone, so neither is unique."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)
    email = models.EmailField("e-mail", blank=True)
    phone = models.CharField(max_length=20, blank=True, help_text="As +61412345678.")
    date_of_birth = models.DateField(null=True, blank=True)
    time_zone = models.CharField(max_length=50, default="Australia/Melbourne", validators=[check_time_zone])
    address = models.CharField(max_length=300, blank=True)
    identified_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When three identifiers were last asked for and agreed."
    )
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="merged"
    )
    link_serial = models.PositiveIntegerField(
        default=0, editable=False, help_text="Counts how often the patient's links were made void."
    )
    medirecords_id = models.UUIDField("MediRecords patient", null=True, blank=True, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PatientQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        indexes = [
            models.Index(fields=["name"], name="patient_by_name"),
            models.Index(fields=["email"], name="patient_by_email"),
            models.Index(Upper("email"), name="patient_by_any_case_email"),  # as `iexact` writes it
            models.Index(fields=["phone"], name="patient_by_phone"),
            models.Index(fields=["date_of_birth"], name="patient_by_birth"),
            # Searches look for a piece of a word, as `icontains` writes it.
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="patient_name_pieces"),
            GinIndex(OpClass(Upper("email"), name="gin_trgm_ops"), name="patient_email_pieces"),
            GinIndex(OpClass(Upper("phone"), name="gin_trgm_ops"), name="patient_phone_pieces"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def first_name(self) -> str:
        """The name that a message may begin with."""
        return names.first(self.name)

    @property
    def zone(self) -> ZoneInfo:
        """The patient's time zone."""
        return ZoneInfo(self.time_zone)


class IdentityCheck(models.Model):
    """Which identifiers somebody gave on the phone that agreed with a patient's record."""

    class Identifier(models.TextChoices):
        NAME = "name", "Full name"
        BIRTH = "birth", "Date of birth"
        PHONE = "phone", "Phone"
        ADDRESS = "address", "Address"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="identity_checks")
    session_id = models.UUIDField(null=True, db_index=True, help_text="The call in which it was done.")
    identifiers = ArrayField(models.CharField(max_length=10, choices=Identifier), default=list)
    checked_at = models.DateTimeField()
    checked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-checked_at"]

    def __str__(self) -> str:
        return ", ".join(self.Identifier(each).label for each in self.identifiers)


class DetailProposal(models.Model):
    """Another value for a patient's detail, which somebody said or sent; a person decides, nothing is overwritten."""

    class Field(models.TextChoices):
        NAME = "name", "Name"
        EMAIL = "email", "E-mail"
        PHONE = "phone", "Phone"
        BIRTH = "date_of_birth", "Date of birth"
        ADDRESS = "address", "Address"
        ZONE = "time_zone", "Time zone"

    class Source(models.TextChoices):
        CALL = "call", "Said on the phone"
        CALENDLY = "calendly", "Came from Calendly"
        WEBSITE = "website", "Came from the website"
        MERGE = "merge", "From a record that was merged"

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="proposals")
    field = models.CharField(max_length=20, choices=Field)
    ours = models.CharField(max_length=300, blank=True, help_text="What stood there when it was proposed.")
    theirs = models.CharField(max_length=300, help_text="What is proposed, written as it is kept.")
    source = models.CharField(max_length=10, choices=Source)
    session_id = models.UUIDField(null=True, db_index=True)
    proposed_at = models.DateTimeField()
    proposed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    is_taken = models.BooleanField(null=True, editable=False, help_text="Whether it was taken over; empty until then.")
    decided_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-proposed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "field"], condition=Q(decided_at=None), name="one_open_proposal_per_detail"
            ),
            models.CheckConstraint(
                name="decided_proposal_says_how", condition=Q(decided_at__isnull=True) | Q(is_taken__isnull=False)
            ),
        ]
        indexes = [models.Index(fields=["proposed_at"], condition=Q(decided_at=None), name="proposal_open")]

    def __str__(self) -> str:
        return f"{self.get_field_display()}: {self.theirs}"


class PatientMerge(models.Model):
    """Two records that were one person's: what was moved to the one that stays, so that it can be undone."""

    kept = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="merges")
    given_up = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    moved = models.JSONField(default=dict, help_text="What belonged to the other: keys of rows by their kind.")
    reason = models.CharField(max_length=200, validators=[validate_none])
    merged_at = models.DateTimeField()
    merged_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True, editable=False)
    undone_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-merged_at"]
        constraints = [
            models.CheckConstraint(name="no_merge_with_itself", condition=~Q(kept=F("given_up"))),
            models.UniqueConstraint(fields=["given_up"], condition=Q(undone_at=None), name="given_up_once_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.given_up} into {self.kept}"


class ConsentWording(models.Model):
    """A version of what patients are asked to agree to; one that was used is never changed."""

    class Kind(models.TextChoices):
        TELEHEALTH = "telehealth", "Telehealth"
        PRIVACY = "privacy", "Privacy"
        SHARING = "sharing", "Sharing with the GP"
        RECORDING = "recording", "Recording of the call"

    kind = models.CharField(max_length=20, choices=Kind)
    version = models.PositiveIntegerField(editable=False)
    text = models.TextField(help_text="What is read out, or shown.")
    is_required = models.BooleanField("needed for a booking", default=False)
    is_current = models.BooleanField("in use", default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["kind", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "version"], name="one_consent_wording_per_version"),
            models.UniqueConstraint(fields=["kind"], condition=Q(is_current=True), name="one_consent_wording_in_use"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, version {self.version}"


class Consent(models.Model):
    """What a patient said to a wording; the latest of a kind holds, and none is ever changed."""

    class How(models.TextChoices):
        PHONE = "phone", "On the phone"
        WEBSITE = "website", "On the website"
        FORM = "form", "In a form"
        IN_PERSON = "in_person", "In person"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consents")
    wording = models.ForeignKey(ConsentWording, on_delete=models.PROTECT, related_name="consents")
    is_given = models.BooleanField("agreed")
    how = models.CharField(max_length=10, choices=How)
    session_id = models.UUIDField(null=True, db_index=True)
    at = models.DateTimeField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["patient", "-at"], name="consent_by_patient")]

    def __str__(self) -> str:
        return f"{self.wording}: {'agreed' if self.is_given else 'refused'}"


class PortalRequest(models.Model):
    """
    An e-mail address typed by somebody who wants to see their bookings; deleted once it was looked up.

    It is looked up by a worker: the page would else tell by its time whether the address is known.
    """

    email = models.EmailField("e-mail")
    asked_at = models.DateTimeField()

    class Meta:
        ordering = ["asked_at"]

    def __str__(self) -> str:
        return f"{self.asked_at:%d.%m. %H:%M}"
