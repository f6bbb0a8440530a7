"""MediRecords' REST interface as third parties show it: patients, appointments, appointment types."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from botaniqal.sandbox.door import body_of, query_of
from botaniqal.sandbox.medirecords import contract
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

# Minutes by code: the first four as seen at one practice, the others made up.
MINUTES = {2: 5, 4: 10, 6: 15, 7: 20, 9: 30, 12: 45, 15: 60}
CODES = {minutes: code for code, minutes in MINUTES.items()}

APPOINTMENT_TYPES = {
    str(uuid5(NAMESPACE_URL, f"https://api.medirecords.com/appointment-types/{name}")): {
        "name": name,
        "activeStatus": 1,
        "telehealth": True,
        "appointmentIntervalCode": CODES[int(name.rsplit("_", 1)[1])],
    }
    for name in (
        "CONSULT_ALT_30",
        "CONSULT_ALT_45",
        "CONSULT_GAPS_45",
        "CONSULT_GAPS_60",
        "CONSULT_WEIGHT_45",
        "CONSULT_WEIGHT_15",
    )
}
STATUSES = {
    2: "Booked",
    3: "Confirmed",
    4: "Waiting room",
    5: "With doctor",
    6: "At billing",
    7: "Completed",
    contract.CANCELLED: "Cancelled",
}


def list_appointments(request: HttpRequest, practice_id: str) -> JsonResponse:
    """List appointments by time, provider, patient, state, type and room."""
    _ask_for_practice(practice_id)
    query = query_of(request, contract.LIST_APPOINTMENTS)
    names = ("providerId", "patientId", "appointmentStatus", "appointmentTypeId", "roomId")
    rows = store.scan("appointment", **{name: query[name] for name in names if name in query})
    if "appointmentDateRangeStart" in query:
        earliest = _wall(query["appointmentDateRangeStart"])
        rows = [row for row in rows if _wall(row["scheduleTime"]) >= earliest]
    if "appointmentDateRangeEnd" in query:
        latest = _wall(query["appointmentDateRangeEnd"])
        rows = [row for row in rows if _wall(row["scheduleTime"]) <= latest]
    return _page(sorted(rows, key=lambda row: row["scheduleTime"]), query)


def show_appointment(request: HttpRequest, practice_id: str, id: str) -> JsonResponse:
    """Show one appointment."""
    _ask_for_practice(practice_id)
    return JsonResponse(_find("appointment", id))


def create_appointment(request: HttpRequest, practice_id: str) -> JsonResponse:
    """Keep a new appointment, unless it would double-book its provider."""
    _ask_for_practice(practice_id)
    body, now = body_of(request, contract.APPOINTMENT), _now()
    id = str(uuid4())
    kept = {"id": id, "practiceId": practice_id, "createdDateTime": now, "updatedDateTime": now}
    return JsonResponse(_keep(kept, body), status=201)


def replace_appointment(request: HttpRequest, practice_id: str, id: str) -> JsonResponse:
    """Put a whole new record in an appointment's place."""
    _ask_for_practice(practice_id)
    body = body_of(request, contract.APPOINTMENT)
    if body["appointmentStatus"] == contract.CANCELLED and "cancellationReason" not in body:
        raise Refused(400, "A reason is needed", [("cancellationReason", "is missing")])
    with store.transaction():
        old = _find("appointment", id)
        kept = {name: old[name] for name in ("id", "practiceId", "createdDateTime")} | {"updatedDateTime": _now()}
        return JsonResponse(_keep(kept, body))


def delete_appointment(request: HttpRequest, practice_id: str, id: str) -> JsonResponse:
    """Forget an appointment."""
    _ask_for_practice(practice_id)
    _find("appointment", id)
    store.delete("appointment", id)
    return JsonResponse({"id": id, "message": "deleted"})


def list_appointment_types(request: HttpRequest, practice_id: str) -> JsonResponse:
    """List the practice's appointment types."""
    _ask_for_practice(practice_id)
    query = query_of(request, contract.LIST_APPOINTMENT_TYPES)
    rows = [{"id": id, **fields} for id, fields in APPOINTMENT_TYPES.items()]
    if "telehealth" in query:
        rows = [row for row in rows if row["telehealth"] == (query["telehealth"] == "true")]
    if "activeStatus" in query:
        rows = [row for row in rows if row["activeStatus"] == query["activeStatus"]]
    return _page(rows, query)


