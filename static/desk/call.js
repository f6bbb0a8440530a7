/** The bar: whose call it is, how long it lasts, starting it and taking it over. */

import { alarm, find, findAll, root } from "./elements.js";
import { serverNow } from "./server.js";
import { act, isOpen, isWritable, state, watch } from "./state.js";
import { length, time } from "./words.js";

const startButton = find("#start");
const takeOverButton = find("#take-over");
const notes = find("#notes");

export function startCall() {
    startButton.addEventListener("click", begin);
    takeOverButton.addEventListener("click", takeOver);
    watch(draw);
    setInterval(drawTimer, 1000);
    if (!startButton.hidden) startButton.focus();
    else if (!takeOverButton.hidden) takeOverButton.focus();
    else if (isOpen()) notes.focus();
}

/** Start the call; typing can begin at once. */
export async function begin() {
    notes?.focus();
    startButton.hidden = true;
    try {
        await act("start");
    } catch (error) {
        startButton.hidden = false;
        alarm(error.message);
    }
}

async function takeOver() {
    try {
        await act("take_over");
        location.reload(); // the page was made without what only the call's owner may see
    } catch (error) {
        alarm(error.message);
    }
}

function draw(now, former) {
    root.dataset.state = now.isOwn ? now.state : "foreign";
    startButton.hidden = !(isOpen() && now.state === "scheduled");
    find("#end").hidden = !isOpen();
    drawOwner(now, former);
    drawTimer();
    for (const field of findAll("textarea")) field.readOnly = !isWritable();
    for (const fieldset of findAll("#services")) fieldset.disabled = !isWritable();
}

function drawOwner(now, former) {
    const line = find("#owner");
    const text = ownerText(now);
    line.hidden = !text;
    line.querySelector("span").textContent = text;
    takeOverButton.hidden = !now.canTakeOver;
    if (former.isOwn && !now.isOwn) alarm(`${now.owner} took this call over. What is typed here is no longer saved.`);
}

function ownerText(now) {
    if (now.state === "cancelled") return "This consultation was cancelled. There is nothing to do here.";
    if (now.state === "done") return `This call ended at ${time(now.endedAt)}: ${now.outcome.toLowerCase()}.`;
    if (now.isOwn) return "";
    return now.startedAt ? `Taken by ${now.owner} at ${time(now.startedAt)}.` : `This is ${now.owner}’s call.`;
}

function drawTimer() {
    const timer = find("#timer");
    timer.hidden = !state.startedAt;
    if (!state.startedAt) return;
    const until = state.endedAt ? Date.parse(state.endedAt) : serverNow();
    timer.textContent = length((until - Date.parse(state.startedAt)) / 1000);
}
