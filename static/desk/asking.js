/** A dialog that asks for a few things, does one thing with them, and says what was refused. */

import { find, make } from "./elements.js";

const dialog = find("#asking");
const problem = find("#asking-problem");
const fields = find("#asking-fields");
const button = find("#asking-do");

let run = null;
let isRunning = false;

export function startAsking() {
    find("#asking-back").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", submit);
}

/** Open the dialog; without something to do it only shows, and closes. */
export function ask({ title, words, parts, label = "Done", then = null }) {
    run = then;
    find("#asking-title").textContent = title;
    find("#asking-words").textContent = words;
    button.textContent = label;
    find("#asking-back").hidden = !then;
    tell("");
    fields.replaceChildren(...parts);
    dialog.showModal();
    (fields.querySelector("[data-first]") ?? fields.querySelector("input:not(:disabled)"))?.focus();
}

/** Say in the dialog why something was refused; nothing to say hides it. */
export function tell(sentence) {
    problem.hidden = !sentence;
    problem.textContent = sentence;
}

/** A line of the dialog: its label, and what is typed. */
export function field(label, input) {
    const name = make("span", { textContent: label });
    return make("label", { className: "desk-asked" }, name, input);
}

async function submit(event) {
    event.preventDefault();
    if (!run) {
        dialog.close();
        return;
    }
    if (isRunning) return;
    isRunning = true;
    try {
        const sentence = await run();
        if (sentence) tell(sentence);
        else dialog.close();
    } catch (error) {
        tell(error.message);
    } finally {
        isRunning = false;
    }
}
