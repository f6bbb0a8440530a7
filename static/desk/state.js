/** Where the call stands: taken from every answer, looked up while somebody looks, told to whoever draws it. */

import { alarm, boot, calm } from "./elements.js";
import { LoggedOut, Refused, changeCount, get, post, setClock } from "./server.js";

const LOOK_SECONDS = 2.5;
const LOOK_SECONDS_AFTER_BOOKING = 1.5;
const AT_REST = new Set(["synced", "needs_person"]);

export let state = boot.state;
setClock(state.now);

let isLoggedOut = false;
const watchers = [];
const netWatchers = [];

/** Call a function now and whenever the state changes, with the new and the former one. */
export function watch(draw) {
    watchers.push(draw);
    draw(state, state);
}

/** Call a function whenever the portal was reached or not reached. */
export function watchNet(tell) {
    netWatchers.push(tell);
}

export function take(next) {
    const former = state;
    state = next;
    for (const draw of watchers) draw(state, former);
}

/** Do something at the portal and take the state that it answers. */
export async function act(verb, body) {
    try {
        const next = await post(verb, body);
        tellNet(true);
        take(next);
    } catch (error) {
        tellNet(error instanceof Refused);
        throw error;
    }
}

/** A call can be talked, written and booked in. */
export const isOpen = () => state.isOwn && (state.state === "scheduled" || state.state === "in_progress");

/** A red flag is up: nothing can be held or booked. */
export const isStopped = () => (state.redFlags ?? []).length > 0;

/** What was said can still be written down. */
export const isWritable = () => isOpen() || (state.isOwn && state.state === "wrap_up");

const isSettled = (booking) => booking.systems.every((system) => AT_REST.has(system.state));

export async function look() {
    const before = changeCount();
    try {
        const next = await get("state");
        tellNet(true);
        noteLogin();
        if (changeCount() === before) take(next);
    } catch (error) {
        tellNet(error instanceof Refused);
        if (error instanceof LoggedOut) askToLogIn();
    }
}

/** The page stays, because of what was typed in it. */
function askToLogIn() {
    if (isLoggedOut) return;
    isLoggedOut = true;
    alarm("You were logged out. What you typed is kept here and saved when you are back.", [
        { label: "Log in again in a new tab", run: () => open(location.href) },
    ]);
}

function noteLogin() {
    if (isLoggedOut) calm();
    isLoggedOut = false;
}

/** Look again and again, but only while somebody looks at the page. */
export function keepLooking() {
    let timer = null;
    const next = async () => {
        clearTimeout(timer);
        if (!document.hidden && !isOver()) await look();
        timer = setTimeout(next, 1000 * (isOnItsWay() ? LOOK_SECONDS_AFTER_BOOKING : LOOK_SECONDS));
    };
    document.addEventListener("visibilitychange", () => document.hidden || next());
    timer = setTimeout(next, 1000 * LOOK_SECONDS);
}

const isOnItsWay = () => state.booking !== null && !isSettled(state.booking);

function isOver() {
    if (state.state === "done" || state.state === "cancelled") return true;
    return state.booking !== null && isSettled(state.booking) && !state.booking.isPaymentDue;
}

function tellNet(isUp) {
    for (const tell of netWatchers) tell(isUp);
}
