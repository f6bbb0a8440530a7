/** The bar: whose call it is, how long it lasts, starting it and taking it over. */

import { alarm, find, findAll, root } from "./elements.js";
import { serverNow } from "./server.js";
import { act, isOpen, isWritable, look, state, watch } from "./state.js";
import { length, moment, time } from "./words.js";

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

/** Claim a call that nobody has, or take it from whoever has it. */
async function takeOver() {
    try {
        await act(state.canClaim ? "claim" : "take_over");
        location.reload(); // the page was made without what only the call's owner may see
    } catch (error) {
        alarm(error.message);
        look(); // somebody else was quicker
    }
}

function draw(now, former) {
    root.dataset.state = now.isOwn ? now.state : "foreign";
    startButton.hidden = !(isOpen() && (now.state === "scheduled" || now.isParked));
    startButton.querySelector("span").textContent = now.isParked ? "Resume call" : "Start call";
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
    takeOverButton.hidden = !(now.canTakeOver || now.canClaim);
    takeOverButton.textContent = !now.canClaim ? "Take over" : now.isParked ? "Go on with it" : "Claim";
    if (former.isOwn && !now.isOwn) alarm(`${now.owner} took this call over. What is typed here is no longer saved.`);
}

function ownerText(now) {
    if (now.state === "cancelled") return "This consultation was cancelled. There is nothing to do here.";
    if (now.state === "done") return `This call ended at ${time(now.endedAt)}: ${now.outcome.toLowerCase()}.`;
    const parked = now.isParked ? `Parked at ${time(now.parkedAt)}.` : "";
    if (now.isOwn) return parked || laterText(now);
    if (now.canClaim) return parked || `This is ${now.owner}’s call. Nobody has begun it.`;
    return now.claimedAt ? `Taken by ${now.owner} at ${time(now.claimedAt)}.` : `This is ${now.owner}’s call.`;
}

/** When to ring again, until the call has begun. */
function laterText(now) {
    if (now.state !== "scheduled") return "";
    const tries = now.tries ? `Nobody answered ${now.tries} of ${now.triesAllowed} times.` : "";
    return [now.callBackAt && `Ring again ${moment(now.callBackAt)}.`, tries].filter(Boolean).join(" ");
}

function drawTimer() {
    const timer = find("#timer");
    timer.hidden = !state.startedAt;
    if (!state.startedAt) return;
    const until = state.endedAt ? Date.parse(state.endedAt) : serverNow();
    timer.textContent = length((until - Date.parse(state.startedAt)) / 1000);
}
