/** The search over the whole portal: Ctrl+K opens it, arrows choose, Enter opens. What is typed is kept nowhere. */

const FEWEST_LETTERS = 3;
const PAUSE_MILLISECONDS = 150;
const HINT = "At least 3 letters.";

const dialog = document.querySelector("#search");
const form = dialog.querySelector("form");
const words = form.elements.q;
const found = dialog.querySelector("#search-found");
const count = dialog.querySelector("#search-count");
const hint = dialog.querySelector("#search-hint");
const keys = hint.querySelector(".search-keys");

let timer = 0;
let asking = null;
let shownFor = null;
let isOpeningFirst = false;

const options = () => [...found.querySelectorAll('[role="option"]')];
const chosen = () => found.querySelector('[aria-selected="true"]');

function open() {
    if (dialog.open) return;
    dialog.showModal();
    words.focus();
}

function tell(text, spoken = text) {
    hint.replaceChildren(`${text} `, keys);
    count.textContent = spoken;
}

function clear() {
    clearTimeout(timer);
    asking?.abort();
    isOpeningFirst = false;
    shownFor = null;
    found.replaceChildren();
    words.setAttribute("aria-expanded", "false");
    words.removeAttribute("aria-activedescendant");
}

function choose(option) {
    chosen()?.setAttribute("aria-selected", "false");
    if (!option) return;
    option.setAttribute("aria-selected", "true");
    words.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
}

async function ask() {
    const typed = words.value.trim();
    clearTimeout(timer);
    asking?.abort();
    if (typed.length < FEWEST_LETTERS) {
        clear();
        tell(HINT, "");
        return;
    }
    asking = new AbortController();
    const { signal } = asking;
    const answer = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
        headers: { "X-Fragment": "list" },
        cache: "no-store",
        signal,
    }).catch(() => null);
    if (signal.aborted) return;
    const isGood = answer?.ok && !answer.redirected;
    const rows = isGood ? await answer.text().catch(() => "") : "";
    if (signal.aborted) return;
    found.innerHTML = rows;
    shownFor = isGood ? typed : null;
    const all = options();
    words.setAttribute("aria-expanded", String(all.length > 0));
    words.removeAttribute("aria-activedescendant");
    if (!isGood) tell("The search does not answer. Check the connection, or reload the page.");
    else if (all.length) tell(all.length === 1 ? "1 found." : `${all.length} found.`);
    else tell("Nothing was found. Try another spelling, or a part of the phone number.");
    choose(all[0]);
    if (isOpeningFirst) all[0]?.click();
    isOpeningFirst = false;
}

words.addEventListener("input", () => {
    clearTimeout(timer);
    isOpeningFirst = false;
    timer = setTimeout(ask, PAUSE_MILLISECONDS);
});

words.addEventListener("keydown", (event) => {
    const all = options();
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && all.length) {
        event.preventDefault();
        const step = event.key === "ArrowDown" ? 1 : -1;
        choose(all[(all.indexOf(chosen()) + step + all.length) % all.length]);
    } else if (event.key === "Home" && event.ctrlKey) {
        event.preventDefault();
        choose(all[0]);
    } else if (event.key === "End" && event.ctrlKey) {
        event.preventDefault();
        choose(all.at(-1));
    }
});

form.addEventListener("submit", (event) => {
    event.preventDefault();
    // Whoever types and presses Enter at once means what was typed, not what stands there still.
    if (shownFor === words.value.trim()) {
        chosen()?.click();
    } else if (words.value.trim().length >= FEWEST_LETTERS) {
        ask();
        isOpeningFirst = true;
    }
});

dialog.addEventListener("close", () => {
    clear();
    form.reset();
    tell(HINT, "");
});

// The page's own keys stay quiet behind the search.
dialog.addEventListener("keydown", (event) => event.stopPropagation());

dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-search-close]")) dialog.close();
});

document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-search]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
});

document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.code === "KeyK") {
        event.preventDefault();
        // Above another dialog it would hide what is being decided there.
        if (!document.querySelector("dialog:modal")) open();
    }
});
