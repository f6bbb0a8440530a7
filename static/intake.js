// Keeps a draft of a form while it is filled in, and shows a question only after the answer that it belongs to. The page
// works without it: every question then says when it is to be answered, and a button saves.

const QUIET = 1000; // after the last key
const APART = 4000; // between two savings, so that a long text does not knock too often

const form = document.querySelector(".intake"); // a preview has no data-intake, and keeps nothing
const status = form.querySelector("[data-status]");
let saved = written();
let timer = 0;
let last = 0;
let isSaving = false;
let isOver = !("intake" in form.dataset) || "held" in form.dataset; // sent, or held up by another window: the page's own buttons go on from there

/** What stands in the form, without the page's own fields. */
function written() {
    const own = ["csrfmiddlewaretoken", "revision", "version"];
    return new URLSearchParams([...new FormData(form)].filter(([name]) => !own.includes(name))).toString();
}

function tell(words, isWrong = false) {
    status.textContent = words;
    status.classList.toggle("wrong", isWrong);
}

function clock() {
    return new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function later() {
    if (isOver) return;
    clearTimeout(timer);
    timer = setTimeout(save, Math.max(QUIET, last + APART - Date.now()));
}

async function save() {
    clearTimeout(timer);
    const now = written();
    if (isOver || isSaving || now === saved) return;
    isSaving = true;
    last = Date.now();
    try {
        const body = new FormData(form);
        const headers = { Accept: "application/json" };
        const answer = await fetch(form.action, { method: "POST", body, headers, redirect: "error", keepalive: true });
        const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
        if (answer.ok && isJson) {
            form.elements.revision.value = (await answer.json()).revision;
            saved = now;
            tell(`Saved ${clock()}`);
        } else if (answer.status === 429 || answer.status >= 500) {
            tell("Not saved yet. It is tried again in a moment.", true);
        } else {
            const { error, details } = isJson ? await answer.json() : {};
            isOver = answer.status === 409 || !isJson;
            const [first] = Object.values(details ?? {});
            tell(`Not saved. ${first ?? error ?? ""} Press “Save and finish later” to see more.`, true);
        }
    } catch {
        tell("No connection: not saved yet. It is tried again in a moment.", true);
    } finally {
        isSaving = false;
        if (written() !== saved) later();
    }
}

/** A question that is not asked is neither seen nor sent; what stands in it comes back with it. */
function showWhatIsAsked() {
    for (const field of form.querySelectorAll("[data-only-if]")) {
        const { onlyIf, onlyIs } = field.dataset;
        const answers = form.querySelectorAll(`[name="${onlyIf}"]:checked`);
        const isAsked = [...answers].some(({ value }) => value === onlyIs);
        field.hidden = !isAsked;
        for (const input of field.querySelectorAll("input, textarea")) input.disabled = !isAsked;
    }
}

for (const words of form.querySelectorAll(".intake-only")) words.hidden = true;
showWhatIsAsked();
saved = written();
form.addEventListener("input", () => {
    showWhatIsAsked();
    later();
});
form.addEventListener("submit", () => {
    isOver = true;
    clearTimeout(timer);
});
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && save());
document.documentElement.dataset.ready = "";
