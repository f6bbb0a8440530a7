"""What MediRecords accepts: the request side of the proposed contract, unknown fields refused."""

from botaniqal.sandbox.contracts import Schema

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
UUID: Schema = {"type": "string", "format": "uuid"}
URI: Schema = {"type": "string", "format": "uri"}
EMAIL: Schema = {"type": "string", "format": "email"}
WALL_TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$"}

CANCELLED = 8

APPOINTMENT: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["patientId", "appointmentTypeId", "scheduleTime", "appointmentStatus", "appointmentIntervalCode"],
    "properties": {
        "patientId": UUID,
        "appointmentTypeId": UUID,
        "scheduleTime": WALL_TIME,
        "appointmentStatus": {"type": "integer", "minimum": 2, "maximum": CANCELLED},
        "appointmentIntervalCode": WHOLE,
        "providerId": UUID,
        "roomId": UUID,
        "notes": {"type": "string", "maxLength": 500},
        "cancellationReason": {"type": "string", "minLength": 1, "maxLength": 500},
        "telehealthLinkForProvider": URI,
        "telehealthLinkForPatient": URI,
        "walkIn": FLAG,
        "firstAvailableDoctor": FLAG,
        "allowDoubleBookingForPatient": FLAG,
        "allowDoubleBookingForProvider": FLAG,
        "urgency": WHOLE,
        "emailReminder": FLAG,
        "reminderMethod": WHOLE,
        "reminderType": WHOLE,
    },
}
PATIENT: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["defaultPracticeId", "lastName", "patientStatusCode"],
    "properties": {
        "defaultPracticeId": UUID,
        "usualDoctorId": UUID,
        "titleCode": WHOLE,
        "firstName": {"type": ["string", "null"], "maxLength": 40},
        "lastName": {"type": "string", "minLength": 1, "maxLength": 40},
        "gender": {"type": "integer", "minimum": 1, "maximum": 3},
        "dob": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "patientStatusCode": WHOLE,
        "email": EMAIL,
        "mobilePhone": {"type": "string", "pattern": r"^\d{8,10}$"},
        "contactMethod": WHOLE,
    },
}
PAGING: dict[str, Schema] = {
    "page": {"type": "integer", "minimum": 0},
    "size": {"type": "integer", "minimum": 1, "maximum": 100},
}
LIST_APPOINTMENTS: Schema = {
    "type": "object",
    "properties": {
        "appointmentDateRangeStart": WALL_TIME,
        "appointmentDateRangeEnd": WALL_TIME,
        "providerId": UUID,
        "patientId": UUID,
        "appointmentStatus": WHOLE,
        "appointmentTypeId": UUID,
        "roomId": UUID,
        **PAGING,
    },
}
LIST_APPOINTMENT_TYPES: Schema = {
    "type": "object",
    "properties": {"telehealth": {"type": "string", "enum": ["true", "false"]}, "activeStatus": WHOLE, **PAGING},
}
PATIENT_EXISTS: Schema = {"type": "object", "required": ["email"], "properties": {"email": EMAIL}}
