/** The times that the call keeps: up to two at once, one of them chosen, each with its countdown. */

import { alarm, calm, find, isFocusFree, make, say } from "./elements.js";
import { Refused, serverNow } from "./server.js";
import { act, isOpen, isStopped, look, state, watch } from "./state.js";
import { load, onHold } from "./times.js";
import { doubt, length, momentForBoth, time as clock } from "./words.js";

const TAKEN = "That time was just taken. Offer one of these:";
const NONE_LEFT = "That time was just taken, and no other is free in the next two weeks.";
const LAST_SECONDS = 60;
const AT_ONCE_MILLISECONDS = 5000;

const chips = find("#held-times");
const warnedOf = new Set();
const lookedAfter = new Set();
const toldOf = new Set();
let asked = null; // a time that is being held, before the portal has answered
let chosenId = null;
let goOn = () => {};
let redraw = () => {};

/** Let the page go on to the payment once a time is wanted, and draw what depends on the holds. */
export function startHolds({ next, changed }) {
    goOn = next;
    redraw = changed;
    onHold(hold);
    find("#keep").addEventListener("click", keep);
    find("#let-go").addEventListener("click", letGo);
    chips.addEventListener("change", (event) => choose(event.target.value));
    chips.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        goOn();
    });
    watch((now) => {
        noteEnds(now);
        draw();
    });
    setInterval(tick, 1000);
}

const asTime = ({ practitioner: name, ...hold }) => ({ ...hold, name });

/** The times that the call keeps, the soonest first. */
export const heldTimes = () => (isOpen() ? state.holds.map(asTime) : []);

/** The held time that would be booked: the chosen one, else the latest that was held. */
export function chosenTime() {
    const held = heldTimes();
    const latest = held.toSorted((one, other) => other.heldAt.localeCompare(one.heldAt))[0];
    return held.find(({ id }) => id === chosenId) ?? latest ?? null;
}

/** The time that is being held at this moment. */
export const askedTime = () => asked;

export const isHolding = () => asked !== null || chosenTime() !== null;

export const describe = (time) => `${momentForBoth(time.startsAt)} with ${time.name}`;

function choose(id) {
    chosenId = id;
    draw();
    redraw();
}

const isSameTime = (one, other) => one.practitionerId === other.practitionerId && one.startsAt === other.startsAt;

/** Keep a time at the portal; the focus goes on at once. */
export async function hold(time) {
    if (asked) return;
    if (isStopped()) {
        say("A red flag is up. Nothing can be held or booked until a clinician clears it.");
        find("#stop-end").focus();
        return;
    }
    if (time.isHeld) {
        choose(time.id);
        goOn();
        return;
    }
    const before = heldTimes().filter((held) => secondsOf(held) > 0);
    asked = time;
    calm();
    refresh();
    goOn();
    try {
        const { practitionerId, type, startsAt, beyond } = time;
        await act(beyond ? "hold_beyond" : "hold", { practitionerId, type, startsAt, ...beyond });
        chosenId = heldTimes().find((held) => isSameTime(held, time))?.id ?? null;
        const replaced = before.filter(({ id }) => !heldTimes().some((held) => held.id === id)).map(describe);
        const instead = replaced.length ? `, in place of ${replaced.join(" and ")}` : "";
        say(`Held ${describe(time)}${instead}. Choose how it is paid.`);
    } catch (error) {
        refuse(error, time);
    } finally {
        asked = null;
        refresh();
        load({ isQuiet: true });
    }
}

/** Tell why a time could not be had, and offer what can be done instead. */
export function refuse(error, time) {
    const mayMove = isFocusFree(find("#book"));
    let first;
    if (error.code === "slot_taken") first = offerOthers(error.body.alternatives ?? [], time);
    else if (error.code === "too_many_holds") first = offerRoom(time);
    else alarm(error instanceof Refused ? error.message : "The portal did not answer: the time is not held. Try again.");
    if (mayMove) first?.focus();
}

function offerOthers(others, { type }) {
    return alarm(
        others.length ? TAKEN : NONE_LEFT,
        others.map(({ practitionerId, practitionerName: name, time: startsAt }) => ({
            label: `${momentForBoth(startsAt)} ${name}`,
            run: () => hold({ practitionerId, name, startsAt, type }),
        })),
    );
}

/** Two times are held: nothing is let go unless somebody says which. */
function offerRoom(time) {
    const actions = heldTimes().map((held) => ({
        label: `Let go ${describe(held)}`,
        run: async () => {
            goOn();
            if (await giveBack(held)) hold(time);
        },
    }));
    return alarm(`Two times are held already. Let one go to hold ${describe(time)}:`, actions);
}

