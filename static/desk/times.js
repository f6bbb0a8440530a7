/** Finding a time: the appointment, the week's free times, and four of them to offer on the phone. */

import { keep, kept } from "./address.js";
import { alarm, find, findAll, rove } from "./elements.js";
import { WORK_DAYS, drawGrid, focusGrid, keyOf } from "./grid.js";
import { get, serverNow } from "./server.js";
import { isOpen, state, watch } from "./state.js";
import { askWhyNot, startWhyNot } from "./why_not.js";
import { date, day, doubt, hour, momentForBoth, moment, patientTime, time, zoneNote } from "./words.js";

const REFRESH_SECONDS = 10;
const CHOOSE = "Choose an appointment to see free times.";
const CLOSED = "Nothing can be booked here now.";

const offers = findAll(".desk-offer");
const withSelect = find("#with");
const partSelect = find("#part");
let found = null;
let askedDay = null;
let lookup = null;
let isPressed = false; // what is drawn anew between press and release takes the click away
let wantedWith = ""; // chosen before a reload; who can be chosen is known with the times
let hold = () => {};

export const typeInputs = findAll('input[name="type"]');
export const typeInput = (code) => typeInputs.find((input) => input.value === code);
export const chosenType = () => typeInputs.find((input) => input.checked)?.value ?? "";
/** What is looked for: the appointment, and with whom. */
export function wanted() {
    const [person] = withSelect.selectedOptions;
    return { type: chosenType(), practitionerId: person.value || null, practitioner: person.text };
}

export const firstOffer = () => offers.find((offer) => offer.tabIndex === 0 && !offer.hidden);

/** Let a time be held when it is chosen. */
export function onHold(verb) {
    hold = verb;
}

export function startTimes() {
    const types = find("#types");
    if (!types) return;
    types.addEventListener("change", () => choose());
    types.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        chooseAndGoOn(event.target);
    });
    for (const offer of offers) offer.addEventListener("click", () => offer.time && hold(offer.time));
    find("#offers").addEventListener("keydown", moveInOffers);
    find("#grid").addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (button?.time) hold(button.time);
        else if (button?.asked) askWhyNot({ ...button.asked, key: button.dataset.key, type: typeInput(chosenType()) });
    });
    // Of a menu or another button the release may never be told: these never hold anything up.
    for (const part of ["#offers", "#grid"]) {
        find(part).addEventListener("pointerdown", ({ button }) => (isPressed = button === 0));
    }
    for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(release));
    startWhyNot({ hold: (time) => hold(time) });
    find("#earlier-week").addEventListener("click", () => turnWeek(-1));
    find("#later-week").addEventListener("click", () => turnWeek(1));
    find("#finder").addEventListener("keydown", (event) => {
        const weeks = { PageUp: -1, PageDown: 1 }[event.key];
        if (!weeks) return;
        event.preventDefault();
        turnWeek(weeks);
    });
    for (const select of [withSelect, partSelect]) {
        select.addEventListener("change", () => {
            keep({ [select.id]: select.value });
            draw();
        });
    }
    restore();
    watch((now, former) => {
        const isSame = idsOf(now) === idsOf(former) && now.state === former.state && now.isOwn === former.isOwn;
        if (!isSame || now === former) draw();
    });
    setInterval(() => !document.hidden && isOpen() && load({ isQuiet: true }), REFRESH_SECONDS * 1000);
}

/** After a reload: what was chosen stands in the address, or follows from the time that is held. */
function restore() {
    const [time] = [...state.holds, ...state.ranOut];
    const input = typeInput(kept("type") || time?.type);
    if (!input || input.disabled || !isOpen()) return;
    input.checked = true;
    partSelect.value = kept("part");
    wantedWith = kept("with");
    askedDay = kept("week") || null;
    load();
    draw();
}

/** Choose an appointment and go to the first offer, which is there before its time is known. */
export function chooseAndGoOn(input) {
    input.checked = true;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    offers[0].focus();
}

function choose() {
    keep({ type: chosenType(), week: "" });
    found = null;
    askedDay = null;
    draw();
    load();
}

function turnWeek(weeks) {
    if (!found || (weeks < 0 && found.isFirstWeek)) return;
    const monday = new Date(`${found.days[0]}T00:00:00Z`);
    monday.setUTCDate(monday.getUTCDate() + 7 * weeks);
    showWeekOf(monday.toISOString().slice(0, 10));
}

function showWeekOf(text) {
    askedDay = text;
    keep({ week: text });
    load();
}

/** Ask for the free times; a quiet look says nothing when it fails. */
export async function load({ isQuiet = false } = {}) {
    if (!chosenType()) return;
    lookup?.abort();
    lookup = new AbortController();
    if (!isQuiet) find("#grid").setAttribute("aria-busy", "true");
    try {
        const week = askedDay ?? (isQuiet ? found?.days[0] : null);
        found = await get("times", { type: chosenType(), ...(week && { day: week }) }, lookup.signal);
        for (const person of found.practitioners) person.doubt = doubt(person, Date.parse(found.now));
        draw();
    } catch (error) {
        if (error.name === "AbortError") return;
        if (isQuiet) return;
        const again = { label: "Look again", run: () => load() };
        alarm(`The free times could not be looked up. ${error.message}`, [again]);
    }
}

/** Draw what came meanwhile, once the click was heard. */
function release() {
    if (!isPressed) return;
    isPressed = false;
    draw();
}

