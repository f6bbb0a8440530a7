/** Keeps Today's queue up to date while somebody looks at it, without taking the focus away. */

const SECONDS = 3;
const queue = document.getElementById("queue");
const live = document.getElementById("queue-live");
const spoken = document.getElementById("live");
let etag = null;

/** Tell the rows apart: a call by its id, a heading by its day. */
function rowsOf(container) {
    return new Map([...container.children].map((row) => [row.dataset.row, row]));
}

/** Exchange only the rows that differ, so that what has the focus keeps it. */
function replace(html) {
    const fresh = document.createElement("tbody");
    fresh.innerHTML = html;
    const present = rowsOf(queue);
    const wanted = rowsOf(fresh);
    const focused = queue.contains(document.activeElement) ? document.activeElement.closest("tr").dataset.row : null;
    const added = [...wanted].filter(([key, row]) => !present.has(key) && row.querySelector("a")).length;
    for (const [key, row] of present) if (!wanted.has(key)) row.remove();
    let previous = null;
    for (const [key, row] of wanted) {
        const old = present.get(key);
        const keep = old?.outerHTML === row.outerHTML ? old : row;
        if (old && keep !== old) old.replaceWith(keep);
        if ((previous ? previous.nextElementSibling : queue.firstElementChild) !== keep) {
            previous ? previous.after(keep) : queue.prepend(keep);
        }
        previous = keep;
    }
    if (focused && wanted.has(focused)) rowsOf(queue).get(focused).querySelector("a")?.focus({ preventScroll: true });
    if (added) spoken.textContent = added === 1 ? "A call was added to the queue." : `${added} calls were added to the queue.`;
}

function show(isLive) {
    live.hidden = false;
    live.classList.toggle("off", !isLive);
    live.textContent = isLive ? "Live" : "Offline, will retry";
}

async function look() {
    if (document.hidden) return;
    try {
        const answer = await fetch(queue.dataset.url, { headers: etag ? { "If-None-Match": etag } : {} });
        if (answer.redirected) location.reload();
        if (answer.status === 200) {
            etag = answer.headers.get("ETag");
            replace(await answer.text());
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

document.addEventListener("visibilitychange", look);
keepLooking();
