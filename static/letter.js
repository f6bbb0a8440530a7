/** The letter of a call: copying it, printing it, and paper that says what the form says. */

const to = document.getElementById("id_to");
const text = document.getElementById("id_text");
const told = document.getElementById("told");
const copy = document.getElementById("copy");
const print = document.getElementById("print");
let isChanged = false;

copy.hidden = print.hidden = false;
copy.addEventListener("click", takeAlong);
print.addEventListener("click", () => window.print());
for (const field of [to, text]) field.addEventListener("input", write);
text.form.addEventListener("submit", () => (isChanged = false));
addEventListener("beforeunload", (event) => isChanged && event.preventDefault());

function write() {
    isChanged = true;
    document.getElementById("paper-to").textContent = to.value;
    document.getElementById("paper-text").textContent = text.value;
}

async function takeAlong() {
    try {
        await navigator.clipboard.writeText(text.value);
        told.textContent = "Copied.";
    } catch {
        text.select();
        told.textContent = "Press Ctrl+C to copy what is marked.";
    }
}
