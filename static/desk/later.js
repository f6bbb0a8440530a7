/** Ringing again: a call-back, another try after nobody answered, or parking the call for whoever is free. */

import { alarm, find, make } from "./elements.js";
import { openEnding } from "./ending.js";
import { flush } from "./notes.js";
import { get } from "./server.js";
import { act, isOpen, state, watch } from "./state.js";
import { momentForBoth } from "./words.js";

const CALL_BACK = "call_back";
const UNANSWERED = "unanswered";

const dialog = find("#later");
const times = find("#later-times");
const at = find("#later-at");
const owner = find("#later-owner");
const problem = find("#later-problem");

let verb = CALL_BACK;
let opened = 0;
let number = 0; // which try it is that nobody answered: pressed twice, it counts once

export function startLater() {
    find("#no-answer").addEventListener("click", () => open(UNANSWERED));
    find("#call-back").addEventListener("click", () => open(CALL_BACK));
    find("#park").addEventListener("click", park);
    find("#later-back").addEventListener("click", () => dialog.close());
    find("#later-ending").addEventListener("click", endInstead);
    dialog.querySelector("form").addEventListener("submit", save);
    times.addEventListener("change", (event) => (at.value = event.target.value));
    at.addEventListener("input", uncheck);
    watch(draw);
}

function draw(now) {
    find("#no-answer").hidden = find("#call-back").hidden = !isOpen();
    find("#park").hidden = !(isOpen() && now.state === "in_progress" && !now.isParked);
}

const isLastTry = () => verb === UNANSWERED && number >= state.triesAllowed;

function open(wanted) {
    verb = wanted;
    opened += 1;
    number = state.tries + 1;
    at.value = "";
    problem.hidden = true;
    times.hidden = true;
    find("#later-title").textContent = verb === CALL_BACK ? "Ring back later" : "Nobody answered";
    find("#later-words").textContent = words();
    find("#later-do").textContent = verb === CALL_BACK ? "Plan the call-back" : isLastTry() ? "End as no-show" : "Try again then";
    find("#later-ending").hidden = verb === CALL_BACK;
    find("#later-who").hidden = verb === UNANSWERED;
    find("#later-when").hidden = at.disabled = isLastTry();
    const mail = find("#later-mail");
    if (mail) mail.hidden = verb === CALL_BACK || number > 1 || isLastTry();
    dialog.showModal();
    (isLastTry() ? find("#later-do") : at).focus();
    if (!isLastTry()) suggest(opened);
}

function words() {
    if (verb === CALL_BACK) return "The call waits in the queue until then.";
    const count = `Try ${number} of ${state.triesAllowed}.`;
    return isLastTry() ? `${count} It was the last one: the call ends as a no-show.` : `${count} The call waits in the queue for the next one.`;
}

/** Offer times, as long as the dialog is still open for the same; what was typed meanwhile stays. */
async function suggest(turn) {
    let found;
    try {
        found = await get("later");
    } catch {
        return; // a time can be typed all the same
    }
    if (turn !== opened || !dialog.open) return;
    const offered = verb === CALL_BACK ? found.callBack : found.tries;
    for (const old of times.querySelectorAll("label")) old.remove();
    for (const one of offered) times.append(chip(one));
    times.hidden = offered.length === 0;
    owner.replaceChildren(...found.owners.map(({ id, name }) => new Option(name, id, false, name === state.owner)));
    if (at.value === "" && offered.length) {
        at.value = offered[0].wall;
        times.querySelector("input").checked = true;
    }
}

function chip({ label, at: moment, wall }) {
    const input = make("input", { type: "radio", name: "later-time", value: wall });
    return make("label", { className: "chip" }, input, make("span", { textContent: `${label}: ${momentForBoth(moment)}` }));
}

function uncheck() {
    const checked = times.querySelector("input:checked");
    if (checked) checked.checked = checked.value === at.value;
}

async function save(event) {
    event.preventDefault();
    const body = isLastTry() ? {} : { at: at.value.slice(0, 16) };
    if (verb === UNANSWERED) body.number = number;
    else if (owner.value) body.owner = owner.value;
    try {
        await flush();
        await act(verb, body);
        location.assign(find("#today").href);
    } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
    }
}

function endInstead() {
    dialog.close();
    openEnding();
}

async function park() {
    try {
        await flush();
        await act("park");
        location.assign(find("#today").href);
    } catch (error) {
        alarm(error.message);
    }
}
