"""What each figure means, in one sentence."""

definitions: dict[str, str] = {
    "consultations": "Free consultations of these days whose time has come, but for those that were cancelled.",
    "calls": "Consultations of these days in which the consultant spoke with somebody.",
    "bookings": "Consultations of these days that led to a visit being booked, cancelled later or not; one that"
    " was undone is none.",
    "visits": "Consultations of these days whose booked visit has taken place by now.",
    "follow_ups": "Consultations of these days whose patient booked a further visit after that one, and has not"
    " cancelled it.",
    "conversion": "Consultations of these days that led to a booking, of all of them that were not cancelled.",
    "funnel": "What became of these days' consultations by now; with a service, of those in which it was booked or else"
    " recommended, and with a practitioner, of those that they made or that were booked with them.",
    "revenue": "Money that came on these days at the price that was paid, less what went back and what banks took back"
    " on these days, whenever the visit is; it stands with the visit it was paid for.",
    "taken": "Money that came on these days to pay for visits; of imported visits, on the day of the import.",
    "given_back": "Money that went back to patients on these days, whenever it had come.",
    "twice": "Money that came on these days for visits that were paid for already; what is given back of it counts as"
    " given back.",
    "lost": "Money that banks took back for good in disputes that were closed on these days.",
    "booked": "Visits that were promised on these days, but for free consultations and bookings made by mistake; one"
    " paid online counts once it is paid, on the day of its booking, and an imported one on the day of the import.",
    "cancelled": "Visits that were cancelled on these days, but for bookings made by mistake.",
    "took_place": "Visits of these days that took place.",
    "no_shows": "Visits of these days to which nobody came, of those that took place or to which nobody came.",
    "utilisation": "Booked minutes, breaks between visits included, of the minutes that practitioners offered: their"
    " hours as the roster stood on the day, less time off; with a service, of those who give it.",
    "abandonment": "Calls that nobody answered after the last try or that nobody made within an hour of their time, of"
    " the calls due on these days; cancelled consultations are no calls, and a call-back is due at its own time.",
    "holds": "Times kept for a call or a checkout on these days that became bookings, of all that were kept.",
    "interest_joined": "People who began to wait on these days for a service to begin.",
    "interest_left": "People who stopped waiting on these days because the service began or they did not want to.",
    "earlier_joined": "Patients who asked for an earlier time on these days.",
    "earlier_left": "Patients who stopped waiting for an earlier time on these days, with or without one.",
    "waitlist": "Who joined and who left a service's waitlists on these days, and who was on them at the end.",
    "searches": "How often free times of an appointment type were looked for on these days, on the website, by the API"
    " or at the call desk.",
    "empty": "How often free times were looked for on these days and none was found.",
    "unmet": "Searches for free times on these days that found none, of all of them.",
    "free_slots": "Times of the next seven days at which a practitioner could be booked for a visit now; times in a"
    " calendar that has not been read for long are left out.",
    "sync_lag": "For how long the oldest change has waited that a vendor has not been told of.",
    "inbox_age": "For how long the oldest message from a vendor has waited to be worked.",
    "collected": "Money that came since the day, less what was given back of it.",
    "calls_of_day": "Calls of the day that are done, of those planned; and those that led to a booking, of those done.",
    "bookings_by_day": "Visits booked on each day, free consultations apart, and how many of them were cancelled.",
}