async function keep() {
    const held = chosenTime();
    if (!held) return;
    try {
        await act("keep", { hold: held.id });
        say("Kept for longer.");
    } catch (error) {
        alarm(error.message);
        await look();
    }
}

async function letGo() {
    const held = chosenTime();
    if (!held) return;
    find("#step-5").focus();
    if (!(await giveBack(held))) return;
    say(`${describe(held)} was let go.`);
    load({ isQuiet: true });
}

async function giveBack({ id }) {
    try {
        await act("let_go", { hold: id });
        return true;
    } catch (error) {
        alarm(error.message);
        return false;
    }
}

/** Tell of holds that ran out, also before a reload; all choices stay. */
function noteEnds({ ranOut }) {
    if (!isOpen() || asked || ranOut.every(({ id }) => toldOf.has(id))) return;
    for (const { id } of ranOut) toldOf.add(id);
    // What is done at the desk renews both, so they run out together: they are told of in one line.
    const last = Math.max(...ranOut.map(({ lapsesAt }) => Date.parse(lapsesAt)));
    const goneTogether = ranOut.map(asTime).filter(({ lapsesAt }) => Date.parse(lapsesAt) > last - AT_ONCE_MILLISECONDS);
    const names = goneTogether.map(describe).join(" and on ");
    const at = clock(goneTogether.at(-1).lapsesAt);
    const actions = goneTogether.map((time) => ({
        label: goneTogether.length > 1 ? `Hold ${describe(time)} again` : "Hold it again",
        run: () => hold(time),
    }));
    const text = `The hold on ${names} ran out at ${at}. Nothing was charged. Hold it again if it is still free.`;
    const again = alarm(text, actions);
    if (isFocusFree(find("#book"))) again.focus();
    load({ isQuiet: true });
}

function refresh() {
    draw();
    redraw();
}

function draw() {
    const held = heldTimes();
    const chosen = chosenTime();
    find("#held").hidden = !chosen || asked !== null;
    chips.hidden = held.length < 2;
    drawChips(held, chosen);
    const words = chosen && !asked ? doubt(chosen, serverNow()) : "";
    find("#doubt").hidden = !words;
    find("#doubt").textContent = words ? `${chosen.name}: ${words}. The time may be taken there.` : "";
    drawCountdowns(held, chosen);
}

/** Make the chips anew only when other times are held, so that the focus stays where it is. */
function drawChips(held, chosen) {
    const ids = held.map(({ id }) => id).join();
    if (chips.dataset.ids !== ids) {
        const hadFocus = chips.contains(document.activeElement);
        chips.dataset.ids = ids;
        chips.querySelector("div").replaceChildren(...held.map(chipOf));
        if (hadFocus) find("#step-5").focus();
    }
    for (const input of chips.querySelectorAll("input")) input.checked = input.value === chosen?.id;
}

function chipOf(time) {
    const input = make("input", { type: "radio", name: "held", value: time.id });
    const left = make("b", { className: "figures" });
    left.setAttribute("aria-hidden", "true");
    left.dataset.hold = time.id;
    return make("label", { className: "chip" }, input, make("span", {}, `${describe(time)} `, left));
}

const secondsOf = ({ lapsesAt }) => (Date.parse(lapsesAt) - serverNow()) / 1000;

function drawCountdowns(held, chosen) {
    for (const time of held) {
        const left = chips.querySelector(`[data-hold="${time.id}"]`);
        if (left) left.textContent = length(Math.ceil(secondsOf(time)));
    }
    if (!chosen) return;
    find("#countdown").textContent = length(Math.ceil(secondsOf(chosen)));
    find("#held").classList.toggle("low", secondsOf(chosen) <= LAST_SECONDS);
}

function tick() {
    const held = heldTimes();
    const ending = held.filter((time) => secondsOf(time) <= LAST_SECONDS && !warnedOf.has(time.lapsesAt));
    if (ending.length) {
        for (const { lapsesAt } of ending) warnedOf.add(lapsesAt);
        say(ending.length > 1 ? "The held times run out in one minute." : "The held time runs out in one minute.");
    }
    const over = held.filter((time) => secondsOf(time) <= 0 && !lookedAfter.has(time.lapsesAt));
    if (over.length) {
        for (const { lapsesAt } of over) lookedAfter.add(lapsesAt);
        look();
    }
    drawCountdowns(held, chosenTime());
}
