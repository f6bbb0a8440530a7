/** Keeps Today's queue up to date while somebody looks at it, without taking the focus away. */

const SECONDS = 3;
const queue = document.getElementById("queue");
const live = document.getElementById("queue-live");
const spoken = document.getElementById("live");
let etag = null;
let changes = 0; // counts those begun and ended: rows from before one of them are old

/** Tell the rows apart: a call by its id, a heading by its day. */
function rowsOf(container) {
    return new Map([...container.children].map((row) => [row.dataset.row, row]));
}

/** Exchange only the rows that differ, so that what has the focus keeps it; tell whether any did. */
function replace(html) {
    const fresh = document.createElement("tbody");
    fresh.innerHTML = html;
    const present = rowsOf(queue);
    const wanted = rowsOf(fresh);
    const focused = queue.contains(document.activeElement) ? document.activeElement.closest("tr").dataset.row : null;
    const added = [...wanted].filter(([key, row]) => !present.has(key) && row.querySelector("a")).length;
    for (const [key, row] of present) if (!wanted.has(key)) row.remove();
    let changed = present.size !== wanted.size;
    let previous = null;
    for (const [key, row] of wanted) {
        const old = present.get(key);
        const keep = old?.outerHTML === row.outerHTML ? old : row;
        changed ||= keep !== old;
        if (old && keep !== old) old.replaceWith(keep);
        if ((previous ? previous.nextElementSibling : queue.firstElementChild) !== keep) {
            previous ? previous.after(keep) : queue.prepend(keep);
        }
        previous = keep;
    }
    if (focused && wanted.has(focused)) rowsOf(queue).get(focused).querySelector("a, button")?.focus({ preventScroll: true });
    if (added) spoken.textContent = added === 1 ? "A call was added to the queue." : `${added} calls were added to the queue.`;
    return changed;
}

/** Bring the figures and the menu's counts up to the queue that was just shown. */
async function refreshFigures() {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of [".cards", ".sidebar-nav"]) {
        const old = document.querySelector(part);
        const fresh = page.querySelector(part);
        if (old && fresh && !old.contains(document.activeElement)) old.replaceWith(fresh);
    }
}

function show(isLive) {
    live.hidden = false;
    live.classList.toggle("off", !isLive);
    live.textContent = isLive ? "Live" : "Offline, will retry";
}

async function look() {
    if (document.hidden) return;
    const before = changes;
    try {
        const answer = await fetch(queue.dataset.url, { headers: etag ? { "If-None-Match": etag } : {} });
        if (answer.redirected) location.reload();
        if (answer.status === 200 && before === changes) {
            etag = answer.headers.get("ETag");
            if (replace(await answer.text())) await refreshFigures();
        }
        show(answer.ok || answer.status === 304);
    } catch {
        show(false);
    }
}

async function keepLooking() {
    await look();
    setTimeout(keepLooking, SECONDS * 1000);
}

/** Take a notice away at once; the next one, or else the queue's heading, has the focus then. */
async function noteTold(event) {
    event.preventDefault();
    const button = event.submitter;
    const body = new FormData(event.target, button);
    const row = button.closest("tr");
    const next = row.nextElementSibling?.querySelector("button") ?? document.getElementById("queue-heading");
    next.focus();
    row.remove();
    changes += 1;
    try {
        await fetch(event.target.action, { method: "POST", body });
    } finally {
        changes += 1;
        etag = null; // the rows are no longer those that were sent
        look();
    }
}

document.getElementById("told")?.addEventListener("submit", noteTold);
document.addEventListener("visibilitychange", look);
keepLooking();
