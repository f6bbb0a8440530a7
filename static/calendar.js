/** Keeps the calendar up to date while somebody looks at it; what has the focus keeps it, and nothing scrolls away. */

const SECONDS = 15;
const calendar = document.getElementById("calendar");
const live = document.getElementById("cal-live");
let etag = null;

/** What somebody reads or does must not change under their hands. */
const isBusy = () => document.hidden || Boolean(document.querySelector("dialog[open]"));

function replace(html) {
    const [left, top] = [calendar.firstElementChild.scrollLeft, calendar.firstElementChild.scrollTop];
    const focused = calendar.contains(document.activeElement) ? document.activeElement : null;
    const key = focused?.id || focused?.getAttribute("href");
    calendar.innerHTML = html;
    calendar.firstElementChild.scrollTo(left, top);
    if (!focused) return;
    const again = [...calendar.querySelectorAll("a, [tabindex]")].find((each) => (each.id || each.getAttribute("href")) === key);
    (again ?? calendar.querySelector("[tabindex]"))?.focus({ preventScroll: true });
}

async function look() {
    if (isBusy()) return;
    const headers = { "X-Fragment": "grid", ...(etag && { "If-None-Match": etag }) };
    const answer = await fetch(location.href, { headers }).catch(() => null);
    live.hidden = answer?.ok || answer?.status === 304;
    live.textContent = live.hidden ? "" : "Not up to date, will retry";
    if (answer?.redirected) location.reload();
    if (answer?.status !== 200) return;
    etag = answer.headers.get("ETag");
    const html = await answer.text();
    if (!isBusy()) replace(html);
}

async function keepLooking() {
    await look();
    setTimeout(keepLooking, SECONDS * 1000);
}

/** Begin where the day is, or where its first visit stands. */
function scrollToNow() {
    const region = calendar.querySelector(".cal-scroll");
    const wanted = calendar.querySelector(".cal-now") ?? calendar.querySelector(".cal .cal-visit");
    if (!region || !wanted || calendar.querySelector(".cal-roster")) return;
    region.scrollTop = wanted.offsetTop - region.clientHeight / 3;
}

scrollToNow();
document.addEventListener("visibilitychange", look);
setTimeout(keepLooking, SECONDS * 1000);
