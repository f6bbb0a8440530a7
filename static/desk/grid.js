/**
 * The week as a table of practitioners and days: one tab stop, arrows move, whatever the buttons' wrapping.
 *
 * End goes past a day's times, to where another one can be asked about.
 */

import { actionButton, find, findAll, make, rove } from "./elements.js";
import { day, momentForBoth, sentence, time } from "./words.js";

export const WORK_DAYS = 5;
const NONE_FREE = "No free times with these choices. Try other days, anyone, or any time of day.";
const CELL_BUTTONS = ".desk-slot, .desk-other";

const grid = find("#grid");
let drawn = "";

grid?.addEventListener("keydown", (event) => {
    if (event.key === "End") {
        event.preventDefault();
        const other = event.target.closest("td")?.querySelector(".desk-other");
        if (other) {
            rove(slots(), other);
            other.focus();
        }
        return;
    }
    const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    const slot = event.target.closest(CELL_BUTTONS);
    if (!direction || !slot) return;
    event.preventDefault();
    const next = nearest(slot, ...direction);
    if (next) {
        rove(slots(), next);
        next.focus();
    } else if (event.key === "ArrowUp") {
        find('.desk-offer[tabindex="0"]')?.focus();
    }
});

const slots = () => findAll(CELL_BUTTONS);

const nextFreeDay = () => grid.querySelector(".empty button");

export function focusGrid() {
    (nextFreeDay() ?? slots().find((slot) => slot.tabIndex === 0))?.focus();
}

/** Go back to where another time was asked about, though the week was drawn anew meanwhile. */
export function focusCell(key) {
    const cell = slots().find((slot) => slot.dataset.key === key);
    if (!cell) return focusGrid();
    rove(slots(), cell);
    cell.focus();
}

/** Draw the week when anything in it changed; what had the focus gets it back, and nothing else does. */
export function drawGrid({ found, people, times, goToWeekOf }) {
    if (!found) return;
    grid.removeAttribute("aria-busy");
    const rows = people.map(({ id, about, reasons, doubt }) => [id, about, reasons, doubt]);
    const shown = JSON.stringify([found.days, found.firstFreeOn, rows, times]);
    if (shown === drawn) return;
    drawn = shown;
    const focused = grid.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const freeDays = new Set(times.map(({ on }) => on));
    const days = found.days.filter((text, index) => index < WORK_DAYS || freeDays.has(text));
    const isAny = days.some((text) => freeDays.has(text));
    grid.replaceChildren(...(isAny ? [] : [noneFree(found, goToWeekOf)]), tableOf(days, people, times));
    const current = slots().find((slot) => slot.dataset.key === focused)
        ?? slots().find((slot) => slot.time?.isHeld)
        ?? slots().find((slot) => slot.time)
        ?? slots()[0];
    rove(slots(), current);
    if (focused === null) return;
    const isSame = current?.dataset.key === focused;
    const heir = isSame ? current : nextFreeDay() ?? current;
    heir?.focus({ preventScroll: isSame });
}

/** Tells a time from all others. */
export const keyOf = ({ practitionerId, startsAt }) => `${practitionerId} ${startsAt}`;

function tableOf(days, people, times) {
    const head = make("tr", {}, make("th", { scope: "col", textContent: "Practitioner" }));
    for (const text of days) head.append(make("th", { scope: "col", textContent: day(text) }));
    const body = make("tbody");
    for (const [place, person] of people.entries()) {
        const own = times.filter(({ practitionerId }) => practitionerId === person.id);
        const row = make("tr", {}, nameOf(person, place === 0 && people.length > 1));
        for (const text of days) row.append(cellOf(own.filter(({ on }) => on === text), text, person));
        body.append(row);
    }
    return make("table", {}, make("thead", {}, head), body);
}

/** Who it is, and why they stand in this place. */
function nameOf(person, isFirst) {
    const name = make("th", { scope: "row" }, person.name);
    if (isFirst) name.append(make("span", { className: "badge ok", textContent: "Recommended" }));
    name.append(make("small", { textContent: person.about }));
    for (const reason of person.reasons) name.append(make("small", { className: "desk-reason", textContent: reason }));
    if (person.doubt) name.append(make("span", { className: "badge waiting", textContent: sentence(person.doubt) }));
    return name;
}

function cellOf(times, text, person) {
    const cell = make("td");
    cell.dataset.day = day(text);
    cell.append(make("div", { className: "desk-cell" }, ...times.map(slotOf), otherOf(times.length > 0, text, person)));
    return cell;
}

/** A time that is not offered can be asked about: why not? */
function otherOf(isBesideTimes, text, { id, name }) {
    const other = make("button", { type: "button", className: "desk-other" });
    other.textContent = isBesideTimes ? "Other" : "Why not?";
    other.setAttribute("aria-label", `${isBesideTimes ? "Other time on" : "Why not?"} ${day(text)} with ${name}`);
    other.dataset.key = `${id} ${text}`;
    other.asked = { practitionerId: id, name, day: text };
    return other;
}

function slotOf(one) {
    const slot = make("button", { type: "button", className: "desk-slot figures", textContent: time(one.startsAt) });
    slot.time = one;
    slot.dataset.key = keyOf(one);
    slot.classList.toggle("doubtful", one.doubt !== "");
    slot.setAttribute("aria-label", [`${momentForBoth(one.startsAt)} with ${one.name}`, one.doubt].filter(Boolean).join(", "));
    slot.setAttribute("aria-pressed", String(one.isHeld));
    return slot;
}

function noneFree(found, goToWeekOf) {
    const box = make("div", { className: "empty" }, make("p", { textContent: NONE_FREE }));
    if (found.firstFreeOn && !found.days.includes(found.firstFreeOn)) {
        const label = `Go to ${day(found.firstFreeOn)}, the next free day`;
        box.append(actionButton(label, () => goToWeekOf(found.firstFreeOn)));
    }
    box.append(actionButton("Put on the earlier-time list", () => find("#ask-earlier").click()));
    return box;
}

/** The closest slot in a direction, by where it is drawn. */
function nearest(from, rightwards, downwards) {
    const origin = from.getBoundingClientRect();
    let best = null;
    let least = Infinity;
    for (const slot of slots()) {
        const place = slot.getBoundingClientRect();
        const along = rightwards ? (place.left - origin.left) * rightwards : (place.top - origin.top) * downwards;
        const across = Math.abs(rightwards ? place.top - origin.top : place.left - origin.left);
        if (along <= 4 || along + 6 * across >= least) continue;
        least = along + 6 * across;
        best = slot;
    }
    return best;
}
