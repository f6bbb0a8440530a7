/** The week as a table of practitioners and days: one tab stop, arrows move, whatever the buttons' wrapping. */

import { find, findAll, make, rove } from "./elements.js";
import { day, momentForBoth, sentence, time } from "./words.js";

const WORK_DAYS = 5;
const NONE_FREE = "No free times with these choices. Try other days, anyone, or any time of day.";

const grid = find("#grid");
let drawn = "";

grid?.addEventListener("keydown", (event) => {
    const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    const slot = event.target.closest(".desk-slot");
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

const slots = () => findAll(".desk-slot");

export function focusGrid() {
    (slots().find((slot) => slot.tabIndex === 0) ?? grid.querySelector("button"))?.focus();
}

/** Draw the week when anything in it changed; what had the focus gets it back, and nothing else does. */
export function drawGrid({ found, times, goToWeekOf }) {
    if (!found) return;
    grid.removeAttribute("aria-busy");
    const people = found.practitioners.map(({ name, doubt }) => [name, doubt]);
    const shown = JSON.stringify([found.days, found.firstFreeOn, people, times]);
    if (shown === drawn) return;
    drawn = shown;
    const focused = grid.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const freeDays = new Set(times.map(({ on }) => on));
    const days = found.days.filter((text, index) => index < WORK_DAYS || freeDays.has(text));
    const isAny = days.some((text) => freeDays.has(text));
    grid.replaceChildren(isAny ? tableOf(found, days, times) : noneFree(found, goToWeekOf));
    const current = slots().find((slot) => slot.dataset.key === focused)
        ?? slots().find((slot) => slot.time.isHeld)
        ?? slots()[0];
    rove(slots(), current);
    if (focused === null) return;
    const heir = current ?? grid.querySelector("button");
    heir?.focus({ preventScroll: heir.dataset.key === focused });
}

/** Tells a time from all others. */
export const keyOf = ({ practitionerId, startsAt }) => `${practitionerId} ${startsAt}`;

function tableOf(found, days, times) {
    const head = make("tr", {}, make("th", { scope: "col", textContent: "Practitioner" }));
    for (const text of days) head.append(make("th", { scope: "col", textContent: day(text) }));
    const body = make("tbody");
    for (const person of found.practitioners) {
        const own = times.filter(({ practitionerId }) => practitionerId === person.id);
        if (!own.some(({ on }) => days.includes(on))) continue;
        const name = make("th", { scope: "row" }, person.name, make("small", {}, person.about));
        if (person.doubt) name.append(make("span", { className: "badge waiting", textContent: sentence(person.doubt) }));
        const row = make("tr", {}, name);
        for (const text of days) row.append(cellOf(own.filter(({ on }) => on === text), text));
        body.append(row);
    }
    return make("table", {}, make("thead", {}, head), body);
}

function cellOf(times, text) {
    const cell = make("td");
    cell.dataset.day = day(text);
    const box = make("div", { className: "desk-cell" }, ...times.map(slotOf));
    if (!times.length) box.append(make("span", { className: "small muted", textContent: "–" }));
    cell.append(box);
    return cell;
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
        const button = make("button", { type: "button", className: "button small", textContent: label });
        button.addEventListener("click", () => goToWeekOf(found.firstFreeOn));
        box.append(button);
    }
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
