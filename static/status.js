/** Keeps the status page up to date while somebody looks at it, without taking the focus away. */

const SECONDS = 5;
const status = document.getElementById("status");
const live = document.getElementById("status-live");
const spoken = document.getElementById("live");

/** Exchange the parts that differ; what had the focus has it afterwards, as far as it is still there. */
function replace(html) {
    const fresh = document.createElement("div");
    fresh.innerHTML = html;
    for (const part of status.querySelectorAll("[data-part]")) {
        const other = fresh.querySelector(`#${part.id}`);
        if (!other || other.outerHTML === part.outerHTML) continue;
        const focused = part.contains(document.activeElement) ? document.activeElement : null;
        const scrolled = part.querySelector(".table-scroll")?.scrollLeft ?? 0;
        part.replaceWith(other);
        const scroll = other.querySelector(".table-scroll");
        if (scroll) scroll.scrollLeft = scrolled;
        if (focused?.href) other.querySelector(`a[href="${CSS.escape(focused.getAttribute("href"))}"]`)?.focus({ preventScroll: true });
        else if (focused) scroll?.focus({ preventScroll: true });
        if (part.id === "status-troubles") spoken.textContent = other.textContent.trim();
    }
}

function show(isLive) {
    live.hidden = false;
    live.classList.toggle("off", !isLive);
    live.textContent = isLive ? "Live" : "Offline, will retry";
}

async function look() {
    if (document.hidden) return;
    try {
        const answer = await fetch(status.dataset.url);
        if (answer.redirected) location.reload();
        if (answer.ok) replace(await answer.text());
        show(answer.ok);
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
