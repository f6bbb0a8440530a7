/** Times and money in words: the clinic's day and clock, with the patient's beside them where they differ. */

import { boot } from "./elements.js";

const LANGUAGE = "en-AU";
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DATE = { weekday: "short", day: "numeric", month: "short" };
const clinic = clockOf(boot.clinicZone);
const patient = clockOf(boot.patientZone);

function clockOf(zone) {
    return {
        city: zone.split("/").pop().replaceAll("_", " "),
        clock: new Intl.DateTimeFormat(LANGUAGE, { ...CLOCK, timeZone: zone }),
        date: new Intl.DateTimeFormat(LANGUAGE, { ...DATE, timeZone: zone }),
    };
}

const withoutComma = (text) => text.replace(",", "");

/** 09:00 on the clinic's clock. */
export const time = (moment) => clinic.clock.format(new Date(moment));

/** The hour on the clinic's clock, 0 to 23. */
export const hour = (moment) => Number.parseInt(time(moment), 10);

/** Mon 23 Nov on the clinic's calendar. */
export const date = (moment) => withoutComma(clinic.date.format(new Date(moment)));

/** Mon 23 Nov, of a day written as 2026-11-23. */
export const day = (text) => withoutComma(dayFormat.format(new Date(`${text}T00:00:00Z`)));
const dayFormat = new Intl.DateTimeFormat(LANGUAGE, { ...DATE, timeZone: "UTC" });

/** Mon 23 Nov 09:00. */
export const moment = (iso) => `${date(iso)} ${time(iso)}`;

/** 07:00 Perth, or nothing where the patient's clock shows the same as the clinic's. */
export function patientTime(iso) {
    const theirs = patient.clock.format(new Date(iso));
    const theirDate = withoutComma(patient.date.format(new Date(iso)));
    if (theirs === time(iso) && theirDate === date(iso)) return "";
    return `${theirDate === date(iso) ? "" : `${theirDate} `}${theirs} ${patient.city}`;
}

/** Mon 23 Nov 09:00 (07:00 Perth). */
export function momentForBoth(iso) {
    const theirs = patientTime(iso);
    return theirs ? `${moment(iso)} (${theirs})` : moment(iso);
}

/** Which clock the times are on, where it needs saying. */
export function zoneNote(iso) {
    return patientTime(iso) ? `${clinic.city} time; the patient is in ${patient.city}` : "";
}

/** $119 or $82.50: never rounded. */
export const money = (amount) => `$${amount.replace(/\.00$/, "")}`;

/** 4:07, or 1:04:07. */
export function length(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const two = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Since when nobody knows what an outside calendar says: "calendar not read for 34 min"; nothing while it is known. */
export function doubt({ isStale, calendarReadAt }, now) {
    if (!isStale) return "";
    return calendarReadAt ? `calendar not read for ${age(now - Date.parse(calendarReadAt))}` : "calendar never read";
}

function age(milliseconds) {
    const minutes = Math.floor(milliseconds / 60_000);
    if (minutes < 60) return `${minutes} min`;
    return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
}

export const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);

/** Write the moments that the server put on the page for both clocks. */
export function showMoments(container) {
    for (const element of container.querySelectorAll("[data-moment]")) {
        element.textContent = momentForBoth(element.dataset.moment);
    }
}
