/** Ending the call without a booking: a dialog that asks how it ended, then in finer words. */

import { find, findAll } from "./elements.js";
import { flush } from "./notes.js";
import { act, state } from "./state.js";

const dialog = find("#ending");
const problem = find("#ending-problem");
const go = find("#ending-go");
const outcomes = findAll('input[name="outcome"]');
const groups = findAll(".desk-finer");

const outcome = () => outcomes.find((input) => input.checked)?.value ?? "";
const group = () => groups.find((each) => each.dataset.outcome === outcome());
const finer = () => group()?.querySelector("input:checked");

find("#ending-back").addEventListener("click", () => dialog.close());
dialog.querySelector("form").addEventListener("submit", end);
dialog.addEventListener("change", draw);
dialog.addEventListener("keydown", goOn);

/** Ask how the call ended; focus on the outcome that is named, or was chosen before. */
export function openEnding(named) {
    const asked = outcomes.find((input) => input.value === named);
    if (asked) asked.checked = true;
    problem.hidden = true;
    draw();
    dialog.showModal();
    (outcomes.find((input) => input.checked) ?? outcomes[0]).focus();
}

/** Show the finer words of the chosen outcome alone. */
function draw() {
    for (const each of groups) each.hidden = each.disabled = each !== group();
    go.textContent = finer()?.dataset.asks === "letter" ? "End call, write the letter" : "End call";
}

/** Enter goes from the outcome to the finer words, and from those to the end. */
function goOn(event) {
    if (event.key !== "Enter" || event.target.type !== "radio") return;
    event.preventDefault();
    if (event.repeat) return;
    event.target.checked = true;
    draw();
    const words = group();
    if (event.target.name === "outcome" && words) (finer() ?? words.querySelector("input")).focus();
    else dialog.querySelector("form").requestSubmit(go);
}

async function end(event) {
    event.preventDefault();
    problem.hidden = true;
    try {
        await flush();
        await act("wrap_up", { outcome: outcome(), disposition: finer()?.value ?? "" });
        location.assign(state.ending?.letter ?? find("#today").href);
    } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
    }
}
