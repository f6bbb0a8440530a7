/** Another time than those that are free: why it cannot be had, and holding it beyond a soft rule with a reason. */

import { actionButton, find, isFocusFree, make, say } from "./elements.js";
import { focusCell } from "./grid.js";
import { get } from "./server.js";
import { momentForBoth } from "./words.js";

const FIRST_TIME = "09:00";
const NOT_YOURS = "Operations can go beyond this rule.";
const NO_CONNECTION = "The portal did not answer. Check again.";

const dialog = find("#why-not");
const dayInput = find("#why-not-day");
const timeInput = find("#why-not-time");
const reason = find("#why-not-reason");
const holdButton = find("#why-not-hold");
let asked = null;
let answer = null;
let lookup = null;
let hold = () => {};

export function startWhyNot(verbs) {
    hold = verbs.hold;
    timeInput.value = FIRST_TIME;
    dialog.querySelector("form").addEventListener("submit", (event) => {
        event.preventDefault();
        check();
    });
    for (const input of [dayInput, timeInput]) input.addEventListener("input", forget);
    reason.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        holdAnswered();
    });
    reason.addEventListener("input", drawHold);
    holdButton.addEventListener("click", holdAnswered);
    find("#why-not-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
        lookup?.abort();
        if (isFocusFree(dialog, find("#grid"))) focusCell(asked.key);
    });
}

/** Ask which time is meant; the cell says with whom and on which day. */
export function askWhyNot(cell) {
    if (asked?.key !== cell.key || asked.type !== cell.type) {
        forget();
        reason.value = "";
        dayInput.value = cell.day;
    }
    asked = cell;
    find("#why-not-name").textContent = cell.name;
    find("#why-not-type").textContent = cell.type.dataset.name;
    dialog.showModal();
    timeInput.focus();
}

function forget() {
    lookup?.abort();
    answer = null;
    draw();
}

async function check() {
    forget();
    lookup = new AbortController();
    const { signal } = lookup;
    const query = { type: asked.type.value, practitionerId: asked.practitionerId, day: dayInput.value, time: timeInput.value };
    find("#why-not-answer").textContent = "Looking…";
    try {
        answer = await get("why_not", query, signal);
        draw();
        goOn();
    } catch (error) {
        if (signal.aborted) return;
        find("#why-not-answer").textContent = error.body ? error.message : NO_CONNECTION;
    }
}

/** Go to what can be done now, unless somebody went elsewhere meanwhile. */
function goOn() {
    if (!isFocusFree(find(".desk-why-when"))) return;
    if (answer.mayGoBeyond) reason.focus();
    else if (answer.isFree) holdButton.focus();
    else find("#why-not-nearest button")?.focus();
}

function draw() {
    const isBeyond = answer?.mayGoBeyond ?? false;
    find("#why-not-answer").replaceChildren(...(answer ? words() : []));
    find("#why-not-nearest").replaceChildren(...(answer ? answer.nearest.map(nearestOf) : []));
    find("#why-not-beyond").hidden = !isBeyond;
    holdButton.hidden = !isBeyond && !answer?.isFree;
    holdButton.textContent = isBeyond ? "Hold anyway" : "Hold";
    drawHold();
}

function drawHold() {
    holdButton.setAttribute("aria-disabled", String(Boolean(answer?.mayGoBeyond) && !reason.value.trim()));
}

function words() {
    const told = answer.soft.length ? answer.soft.map((each) => each.words) : [answer.words];
    const tone = answer.isFree ? "ok" : answer.soft.length ? "waiting" : "bad";
    const verdict = answer.isFree ? "Free" : answer.soft.length ? "Against a rule" : "Not possible";
    const head = make("p", {}, make("span", { className: `badge ${tone}`, textContent: verdict }));
    head.append(make("strong", { className: "figures", textContent: momentForBoth(answer.startsAt) }));
    const lines = told.map((text) => make("p", { textContent: text }));
    if (answer.soft.length && !answer.mayGoBeyond) lines.push(make("p", { textContent: NOT_YOURS }));
    if (answer.nearest.length) lines.push(make("p", { className: "desk-label", textContent: "Nearest free times" }));
    return [head, ...lines];
}

function nearestOf({ practitionerId, practitionerName: name, time: startsAt }) {
    const others = practitionerId === asked.practitionerId ? "" : ` ${name}`;
    const hold = () => leaveAndHold({ practitionerId, name, startsAt });
    return actionButton(`${momentForBoth(startsAt)}${others}`, hold);
}

function holdAnswered() {
    if (!answer) return;
    const { startsAt, mayGoBeyond, soft } = answer;
    const time = { practitionerId: asked.practitionerId, name: asked.name, startsAt };
    if (!mayGoBeyond) return answer.isFree && leaveAndHold(time);
    if (!reason.value.trim()) {
        say("Say why you go beyond this rule.");
        return reason.focus();
    }
    leaveAndHold({ ...time, beyond: { rules: soft.map(({ rule }) => rule), reason: reason.value.trim() } });
}

function leaveAndHold(time) {
    const type = asked.type.value;
    dialog.close();
    answer = null;
    draw();
    hold({ ...time, type });
}