function draw() {
    if (isPressed) return;
    const isLooking = chosenType() !== "" && isOpen();
    find("#finder").hidden = !isLooking;
    find("#choose").hidden = isLooking;
    find("#types").hidden = !isOpen();
    find("#choose").textContent = isOpen() ? CHOOSE : CLOSED;
    if (!isLooking) return;
    drawFilters();
    const times = timesShown();
    const hadFocus = offers.includes(document.activeElement);
    drawOffers(times);
    const people = found?.practitioners.filter(({ id }) => !withSelect.value || id === withSelect.value);
    drawGrid({ found, people, times, goToWeekOf: showWeekOf });
    if (hadFocus && !firstOffer()) focusGrid();
}

function drawFilters() {
    if (!found) return;
    const people = found.practitioners.map(({ id, name }) => ({ id, name }));
    if (withSelect.dataset.people !== JSON.stringify(people)) {
        const chosen = withSelect.value || wantedWith;
        wantedWith = "";
        withSelect.replaceChildren(new Option("Anyone", ""), ...people.map(({ id, name }) => new Option(name, id)));
        withSelect.value = people.some(({ id }) => id === chosen) ? chosen : "";
        withSelect.dataset.people = JSON.stringify(people);
    }
    const isShown = (text, index) => index < WORK_DAYS || found.practitioners.some(({ times }) => times[text]);
    find("#week").textContent = `${day(found.days[0])} – ${day(found.days.findLast(isShown))}`;
    find("#earlier-week").disabled = found.isFirstWeek;
    find("#checked").textContent = `checked ${time(found.now ?? serverNow())}`;
    const note = zoneNote(found.now);
    find("#zone").hidden = !note;
    find("#zone").textContent = note;
}

/** All free times that pass the filters, soonest first; the held one belongs to them. */
function timesShown() {
    if (!found) return [];
    const type = chosenType();
    const times = found.practitioners.flatMap(({ id, name, doubt, times: days }) =>
        Object.entries(days).flatMap(([on, moments]) =>
            moments.map((startsAt) => ({ practitionerId: id, name, doubt, type, on, startsAt, isHeld: false })),
        ),
    );
    const held = heldTimes();
    const isHeld = (one) => held.some((own) => keyOf(own) === keyOf(one));
    return [...times.filter((one) => !isHeld(one)), ...held].filter(isWanted).sort(bySoonest);
}

/** The held times: taken, so the portal lists them no more; here they stand in their place, marked. */
function heldTimes() {
    return state.holds.flatMap((hold) => {
        const { id, practitionerId, practitioner: name, type, startsAt } = hold;
        const on = type === chosenType() && found.days.find((text) => day(text) === date(startsAt));
        return on ? [{ id, practitionerId, name, doubt: doubt(hold, serverNow()), type, startsAt, on, isHeld: true }] : [];
    });
}

const idsOf = ({ holds }) => holds.map(({ id }) => id).join();

function isWanted({ practitionerId, startsAt }) {
    const isWith = !withSelect.value || practitionerId === withSelect.value;
    return isWith && (!partSelect.value || hour(startsAt) < 12 === (partSelect.value === "morning"));
}

/** The portal lists the recommended practitioner first. */
const placeOf = ({ practitionerId }) => found.practitioners.findIndex(({ id }) => id === practitionerId);

function bySoonest(one, other) {
    return one.startsAt.localeCompare(other.startsAt) || placeOf(one) - placeOf(other);
}

/** Four different things to say on the phone. */
function drawOffers(times) {
    const [soonest] = times;
    const picked = [];
    const pick = (fits) => {
        const one = soonest && times.find((each) => !picked.includes(each) && fits(each));
        picked.push(one);
        return one;
    };
    const isOtherDay = (each) => each.on !== soonest.on;
    const chosen = {
        soonest: pick(() => true),
        morning: pick((each) => isOtherDay(each) && hour(each.startsAt) < 12),
        afternoon: pick((each) => hour(each.startsAt) >= 12 && (isOtherDay(each) || hour(soonest.startsAt) < 12)),
        other: pick((each) => each.practitionerId !== soonest.practitionerId),
    };
    for (const offer of offers) drawOffer(offer, chosen[offer.dataset.offer]);
    const shown = offers.filter((offer) => !offer.hidden);
    rove(offers, shown.find((offer) => offer === document.activeElement) ?? shown[0]);
}

function drawOffer(offer, one) {
    // Before the times are known all four stand there, so that the focus has where to go.
    offer.hidden = found !== null && !one;
    offer.time = one ?? null;
    offer.setAttribute("aria-disabled", String(!one));
    offer.classList.toggle("mine", one?.isHeld ?? false);
    offer.classList.toggle("doubtful", Boolean(one?.doubt));
    offer.querySelector("strong").textContent = one ? moment(one.startsAt) : "Looking…";
    offer.querySelector("span").textContent = one ? [withPatientTime(one), one.doubt].filter(Boolean).join(" · ") : "";
    offer.title = one ? momentForBoth(one.startsAt) : "";
}

function withPatientTime(one) {
    const theirs = patientTime(one.startsAt);
    return theirs ? `${one.name} · ${theirs}` : one.name;
}

function moveInOffers(event) {
    const shown = offers.filter((offer) => !offer.hidden);
    const at = shown.indexOf(document.activeElement);
    const steps = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "ArrowDown") focusGrid();
    else if (!steps || at < 0) return;
    else {
        const next = shown[Math.min(Math.max(at + steps, 0), shown.length - 1)];
        rove(offers, next);
        next.focus();
    }
    event.preventDefault();
}

/** The time that the next thing to do would hold. */
export const timeToOffer = () => firstOffer()?.time ?? null;
