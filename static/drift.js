/** Shows how the comparison goes on while somebody waits for it, and what it found at its end. */

const SECONDS = 2;
const status = document.getElementById("drift-status");
const live = document.getElementById("live");

const isRunning = () => Boolean(status.querySelector("[data-running]"));
/** What somebody has begun must not be taken away from under their hands. */
const isBusy = () => Boolean(document.querySelector("dialog[open], input[name=drift]:checked"));

async function look() {
    if (!isRunning()) return;
    const answer = await fetch(status.dataset.url).catch(() => null);
    if (answer?.redirected) location.reload();
    if (answer?.ok) {
        status.innerHTML = await answer.text();
        if (!isRunning()) {
            live.textContent = "The comparison came to its end.";
            if (!isBusy()) location.reload();
            return;
        }
    }
    setTimeout(look, SECONDS * 1000);
}

setTimeout(look, SECONDS * 1000);
