/** Callers who have to wait: for an earlier time, or for a service that is still to come. */

import { ask, field } from "./asking.js";
import { find, findAll, make, say } from "./elements.js";
import { act, isOpen, isWritable, state, watch } from "./state.js";

const URGENCIES = [
    [1, "As soon as possible"],
    [2, "Soon"],
    [3, "When it suits"],
];
const DAYPARTS = [
    ["morning", "Morning"],
    ["afternoon", "Afternoon"],
    ["evening", "Evening"],
];
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].map((name, day) => [day, name]);

const before = find("#ask-earlier");
const after = find("#ask-earlier-booked");

/** Let both buttons open the list; `chosen` tells which appointment is looked for, and with whom. */
export function startEarlier(chosen) {
    if (!before) return;
    before.addEventListener("click", () => openEarlier(chosen()));
    after.addEventListener("click", () => openEarlier({ type: state.booking.type, isBooked: true }));
    for (const button of findAll("[data-list]")) button.addEventListener("click", () => openList(button));
    watch((now) => {
        after.hidden = !(now.booking && isWritable());
        for (const button of findAll("[data-list]")) button.disabled = !isOpen();
    });
}

/** Ask what the caller would take, and put them on the list. */
export function openEarlier({ type, practitionerId = null, practitioner = "", isBooked = false }) {
    const urgency = make("select", {}, ...URGENCIES.map(([value, name]) => new Option(name, value, value === 2, value === 2)));
    urgency.dataset.first = "";
    const [parts, partBoxes] = chips("Time of day", DAYPARTS);
    const [days, dayBoxes] = chips("Days", WEEKDAYS);
    const until = make("input", { type: "date" });
    const same = make("input", { type: "checkbox" });
    const alone = make("label", { className: "row" }, same, make("span", { textContent: `With ${practitioner} only` }));
    const kept = isBooked ? "What was booked stays until they take an earlier time." : "Nothing is booked for them yet.";
    ask({
        title: "Ask for an earlier time",
        words: `When a time becomes free, it is offered by e-mail and kept for a while: the most urgent first, then whoever has waited longest. ${kept}`,
        parts: [
            field("How urgent", urgency),
            days,
            parts,
            field("Last day that would help", until),
            ...(practitionerId ? [alone] : []),
        ],
        label: "Put on the list",
        then: async () => {
            await act("ask_earlier", {
                type,
                urgency: Number(urgency.value),
                dayparts: ticked(partBoxes),
                weekdays: ticked(dayBoxes).map(Number),
                untilOn: until.value || null,
                practitionerId: same.checked ? practitionerId : null,
            });
            say("On the list for an earlier time.");
        },
    });
}

/** Read out what is agreed to, and put the caller on the list of a service to come. */
function openList(button) {
    const { list: service, name, wording } = button.dataset;
    const agrees = make("input", { type: "checkbox", required: true });
    const tick = make("label", { className: "row" }, agrees, make("span", { textContent: "The caller agrees" }));
    ask({
        title: `Join the list: ${name}`,
        words: `Read out: “${wording}”`,
        parts: [tick],
        label: "Put on the list",
        then: async () => {
            await act("join_list", { service, wording, agrees: agrees.checked });
            say(`On the list for ${name}.`);
            button.textContent = `${name}: on the list`;
        },
    });
}

/** A row of boxes to tick under one name. */
function chips(name, choices) {
    const boxes = choices.map(([value]) => make("input", { type: "checkbox", value }));
    const labels = choices.map(([, text], n) => make("label", { className: "chip" }, boxes[n], make("span", { textContent: text })));
    const legend = make("legend", { textContent: `${name}, any if none is ticked` });
    return [make("fieldset", { className: "desk-wishes" }, legend, make("div", { className: "row" }, ...labels)), boxes];
}

const ticked = (boxes) => boxes.filter((box) => box.checked).map((box) => box.value);
