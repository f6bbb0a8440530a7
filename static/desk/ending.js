/** Ending the call without a booking: a dialog that asks how it ended. */

import { find, findAll } from "./elements.js";
import { flush } from "./notes.js";
import { act } from "./state.js";

const dialog = find("#ending");
const problem = find("#ending-problem");

find("#ending-back").addEventListener("click", () => dialog.close());
dialog.querySelector("form").addEventListener("submit", end);

export function openEnding() {
    problem.hidden = true;
    dialog.showModal();
    (dialog.querySelector("input:checked") ?? dialog.querySelector("input")).focus();
}

async function end(event) {
    event.preventDefault();
    const [outcome, disposition] = findAll('input[name="ending"]').find((input) => input.checked).value.split("/");
    try {
        await flush();
        await act("wrap_up", { outcome, disposition });
        location.assign(find("#today").href);
    } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
    }
}