def list_interval_codes(request: HttpRequest) -> JsonResponse:
    """List the codes that stand for an appointment's length."""
    rows = [{"code": code, "name": f"{minutes} min"} for code, minutes in MINUTES.items()]
    return JsonResponse(rows, safe=False)


def find_patients(request: HttpRequest) -> JsonResponse:
    """List the patients with an e-mail address: a family may share one."""
    email = query_of(request, contract.PATIENT_EXISTS)["email"].lower()
    rows = [{"id": row["id"]} for row in store.scan("patient") if row.get("email", "").lower() == email]
    return JsonResponse(rows, safe=False)


def create_patient(request: HttpRequest) -> JsonResponse:
    """Keep a new patient."""
    body = body_of(request, contract.PATIENT)
    _ask_for_practice(body["defaultPracticeId"])
    id = str(uuid4())
    return JsonResponse(store.put("patient", id, {"id": id, **body}), status=201)


def show_patient(request: HttpRequest, id: str) -> JsonResponse:
    """Show one patient."""
    return JsonResponse(_find("patient", id))


def span_of(appointment: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Say from when to when an appointment lasts, on the practice's clock."""
    start = _wall(appointment["scheduleTime"])
    return start, start + timedelta(minutes=MINUTES[appointment["appointmentIntervalCode"]])


def _keep(kept: Document, body: dict[str, Any]) -> Document:
    """
    Check an appointment against what else is known, and store it.

    :raises Refused: 400 for an unknown patient, type, length or time; 409 for a second one at the provider's time.
    """
    with store.transaction():
        faults = []
        if store.get("patient", body["patientId"]) is None:
            faults.append(("patientId", "No such patient"))
        if body["appointmentTypeId"] not in APPOINTMENT_TYPES:
            faults.append(("appointmentTypeId", "No such appointment type"))
        if body["appointmentIntervalCode"] not in MINUTES:
            faults.append(("appointmentIntervalCode", "No such length"))
        if faults:
            raise Refused(400, "The appointment does not fit", faults)
        appointment = {"cancellationReason": None, "confirmationLink": None, **kept, **body}
        if _is_double(appointment):
            raise Refused(409, "The provider has another appointment at this time")
        return store.put("appointment", kept["id"], appointment)


def _is_double(appointment: Document) -> bool:
    provider = appointment.get("providerId")
    may_be = appointment.get("allowDoubleBookingForProvider", False)
    start, end = span_of(appointment)
    if provider is None or may_be or appointment["appointmentStatus"] == contract.CANCELLED:
        return False

    def is_in_the_way(other: Mapping[str, Any]) -> bool:
        if other["id"] == appointment["id"] or other["appointmentStatus"] == contract.CANCELLED:
            return False
        others_start, others_end = span_of(other)
        return others_start < end and start < others_end

    return store.has("appointment", is_in_the_way, providerId=provider)


def _ask_for_practice(practice_id: str) -> None:
    """
    Insist on the clinic's own practice.

    :raises Refused: 400 for what is no id, 403 for another practice.
    """
    try:
        UUID(practice_id)
    except ValueError:
        raise Refused(400, "No such practice", [("practice_id", "is not a valid uuid")]) from None
    if settings.MEDIRECORDS_PRACTICE_ID and practice_id != settings.MEDIRECORDS_PRACTICE_ID:
        raise Refused(403, "Not allowed for this practice")


def _find(kind: str, id: str) -> Document:
    document = store.get(kind, id)
    if document is None:
        raise Refused(404, "Not found")
    return document


def _now() -> str:
    return timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _wall(text: str) -> datetime:
    """
    Read a wall time without offset.

    :raises Refused: 400 for a time that is in no calendar.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, "No such time", [("scheduleTime", "is no time of any day")]) from None


def _page(rows: Sequence[Mapping[str, Any]], query: dict[str, Any]) -> JsonResponse:
    number, size = query.get("page", 0), query.get("size", 20)
    shown = rows[number * size : (number + 1) * size]
    pages = -(-len(rows) // size)
    return JsonResponse(
        {
            "data": shown,
            "first": number == 0,
            "last": number >= pages - 1,
            "totalPages": pages,
            "totalElements": len(rows),
            "numberOfElements": len(shown),
            "size": size,
            "page": number,
        }
    )
